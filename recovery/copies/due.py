"""When a full backup is due before its schedule: nothing that the site writes now can be restored without it, or only
from an older epoch's full and through a promotion."""

from collections.abc import Sequence
from typing import TypeGuard

from recovery.copies.log import Gap
from recovery.copies.log_position import LogPosition
from recovery.copies.manifest import Manifest
from recovery.lease.lease import format_lsn, parse_lsn

LOOKED_AT = "*/5 * * * *"
"""Schedule of the look whether one is due."""


def open_gaps(gaps: Sequence[Gap], full: Manifest | None) -> tuple[Gap, ...]:
    """Those after which nothing can be restored: a gap is over once a full backup has begun after it, or the database
    is another one. `full`: the newest."""
    if full is None:
        return tuple(gaps)
    begun, system = parse_lsn(full.start_position), full.source.system_identifier
    return tuple(gap for gap in gaps if gap.line.system == system and begun < gap.end)


def begins_late(position: LogPosition | None, full: Manifest) -> TypeGuard[LogPosition]:
    """Whether the log of the full backup's timeline begins after that backup did, so that nothing leads on from it."""
    return (
        position is not None
        and (position.system, position.timeline) == (full.source.system_identifier, full.source.timeline)
        and parse_lsn(full.start_position) < position.start
    )


def due(epoch: int, full: Manifest | None, position: LogPosition | None, gaps: Sequence[Gap]) -> str:
    """Why the site that holds the lease in `epoch` owes a full backup now, in words; empty when it does not. `full`:
    the newest that is all there, in the bucket that it would go to; `position`: the log's."""
    if full is None:
        return "there is no full backup yet"
    if full.source.epoch < epoch:
        return f"the newest full backup is of epoch {full.source.epoch}, and this is epoch {epoch}"
    for gap in open_gaps(gaps, full):
        return f"the log from {format_lsn(gap.start)} to {format_lsn(gap.end)} is lost, and no full backup is newer"
    if begins_late(position, full):
        return f"the log begins at {format_lsn(position.start)}, after the newest full backup ({full.start_position})"
    return ""
