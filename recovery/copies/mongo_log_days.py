"""MongoDB's log as retention sees it: ranges and segments of a line, day by day."""

from collections.abc import Iterable, Sequence

from recovery.copies.log_days import History, LogDays, LogKind, Promised, days_of
from recovery.copies.log_times import second, written
from recovery.copies.mongo_log import SEGMENTS, Gap, Line, Piece, parse_key
from recovery.copies.mongo_log_position import MongoLogPosition
from recovery.copies.stretches import Run
from recovery.ports.buckets import StoredObject

_KIND = LogKind(dataset="mongo", segments=SEGMENTS, shown=written)


def log_days(objects: Iterable[StoredObject], positions: Sequence[MongoLogPosition]) -> LogDays:
    """What a listing of the log amounts to. `positions` are those of every epoch, the newest last, and were read before
    the objects were listed."""
    pieces: dict[Line, list[tuple[Piece, StoredObject]]] = {}
    gaps: dict[Line, list[Run]] = {}
    for item in objects:
        match parse_key(item.key):
            case Gap() as gap:
                gaps.setdefault(gap.line, []).append(Run(gap.start, gap.end))
            case Piece() as piece:
                pieces.setdefault(piece.line, []).append((piece, item))
            case _:
                pass
    histories = [History(mine, gaps.get(line, [])) for line, mine in pieces.items()]
    return days_of(_KIND, histories, _promised(positions[-1]) if positions else None)


def _promised(position: MongoLogPosition) -> Promised | None:
    """None for a line of which nothing is locked yet. It is as old as the last change in it, however often the position
    has moved since without one."""
    line = position.line
    if position.whole <= position.start:
        return None
    return Promised(line=line, end=position.whole, at=second(position.whole), same=lambda other: other == line)
