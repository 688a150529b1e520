"""Log that is in no copy: until a full backup has begun after it, nothing that came later can be restored."""

from collections.abc import Sequence
from typing import TypeGuard

from recovery.copies.log import Gap
from recovery.copies.log_position import LogPosition
from recovery.copies.manifest import Manifest
from recovery.lease.lease import format_lsn, parse_lsn


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


def lost_since(full: Manifest, position: LogPosition | None, gaps: Sequence[Gap]) -> str:
    """Of a log that is at `position`: why some moment after `full` began cannot be restored; empty when all can."""
    for gap in open_gaps(gaps, full):
        return f"the log from {format_lsn(gap.start)} to {format_lsn(gap.end)} is lost, and no full backup is newer"
    if begins_late(position, full):
        return f"the log begins at {format_lsn(position.start)}, after the newest full backup ({full.start_position})"
    return ""
