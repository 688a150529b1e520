"""Words for text that the standby sorts in another way than its primary did."""

from recovery.ports.standby import CollationChange

_NAMED = 6


def collation_words(change: CollationChange) -> str:
    """What may be wrong, and what to do. A warning and no refusal: a database with indexes to be made anew serves more
    orders than none."""
    versions = f"version {change.recorded or 'none'} there, {change.actual or 'none'} here"
    return (
        f"database {change.database} was sorted by another collation library ({versions}): {_indexes(change)} may miss "
        f'rows. After the promotion: REINDEX DATABASE "{change.database}", then ALTER DATABASE "{change.database}" '
        "REFRESH COLLATION VERSION; before one, build the standby from an image of the primary's distribution"
    )


def _indexes(change: CollationChange) -> str:
    if change.indexes is None:
        return "its indexes on text"
    named, more = change.indexes[:_NAMED], len(change.indexes) - _NAMED
    return (
        f"indexes {', '.join(named)}{f' and {more} more' if more > 0 else ''}"
        if named
        else "no index on text, but others"
    )
