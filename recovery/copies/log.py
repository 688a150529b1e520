"""PostgreSQL's log in a bucket: the names of its objects, their order, what they cover and what is missing.

A *range* is some bytes of WAL [start, end), written within seconds and never across the end of a segment. A *segment*
is one whole WAL file, put together from ranges. Positions are LSNs, counted in bytes. One *line* is what one site wrote
of one timeline in one epoch of the lease; keys of a line sort as its positions do. Layout:

    postgres/log/ranges/EPOCH/SYSTEM/TIMELINE/START-END.zst      not locked, hidden once their segment is there
    postgres/log/segments/EPOCH/SYSTEM/TIMELINE/WALNAME.zst      locked
    postgres/log/segments/EPOCH/SYSTEM/TIMELINE/TIMELINE.history locked; as the server has it
    postgres/log/gaps/EPOCH/SYSTEM/TIMELINE/START-END.json       locked; log that nobody has, and why
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from recovery.lease.lease import parse_lsn

PREFIX = "postgres/log/"
RANGES, SEGMENTS, GAPS = f"{PREFIX}ranges/", f"{PREFIX}segments/", f"{PREFIX}gaps/"
SEGMENT_BYTES = 16 * 1024 * 1024
"""PostgreSQL's wal_segment_size unless initdb was told otherwise."""

_KEY = re.compile(
    rf"{PREFIX}(?P<part>ranges|segments|gaps)/(?P<epoch>[0-9]{{8}})/(?P<system>[0-9]{{1,20}})/(?P<timeline>[0-9A-F]{{8}})/"
    r"(?P<name>[^/]+)"
)
_BOUNDS = re.compile(r"([0-9A-F]{16})-([0-9A-F]{16})\.(zst|json)")
_HISTORY_NAME = re.compile(r"([0-9A-F]{8})\.history")
_WAL_NAME = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})")


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """What one site wrote of one timeline while it held the lease. Lines sort by epoch first."""

    epoch: int
    system: str
    timeline: int

    def folder(self, part: str) -> str:
        """Of this line's objects below `part`: RANGES, SEGMENTS or GAPS."""
        return f"{part}{self.epoch:08d}/{self.system}/{self.timeline:08X}/"

    @property
    def source(self) -> str:
        """Whose log it is."""
        return self.system

    @property
    def words(self) -> str:
        """For people."""
        return f"timeline {self.timeline}, epoch {self.epoch}"

    @property
    def history_key(self) -> str:
        """Where the timeline's history is kept; timeline 1 has none."""
        return f"{self.folder(SEGMENTS)}{history_name(self.timeline)}"


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes [start, end) of a line, as one object."""

    line: Line
    start: int
    end: int

    @property
    def key(self) -> str:
        """The object's key."""
        return f"{self.line.folder(RANGES)}{self.start:016X}-{self.end:016X}.zst"


@dataclass(frozen=True, slots=True)
class Segment:
    """A whole WAL file of a line, as one object."""

    line: Line
    start: int
    end: int

    @property
    def name(self) -> str:
        """The file's name in pg_wal."""
        return wal_name(self.line.timeline, self.start, self.end - self.start)

    @property
    def key(self) -> str:
        """The object's key."""
        return f"{self.line.folder(SEGMENTS)}{self.name}.zst"


@dataclass(frozen=True, slots=True)
class History:
    """The history file of a line's timeline."""

    line: Line

    @property
    def key(self) -> str:
        """The object's key."""
        return self.line.history_key


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes [start, end) of a line that were lost before anybody stored them. Its object says why and when."""

    line: Line
    start: int
    end: int

    @property
    def key(self) -> str:
        """The object's key."""
        return f"{self.line.folder(GAPS)}{self.start:016X}-{self.end:016X}.json"


Piece = Range | Segment
"""What holds bytes of the log."""


