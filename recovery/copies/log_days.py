"""PostgreSQL's log as retention sees it: the ranges and segments of one line that came on one UTC day go together.

A day is that of S3's clock when the object was written, which is never before what is in it was committed; log that is
behind another in its timeline counts as no older. The history of a timeline and the record of a gap belong to no day:
they are small, and without them what is older or newer could not be read or judged. They stay.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from recovery.copies.catalog import Copy, Named
from recovery.copies.log import SEGMENT_BYTES, SEGMENTS, Gap, History, Line, Piece, Run, holes, parse_key
from recovery.copies.log_position import LogPosition
from recovery.copies.retention import LOG
from recovery.lease.lease import format_lsn
from recovery.ports import StoredObject

_DATASET = "postgres"


@dataclass(frozen=True, kw_only=True)
class LogDays:
    """The log's days and the objects of each, by its `folder`, from the log's beginning to its end. `latest`: where the
    position says that whole segments end; None without one."""

    copies: tuple[Copy, ...]
    objects: Mapping[str, tuple[StoredObject, ...]]
    latest: Named | None


def log_days(objects: Iterable[StoredObject], positions: Sequence[LogPosition]) -> LogDays:
    """What a listing of the log amounts to. `positions` are those of every epoch, the newest last, and were read before
    the objects were listed. A day after a hole that no record explains names as its parent what is missing."""
    pieces: dict[tuple[str, int], list[tuple[Piece, StoredObject]]] = {}
    gaps: dict[tuple[str, int], list[Run]] = {}
    sizes = {each.system: each.segment_bytes for each in positions}
    for item in objects:
        found = parse_key(item.key, sizes.get(_system(item.key), SEGMENT_BYTES))
        if isinstance(found, Gap):
            gaps.setdefault((found.line.system, found.line.timeline), []).append(Run(found.start, found.end))
        elif found is not None and not isinstance(found, History):
            pieces.setdefault((found.line.system, found.line.timeline), []).append((found, item))
    days = [day for timeline, mine in pieces.items() for day in _days(mine, gaps.get(timeline, []))]
    return LogDays(
        copies=tuple(day.copy() for day in days),
        objects={day.folder: tuple(day.objects) for day in days},
        latest=_latest(days, positions[-1]) if positions else None,
    )


class _Day:
    """One in the making."""

    def __init__(self, line: Line, day: str, number: int, parent: str | None) -> None:
        self.line, self.day, self.parent = line, day, parent
        self.id = f"{day} of timeline {line.timeline}, epoch {line.epoch}" + (f" ({number})" if number > 1 else "")
        self.folder = f"{line.folder(SEGMENTS)}{day}" + (f"-{number}" if number > 1 else "")
        self.objects: list[StoredObject] = []
        self.begins: datetime | None = None
        self.ends: datetime | None = None
        self.end = -1

    def add(self, piece: Piece, item: StoredObject, at: datetime) -> None:
        self.end = max(self.end, piece.end)
        self.begins = self.begins or at
        self.ends = at
        self.objects.append(item)

    def copy(self) -> Copy:
        assert self.begins and self.ends  # noqa: S101  (for the type checker)
        return Copy(
            dataset=_DATASET,
            kind=LOG,
            id=self.id,
            folder=self.folder,
            epoch=self.line.epoch,
            source=self.line.system,
            started=self.begins,
            finished=self.ends,
            parent=self.parent,
            position=self.end,
        )


def _days(pieces: list[tuple[Piece, StoredObject]], gaps: list[Run]) -> list[_Day]:
    """Of one timeline."""
    found: list[_Day] = []
    numbers: dict[tuple[Line, str], int] = {}
    at, end = None, None
    for piece, item in sorted(pieces, key=lambda each: (each[0].start, each[0].end)):
        at = item.modified if at is None else max(at, item.modified)
        lost = [] if end is None else holes(gaps, end, piece.start)
        day = f"{at:%Y-%m-%d}"
        if lost or not found or (found[-1].line, found[-1].day) != (piece.line, day):
            number = numbers[piece.line, day] = numbers.get((piece.line, day), 0) + 1
            before = f"{format_lsn(lost[0].start)} to {format_lsn(lost[-1].end)}" if lost else ""
            found.append(_Day(piece.line, day, number, before or (found[-1].id if found else None)))
        found[-1].add(piece, item, at)
        end = piece.end if end is None else max(end, piece.end)
    return found


def _latest(days: list[_Day], position: LogPosition) -> Named:
    """The day that holds the end of what the position promises, or what would."""
    line = position.line
    for day in days:
        if (day.line.system, day.line.timeline) == (line.system, line.timeline) and day.end >= position.end:
            return Named(folder=day.folder, finished=position.at)
    return Named(folder=f"{line.folder(SEGMENTS)} up to {format_lsn(position.end)}", finished=position.at)


def _system(key: str) -> str:
    return key.split("/")[4] if key.count("/") > 4 else ""
