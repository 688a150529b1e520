"""PostgreSQL's log in a bucket, as its writer needs it: what is there, one more range, histories, gaps, position."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from engines.log_store import move, newest_of, packed, positions_of, put_again, put_locked, unpacked
from engines.postgres.wal_cutting import Cut
from recovery.copies.log import (
    RANGES,
    SEGMENT_BYTES,
    SEGMENTS,
    Gap,
    History,
    Line,
    Piece,
    Range,
    Segment,
    parse_key,
    segment_start,
)
from recovery.copies.log_position import POSITIONS, LogPosition
from recovery.copies.stretches import reached
from recovery.errors import Corrupt, Failed
from recovery.lease.lease import format_lsn
from recovery.ports.buckets import LogBucket, ObjectStore

_RANGE_LEVEL = 1  # a range lives until its segment is there


@dataclass(frozen=True, slots=True)
class Stored:
    """What the bucket has of a timeline: whole segments in [start, whole), and on without a hole to `end`."""

    start: int
    whole: int
    end: int


@dataclass(frozen=True)
class WalBucket:
    """The log of one system. `segment_bytes` is the server's wal_segment_size."""

    store: LogBucket
    system: str
    segment_bytes: int = SEGMENT_BYTES

    def ranges(self) -> list[Range]:
        """Every range of this system: few, since they go once their segment is there."""
        return [each for each in self._parsed(RANGES) if isinstance(each, Range)]

    def ranges_beyond(self, line: Line, position: int) -> list[Range]:
        """Those of the line's timeline, in its epoch and before, that begin at `position` or later. What was hidden is
        before it, and a listing that began there would have to walk over every delete marker."""
        return [
            each
            for epoch in range(1, line.epoch + 1)
            for each in self._parsed(*beyond(Line(epoch, line.system, line.timeline), position))
            if isinstance(each, Range)
        ]

    def stored(
        self, timeline: int, positions: Sequence[LogPosition], ranges: Sequence[Range], epoch: int
    ) -> Stored | None:
        """How far the bucket has the log of `timeline`, None when it has nothing. Looks through all segments of the
        timeline in the epochs up to `epoch` when none of `positions` is about it."""
        mine = [each for each in ranges if each.line.timeline == timeline]
        for position in reversed(positions):
            if (position.system, position.timeline) == (self.system, timeline):
                return Stored(position.start, position.end, reached(position.end, mine))
        whole = [
            found
            for each in range(1, epoch + 1)
            for found in self._parsed(Line(each, self.system, timeline).folder(SEGMENTS))
            if isinstance(found, Segment)
        ]
        if whole:
            end = max(each.end for each in whole)
            return Stored(end, end, reached(end, mine))
        if not mine:
            return None
        first = min(each.start for each in mine)
        begun = segment_start(first, self.segment_bytes)
        return Stored(begun, begun, reached(first, mine))

    def put(self, line: Line, cut: Cut) -> Range:
        """Store one range. The same bytes may come again. Raises OtherBytes when other ones are there."""
        made = Range(line, cut.start, cut.end)
        body = packed(cut.body, _RANGE_LEVEL)
        put_again(self.store, made.key, body, lambda found: unpacked(found, made.key) == cut.body)
        return made

    def put_history(self, line: Line, text: bytes, until: datetime) -> None:
        """Store a timeline's history, locked. Raises OtherBytes when another one is there."""
        put_locked(self.store, History(line).key, text, until)

    def put_gap(self, gap: Gap, why: str, now: datetime, until: datetime) -> None:
        """Record log that is lost."""
        content = {"start": format_lsn(gap.start), "end": format_lsn(gap.end), "why": why, "at": now.isoformat()}
        if self.store.get(gap.key) is None:
            self.store.put_once(gap.key, json.dumps(content, indent=1).encode() + b"\n", retain_until=until)

    def move(self, position: LogPosition) -> None:
        """Move its epoch's position. Raises LeaseRefused when another shipper is further, or of a later epoch."""
        words = f"{format_lsn(position.end)} of timeline {position.timeline} in epoch {position.epoch}"
        move(self.store, position, POSITIONS, words)

    def read(self, piece: Piece) -> bytes:
        """The bytes of one piece. Raises Corrupt when they are not what its name says."""
        found = self.store.get(piece.key)
        if found is None:
            raise Failed(f"{piece.key} has gone from bucket {self.store.bucket}", next_step="see who deletes the log")
        body = unpacked(found[0], piece.key)
        if len(body) != piece.end - piece.start:
            raise Corrupt(f"{piece.key} holds {len(body):,} bytes, its name says {piece.end - piece.start:,}")
        return body

    def _parsed(self, prefix: str, after: str = "") -> Iterator[Range | Segment | History | Gap]:
        for item in self.store.list(prefix, after=after):
            found = parse_key(item.key, self.segment_bytes)
            if found is not None and found.line.system == self.system:
                yield found


def beyond(line: Line, position: int) -> tuple[str, str]:
    """Prefix and key to begin after, for the ranges of a line that begin at `position` or later."""
    folder = line.folder(RANGES)
    return folder, f"{folder}{position:016X}"


def positions(store: ObjectStore) -> list[LogPosition]:
    """The log's position in every epoch, the newest last. Raises Corrupt."""
    return [*positions_of(store, POSITIONS, LogPosition)]


def position_now(store: ObjectStore) -> LogPosition | None:
    """The newest; None before there is any. Raises Corrupt."""
    return newest_of(store, POSITIONS, LogPosition)


def segment_bytes_of(store: ObjectStore, system: str) -> int | None:
    """How large a WAL file of that system is, as its shipper said; None before any has. Raises Corrupt."""
    for key in sorted((item.key for item in store.list(POSITIONS)), reverse=True):
        found = store.get(key)
        position = LogPosition.from_json(found[0], key=key) if found else None
        if position and position.system == system:
            return position.segment_bytes
    return None


def gaps(store: ObjectStore, prefix: str) -> list[Gap]:
    """Every recorded gap."""
    return [found for item in store.list(prefix) if isinstance(found := parse_key(item.key), Gap)]
