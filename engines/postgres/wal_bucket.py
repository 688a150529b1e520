"""PostgreSQL's log in a bucket, as its writer needs it: what is there, one more range, histories, gaps, position."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from engines.postgres.wal_cutting import Cut
from engines.shipping import OtherBytes
from engines.streams import zstd
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
    reached,
    segment_start,
)
from recovery.copies.log_position import POSITIONS, LogPosition
from recovery.errors import Corrupt, DrError, Failed, LeaseRefused
from recovery.lease.lease import format_lsn
from recovery.ports import LogBucket, ObjectStore

_TRIES = 5
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
        for _ in range(_TRIES):
            if self.store.replace(made.key, body, etag=None):
                return made
            found = self.store.get(made.key)
            if found is None:
                continue  # S3 refuses one of two writes at a time; then neither may be there
            if unpacked(found[0], made.key) != cut.body:
                raise _other_bytes(made.key)
            return made
        raise Failed(f"{made.key} could be neither written nor read", next_step="see who else writes the log")

    def put_history(self, line: Line, text: bytes, until: datetime) -> None:
        """Store a timeline's history, locked. Raises OtherBytes when another one is there."""
        self._put_locked(History(line).key, text, until)

    def put_gap(self, gap: Gap, why: str, now: datetime, until: datetime) -> None:
        """Record log that is lost."""
        content = {"start": format_lsn(gap.start), "end": format_lsn(gap.end), "why": why, "at": now.isoformat()}
        if self.store.get(gap.key) is None:
            self.store.put_once(gap.key, json.dumps(content, indent=1).encode() + b"\n", retain_until=until)

    def move(self, position: LogPosition) -> None:
        """Move its epoch's position. Raises LeaseRefused when another shipper is further, or of a later epoch."""
        for _ in range(_TRIES):
            newest = self._newest_key()
            current, etag = self._position(position.key)
            if current == position:
                return
            if newest > position.key or (current and not position.may_follow(current)):
                raise LeaseRefused(
                    f"the log in bucket {self.store.bucket} is further than {format_lsn(position.end)} of timeline "
                    f"{position.timeline} in epoch {position.epoch} ({newest}): another shipper has taken over",
                    next_step="none: the site with the lease ships the log (`dr lease show`)",
                )
            if self.store.replace(position.key, position.to_json(), etag=etag):
                return
        raise Failed(f"{position.key} kept moving", next_step="see that only one shipper runs at a time")

    def read(self, piece: Piece) -> bytes:
        """The bytes of one piece. Raises Corrupt when they are not what its name says."""
        found = self.store.get(piece.key)
        if found is None:
            raise Failed(f"{piece.key} has gone from bucket {self.store.bucket}", next_step="see who deletes the log")
        body = unpacked(found[0], piece.key)
        if len(body) != piece.end - piece.start:
            raise Corrupt(f"{piece.key} holds {len(body):,} bytes, its name says {piece.end - piece.start:,}")
        return body

    def _newest_key(self) -> str:
        return max((item.key for item in self.store.list(POSITIONS)), default="")

    def _position(self, key: str) -> tuple[LogPosition | None, str | None]:
        found = self.store.get(key)
        return (None, None) if found is None else (LogPosition.from_json(found[0], key=key), found[1])

    def _put_locked(self, key: str, body: bytes, until: datetime) -> None:
        found = self.store.get(key)
        if found is None:
            self.store.put_once(key, body, retain_until=until)
        elif found[0] != body:
            raise _other_bytes(key)

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
    keys = sorted(item.key for item in store.list(POSITIONS))
    return [LogPosition.from_json(found[0], key=key) for key in keys if (found := store.get(key))]


def position_now(store: ObjectStore) -> LogPosition | None:
    """The newest; None before there is any. Raises Corrupt."""
    newest = max((item.key for item in store.list(POSITIONS)), default="")
    found = store.get(newest) if newest else None
    return LogPosition.from_json(found[0], key=newest) if found else None


def gaps(store: ObjectStore, prefix: str) -> list[Gap]:
    """Every recorded gap."""
    return [found for item in store.list(prefix) if isinstance(found := parse_key(item.key), Gap)]


def packed(body: bytes, level: int) -> bytes:
    """One zstd frame with a content checksum; the same bytes give the same frame."""
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: level,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    return zstd.compress(body, options=options)


def unpacked(body: bytes, key: str) -> bytes:
    """What `packed` was given. Raises Corrupt naming `key`."""
    try:
        return zstd.decompress(body)
    except zstd.ZstdError as error:
        raise Corrupt(f"{key} cannot be unpacked: {error}", next_step="compare this object's versions") from None


def _other_bytes(key: str) -> DrError:
    return OtherBytes(
        f"{key} is in the bucket with another content: two servers have written the same place of the log",
        next_step="find out which server is the true one before anything more is shipped; `dr lease show` says whose "
        "lease it is, and a restore up to this place is still good",
    )
