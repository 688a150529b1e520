"""The DR bucket's log behind a standby's position, asked anew each time: only what comes after that is listed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile

from engines.postgres.wal_archive import WalArchive
from engines.postgres.wal_bucket import segment_bytes_of
from engines.postgres.wal_tail import goes_on
from recovery.copies.log import (
    RANGES,
    SEGMENT_BYTES,
    SEGMENTS,
    Line,
    Piece,
    Range,
    Segment,
    parse_history,
    parse_key,
    segment_start,
    wal_name,
)
from recovery.copies.log_way import Log, Way, way_from
from recovery.errors import Refused
from recovery.lease.lease import Lease, format_lsn
from recovery.ports.buckets import ObjectStore
from recovery.ports.standby import LogAhead

_LISTERS = 8


@dataclass(frozen=True, kw_only=True)
class Vouched:
    """What the lease vouches for: one system's log up to an epoch and a timeline. A site that was fenced may write on,
    also on a timeline of its own; none of that is the standby's business."""

    system: str
    epoch: int
    timeline: int

    @classmethod
    def by(cls, lease: Lease | None) -> "Vouched | None":
        """None while the lease does not know its primary."""
        if lease is None or lease.heartbeat is None or not lease.system_identifier:
            return None
        return cls(system=lease.system_identifier, epoch=lease.epoch, timeline=lease.heartbeat.timeline)

    def lines(self, timeline: int) -> list[Line]:
        """Where that timeline's log may lie, the newest epoch first."""
        return [Line(epoch, self.system, timeline) for epoch in range(self.epoch, 0, -1)]


def pieces(store: ObjectStore, line: Line, start: int, end: int | None = None, *, segment_bytes: int) -> list[Piece]:
    """Of a line, what holds log from the segment of `start` on, and begins before `end`."""
    first = segment_start(start, segment_bytes)
    found: list[Piece] = []
    # Ranges first: one that is put together with others meanwhile is then found as a segment.
    for part, name in ((RANGES, f"{first:016X}"), (SEGMENTS, wal_name(line.timeline, first, segment_bytes))):
        here = _parsed(store, line.folder(part), name, segment_bytes)
        found += here if end is None else takewhile(lambda each: each.start < end, here)
    return found


def _parsed(store: ObjectStore, folder: str, after: str, segment_bytes: int) -> Iterator[Piece]:
    for each in store.list(folder, after=f"{folder}{after}"):
        found = parse_key(each.key, segment_bytes)
        if isinstance(found, Range | Segment):
            yield found


def history(store: ObjectStore, vouched: Vouched, timeline: int) -> str | None:
    """A timeline's history as the newest epoch has it; None for a timeline that the lease does not know."""
    if not 1 < timeline <= vouched.timeline:
        return None
    for line in vouched.lines(timeline):
        found = store.get(line.history_key)
        if found is not None:
            return found[0].decode(errors="replace")
    return None


def ends_at(store: ObjectStore, vouched: Vouched, timeline: int) -> int | None:
    """Where a timeline that is not the newest was left; 0 for one that is none of its ancestors, is not known to be, or
    is not the lease's. None: nowhere, it is the newest."""
    if timeline == vouched.timeline:
        return None
    text = history(store, vouched, vouched.timeline)
    try:
        switches = parse_history(text or "")
    except ValueError:
        return 0
    return next((each.position for each in switches if each.timeline == timeline), 0)


@dataclass(frozen=True, kw_only=True)
class BucketLog:
    """`recovery.ports.standby.StandbyLog` on a bucket."""

    store: ObjectStore

    def ahead(self, lease: Lease | None, timeline: int, position: int) -> LogAhead:
        """How far the log goes on from a standby's position. Raises Refused when what is there is another history,
        Corrupt, Unreachable."""
        way = self._way(lease, timeline, position)
        hole = way.hole if way else None
        return LogAhead(end=max(position, way.end) if way else position, resumes=hole.end if hole else None)

    def goes_on(self, lease: Lease | None, timeline: int, position: int, end: int) -> bool:
        """Whether a whole record lies between `position`, the end of another one, and `end`. Raises as `ahead`."""
        way = self._way(lease, timeline, position)
        if way is None:
            return False
        archive = WalArchive(store=self.store, way=way, histories={})
        return goes_on(archive.read, position, min(end, way.end), way.segment_bytes)

    def _way(self, lease: Lease | None, timeline: int, position: int) -> Way | None:
        vouched = Vouched.by(lease)
        if vouched is None:
            raise Refused(
                "the site lease does not say which PostgreSQL is production's, so nobody can tell which log is its own",
                next_step="see `dr lease show`: production's guard records it when it reaches its primary",
            )
        newest = max(timeline, vouched.timeline)
        lines = [line for number in range(timeline, newest + 1) for line in vouched.lines(number)]
        size = segment_bytes_of(self.store, vouched.system) or SEGMENT_BYTES
        with ThreadPoolExecutor(_LISTERS) as pool:
            some = pool.map(lambda line: pieces(self.store, line, position, segment_bytes=size), lines)
            found = [each for of_line in some for each in of_line]
        if not found:
            return None
        texts = {each.line.timeline: each.line for each in found if each.line.timeline > timeline}
        histories = {line: text for number, line in texts.items() if (text := history(self.store, vouched, number))}
        way = way_from(Log.of(found, histories, size), timeline, start=position, stop=position)
        if way is None:
            raise Refused(
                f"the standby is on timeline {timeline} at {format_lsn(position)}, where the log in bucket "
                f"{self.store.bucket} left it earlier for another timeline",
                next_step="find out which of the two the customers' orders are in: `dr restore postgres` shows the "
                "bucket's; see docs/adr/0020-the-standby-drains-the-bucket.md",
            )
        return way
