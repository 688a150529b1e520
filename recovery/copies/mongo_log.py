"""MongoDB's log in a bucket: the names of its objects, their order, what they cover and what is missing.

A *range* holds every change of the plan's database with a cluster time in [start, end), as it was read within seconds.
A *segment* is some ranges one after the other. Each begins where the one before ended, so a hole shows in the names
alone, also over times when nothing changed. Positions are cluster times as one number. One *line* is what one site
wrote of one server's history in one epoch of the lease; keys of a line sort as its positions do. Layout:

    mongo/log/ranges/EPOCH/SOURCE/START-END.zst      not locked, hidden once their segment is there
    mongo/log/segments/EPOCH/SOURCE/START-END.zst    locked
    mongo/log/gaps/EPOCH/SOURCE/START-END.json       locked; changes that nobody has, and why

Another epoch goes on with no other's log: it begins with a dump of its own.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from recovery.copies.stretches import Run, holes, runs

PREFIX = "mongo/log/"
RANGES, SEGMENTS, GAPS = f"{PREFIX}ranges/", f"{PREFIX}segments/", f"{PREFIX}gaps/"

_KEY = re.compile(
    rf"{PREFIX}(?P<part>ranges|segments|gaps)/(?P<epoch>[0-9]{{8}})/(?P<source>[0-9A-Za-z._-]+)/"
    r"(?P<start>[0-9A-F]{16})-(?P<end>[0-9A-F]{16})\.(?P<ending>zst|json)"
)
_ENDINGS = {"ranges": "zst", "segments": "zst", "gaps": "json"}


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """What one site wrote of one server's history while it held the lease. Lines sort by epoch first."""

    epoch: int
    source: str

    def folder(self, part: str) -> str:
        """Of this line's objects below `part`: RANGES, SEGMENTS or GAPS."""
        return f"{part}{self.epoch:08d}/{self.source}/"

    @property
    def words(self) -> str:
        """For people."""
        return f"epoch {self.epoch}"


@dataclass(frozen=True, slots=True)
class Piece:
    """Changes with cluster times in [start, end) of a line, as one object."""

    line: Line
    start: int
    end: int
    part: Literal["ranges", "segments"] = "ranges"

    @property
    def key(self) -> str:
        """The object's key."""
        return f"{self.line.folder(f'{PREFIX}{self.part}/')}{self.start:016X}-{self.end:016X}.zst"


@dataclass(frozen=True, slots=True)
class Gap:
    """Changes in [start, end) that were lost, or that cannot be replayed. Its object says why and when."""

    line: Line
    start: int
    end: int

    @property
    def key(self) -> str:
        """The object's key."""
        return f"{self.line.folder(GAPS)}{self.start:016X}-{self.end:016X}.json"


def parse_key(key: str) -> Piece | Gap | None:
    """What the object under `key` is; None when it is none of the log's."""
    found = _KEY.fullmatch(key)
    if found is None or found["ending"] != _ENDINGS[found["part"]]:
        return None
    line, start, end = Line(int(found["epoch"]), found["source"]), int(found["start"], 16), int(found["end"], 16)
    if start >= end:
        return None
    match found["part"]:
        case "gaps":
            return Gap(line, start, end)
        case "segments":
            return Piece(line, start, end, "segments")
        case _:
            return Piece(line, start, end)


@dataclass(frozen=True, slots=True)
class Held:
    """Changes in [start, end) that are to be read of `piece`."""

    piece: Piece
    start: int
    end: int


def chain(pieces: Iterable[Piece], start: int, end: int) -> list[Held]:
    """What to read, in order, for the changes from `start` on; ends at `end`, or earlier where nothing goes on.

    Where several hold the same, a segment comes before ranges: it is locked.

    """
    known = sorted(pieces, key=lambda each: each.start)
    found: list[Held] = []
    position, number = start, 0
    here: list[Piece] = []
    while position < end:
        while number < len(known) and known[number].start <= position:
            here.append(known[number])
            number += 1
        here = [each for each in here if each.end > position]
        if not here:
            break
        best = max(here, key=lambda each: (each.part == "segments", each.end))
        found.append(Held(best, position, min(best.end, end)))
        position = best.end
    return found


@dataclass(frozen=True, kw_only=True)
class Covered:
    """What a line of the log holds: `pieces`, and `still`, in which nothing changed since the last of them. `gaps`:
    what cannot be replayed."""

    line: Line
    pieces: Sequence[Piece]
    gaps: Sequence[Gap] = ()
    still: Run | None = None

    @property
    def stretches(self) -> list[Run]:
        """Without a hole and without a gap, in order. One may be a point: where a log has just begun."""
        held = runs([*self.pieces, *filter(None, [self.still])])
        return [part for run in held for part in (holes(self.gaps, run.start, run.end) or [run])]

    def end_from(self, position: int) -> int | None:
        """How far the log leads on from `position` without a hole; None when it does not begin there."""
        return next((run.end for run in self.stretches if run.start <= position <= run.end), None)