def parse_key(key: str, segment_bytes: int = SEGMENT_BYTES) -> Range | Segment | History | Gap | None:
    """What the object under `key` is; None when it is none of the log's."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    line = Line(epoch=int(found["epoch"]), system=found["system"], timeline=int(found["timeline"], 16))
    name, part = found["name"], found["part"]
    if part == "segments":
        if name == history_name(line.timeline):
            return History(line)
        try:
            timeline, start = parse_wal_name(name.removesuffix(".zst"), segment_bytes)
        except ValueError:
            return None
        whole = name.endswith(".zst") and timeline == line.timeline
        return Segment(line, start, start + segment_bytes) if whole else None
    bounds = _BOUNDS.fullmatch(name)
    if bounds is None or bounds[3] != ("zst" if part == "ranges" else "json"):
        return None
    start, end = int(bounds[1], 16), int(bounds[2], 16)
    if start >= end:
        return None
    return Range(line, start, end) if part == "ranges" else Gap(line, start, end)


def history_name(timeline: int) -> str:
    """As PostgreSQL calls the file."""
    return f"{timeline:08X}.history"


def parse_history_name(name: str) -> int | None:
    """The timeline whose history file is called so; None for another name."""
    found = _HISTORY_NAME.fullmatch(name)
    return int(found[1], 16) if found else None


def wal_name(timeline: int, position: int, segment_bytes: int = SEGMENT_BYTES) -> str:
    """The WAL file that holds `position`."""
    number = position // segment_bytes
    per_log = 2**32 // segment_bytes
    return f"{timeline:08X}{number // per_log:08X}{number % per_log:08X}"


def parse_wal_name(name: str, segment_bytes: int = SEGMENT_BYTES) -> tuple[int, int]:
    """Timeline and first position of a WAL file. Raises ValueError when it is no such name."""
    found = _WAL_NAME.fullmatch(name)
    if found is None or int(found[3], 16) >= 2**32 // segment_bytes:
        raise ValueError(f"{name!r} is no name of a WAL file with {segment_bytes:,} bytes")
    return int(found[1], 16), int(found[2], 16) * 2**32 + int(found[3], 16) * segment_bytes


def segment_start(position: int, segment_bytes: int = SEGMENT_BYTES) -> int:
    """The first position of the segment that holds `position`."""
    return position - position % segment_bytes


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes [start, end) of the log that `piece` holds and that count where it is asked."""

    piece: Piece
    start: int
    end: int


def chain(held: Iterable[Held], start: int, end: int) -> Iterator[Held]:
    """What to read, in order, for the bytes from `start` on. Ends at `end`, or earlier where nothing goes on.

    Where several hold the same bytes, a segment comes before ranges and a higher epoch before a lower one.
    """
    known = list(held)
    position = start
    while position < end:
        here = [each for each in known if each.start <= position < each.end]
        if not here:
            return
        best = max(here, key=lambda each: (isinstance(each.piece, Segment), each.piece.line.epoch, each.end))
        yield Held(best.piece, position, min(best.end, end))
        position = best.end


def all_of(pieces: Iterable[Piece]) -> Iterator[Held]:
    """Every byte of them counts."""
    return (Held(piece, piece.start, piece.end) for piece in pieces)


@dataclass(frozen=True, slots=True)
class Switch:
    """`timeline` ended at `position`: its log beyond that belongs to nobody."""

    timeline: int
    position: int


def parse_history(text: str) -> tuple[Switch, ...]:
    """The ancestors of a timeline, the oldest first. Raises ValueError for what is no history file.

    https://www.postgresql.org/docs/18/continuous-archiving.html#BACKUP-TIMELINES
    """
    found: list[Switch] = []
    for number, row in enumerate(text.splitlines(), 1):
        fields = row.split("#", 1)[0].split(None, 2)
        if not fields:
            continue
        if len(fields) < 2 or not (fields[0].isascii() and fields[0].isdigit()):
            raise ValueError(f"line {number} of the timeline history is not `timeline position reason`")
        switch = Switch(int(fields[0]), parse_lsn(fields[1]))
        if found and (switch.timeline <= found[-1].timeline or switch.position < found[-1].position):
            raise ValueError(f"line {number} of the timeline history goes backwards")
        found.append(switch)
    return tuple(found)
