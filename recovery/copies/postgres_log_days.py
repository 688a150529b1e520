"""PostgreSQL's log as retention sees it: ranges and segments of a timeline, day by day. Its histories stay."""

from collections.abc import Iterable, Sequence

from recovery.copies import log_days as general
from recovery.copies.log import SEGMENT_BYTES, SEGMENTS, Gap, History, Line, Piece, parse_key
from recovery.copies.log_days import LogDays, LogKind, LogLine, Promised
from recovery.copies.log_position import LogPosition
from recovery.copies.stretches import Run
from recovery.lease.lease import format_lsn
from recovery.ports.buckets import StoredObject

_KIND = LogKind(dataset="postgres", segments=SEGMENTS, shown=format_lsn)


def log_days(objects: Iterable[StoredObject], positions: Sequence[LogPosition]) -> LogDays:
    """What a listing of the log amounts to. `positions` are those of every epoch, the newest last, and were read before
    the objects were listed."""
    pieces: dict[tuple[str, int], list[tuple[Piece, StoredObject]]] = {}
    gaps: dict[tuple[str, int], list[Run]] = {}
    sizes = {each.system: each.segment_bytes for each in positions}
    for item in objects:
        found = parse_key(item.key, sizes.get(_system(item.key), SEGMENT_BYTES))
        if isinstance(found, Gap):
            gaps.setdefault((found.line.system, found.line.timeline), []).append(Run(found.start, found.end))
        elif found is not None and not isinstance(found, History):
            pieces.setdefault((found.line.system, found.line.timeline), []).append((found, item))
    histories = [general.History(mine, gaps.get(timeline, [])) for timeline, mine in pieces.items()]
    return general.days_of(_KIND, histories, _promised(positions[-1]) if positions else None)


def _promised(position: LogPosition) -> Promised:
    line = position.line

    def same(other: LogLine) -> bool:
        return isinstance(other, Line) and (other.system, other.timeline) == (line.system, line.timeline)

    return Promised(line=line, end=position.end, at=position.at, same=same)


def _system(key: str) -> str:
    return key.split("/")[4] if key.count("/") > 4 else ""
