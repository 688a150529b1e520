"""What is odd about a finished backup beside the others: its bytes may be intact and its content still be wrong."""

from collections.abc import Sequence
from statistics import median

from recovery.copies.manifest import Manifest

_COMPARED = 10  # with so many before it
_SHRUNK = 0.5


def remarks(manifest: Manifest, others: Sequence[Manifest], *, sizes_vary: bool = False) -> tuple[str, ...]:
    """Size, source and chain of `manifest` beside `others`, all those of its dataset in the same bucket."""
    before = sorted(
        (each for each in others if each.kind == manifest.kind and each.finished < manifest.finished),
        key=lambda each: each.finished,
    )[-_COMPARED:]
    found = [*filter(None, [manifest.withheld]), *manifest.remarks]
    if before:
        usual = median(each.stored_bytes for each in before)
        if not sizes_vary and manifest.stored_bytes < _SHRUNK * usual:
            found.append(
                f"its {manifest.stored_bytes:,} bytes are less than half of the usual {usual:,.0f}: "
                "look whether data is missing at the source"
            )
        last = before[-1].source.system_identifier
        if manifest.source.system_identifier != last:
            found.append(
                f"it is of system {manifest.source.system_identifier}, the one before it of {last}: "
                "look whether the right server was copied"
            )
    if manifest.parent is not None and manifest.parent not in {each.id for each in others}:
        found.append(f"it builds on {manifest.parent}, which is not in this bucket: it cannot be restored from here")
    return tuple(found)
