"""A log as retention sees it: what of one line came on one UTC day goes together, whatever the dataset.

A day is that of S3's clock when the object was written, which is never before what is in it was changed; log that is
behind another in its history counts as no older. What belongs to no day, such as the record of a gap, is small, and
without it what is older or newer could not be read or judged. It stays.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from recovery.copies.catalog import Copy, Named
from recovery.copies.retention import LOG
from recovery.copies.stretches import Run, holes
from recovery.ports.buckets import StoredObject


class LogLine(Protocol):
    """What one site wrote of one history while it held the lease; two of the same are equal."""

    @property
    def epoch(self) -> int:
        """Of the lease."""
        ...

    @property
    def source(self) -> str:
        """Whose log it is."""
        ...

    @property
    def words(self) -> str:
        """For people."""
        ...

    def folder(self, part: str) -> str:
        """Of its objects below `part`."""
        ...


class LogPiece(Protocol):
    """One object of a log, with what lies in [start, end)."""

    @property
    def line(self) -> LogLine:
        """Whose it is."""
        ...

    @property
    def start(self) -> int:
        """Its first position."""
        ...

    @property
    def end(self) -> int:
        """The one after its last."""
        ...


@dataclass(frozen=True, kw_only=True)
class LogDays:
    """The log's days and the objects of each, by its `folder`, from the log's beginning to its end. `latest`: where the
    position says that the log is locked to; None without one."""

    copies: tuple[Copy, ...]
    objects: Mapping[str, tuple[StoredObject, ...]]
    latest: Named | None


@dataclass(frozen=True, kw_only=True)
class LogKind:
    """Of which dataset, below what its days are named, and how a position is written for people."""

    dataset: str
    segments: str
    shown: Callable[[int], str]


@dataclass(frozen=True)
class History:
    """The pieces of one history that go on from one another, with their objects; and what was lost of it."""

    pieces: Sequence[tuple[LogPiece, StoredObject]]
    gaps: Sequence[Run] = ()


@dataclass(frozen=True, kw_only=True)
class Promised:
    """What a position says: its line is locked up to `end`, as of `at`. `same`: whether a line is of that history."""

    line: LogLine
    end: int
    at: datetime
    same: Callable[[LogLine], bool]


def days_of(kind: LogKind, histories: Iterable[History], promised: Promised | None) -> LogDays:
    """The days of every history. A day after a hole that no record explains names as its parent what is missing."""
    days = [day for history in histories for day in _days(kind, history)]
    return LogDays(
        copies=tuple(day.copy() for day in days),
        objects={day.folder: tuple(day.objects) for day in days},
        latest=_latest(kind, days, promised) if promised else None,
    )


class _Day:
    """One in the making."""

    def __init__(self, kind: LogKind, line: LogLine, day: str, number: int, parent: str | None) -> None:
        self.kind, self.line, self.day, self.parent = kind, line, day, parent
        self.id = f"{day} of {line.words}" + (f" ({number})" if number > 1 else "")
        self.folder = f"{line.folder(kind.segments)}{day}" + (f"-{number}" if number > 1 else "")
        self.objects: list[StoredObject] = []
        self.begins: datetime | None = None
        self.ends: datetime | None = None
        self.end = -1

    def add(self, piece: LogPiece, item: StoredObject, at: datetime) -> None:
        self.end = max(self.end, piece.end)
        self.begins = self.begins or at
        self.ends = at
        self.objects.append(item)

    def copy(self) -> Copy:
        assert self.begins and self.ends  # noqa: S101  (for the type checker)
        return Copy(
            dataset=self.kind.dataset,
            kind=LOG,
            id=self.id,
            folder=self.folder,
            epoch=self.line.epoch,
            source=self.line.source,
            started=self.begins,
            finished=self.ends,
            parent=self.parent,
            position=self.end,
        )


def _days(kind: LogKind, history: History) -> list[_Day]:
    found: list[_Day] = []
    numbers: dict[tuple[LogLine, str], int] = {}
    at, end = None, None
    for piece, item in sorted(history.pieces, key=lambda each: (each[0].start, each[0].end)):
        at = item.modified if at is None else max(at, item.modified)
        lost = [] if end is None else holes(history.gaps, end, piece.start)
        day = f"{at:%Y-%m-%d}"
        if lost or not found or (found[-1].line, found[-1].day) != (piece.line, day):
            number = numbers[piece.line, day] = numbers.get((piece.line, day), 0) + 1
            before = f"{kind.shown(lost[0].start)} to {kind.shown(lost[-1].end)}" if lost else ""
            found.append(_Day(kind, piece.line, day, number, before or (found[-1].id if found else None)))
        found[-1].add(piece, item, at)
        end = piece.end if end is None else max(end, piece.end)
    return found


def _latest(kind: LogKind, days: list[_Day], promised: Promised) -> Named:
    """The day that holds the end of what the position promises, or what would."""
    for day in days:
        if promised.same(day.line) and day.end >= promised.end:
            return Named(folder=day.folder, finished=promised.at)
    line = promised.line
    return Named(folder=f"{line.folder(kind.segments)} up to {kind.shown(promised.end)}", finished=promised.at)
