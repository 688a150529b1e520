"""Puts ranges together into whole segments: written, read back, locked, and only then are the ranges hidden.

Every step may be the last one of a killed process: what it leaves is whole segments and ranges with the same bytes, and
the next run goes on. Between segments many small ranges become one, so that there are never many to list.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO

from engines.compression import LEVEL, zstd
from engines.postgres.wal_bucket import WalBucket
from engines.postgres.wal_cutting import Cut
from engines.shipping import OtherBytes
from recovery.copies.log import Held, Line, Range, Segment, all_of, chain, segment_start
from recovery.copies.log_position import LogPosition
from recovery.copies.stretches import holes
from recovery.errors import Corrupt, DrError, Failed, LeaseRefused
from recovery.lease.lease import format_lsn

MOST_RANGES = 500
"""So many small ranges of an unfinished segment become one, of at most MERGED_BYTES."""
MERGED_BYTES = 4 * 1024 * 1024
_PAUSE = 5.0
_AT_A_TIME = 512 * 1024  # of unpacked log, in memory


@dataclass(frozen=True, kw_only=True)
class Compaction:
    """The work for one line of the log. `lock` is how long a segment is locked for."""

    bucket: WalBucket
    line: Line
    lock: timedelta
    clock: Callable[[], datetime]

    def advance(self, position: LogPosition, durable: int) -> LogPosition:
        """Make the next segment if all of it is stored; returns the position as it is afterwards. Raises LeaseRefused
        when another shipper has taken over, Failed when ranges have gone that were stored."""
        start, end = position.end, position.end + position.segment_bytes
        ranges = self.bucket.ranges_beyond(self.line, start)
        if durable < end:
            self._merge([each for each in ranges if each.line == self.line and start <= each.start], durable)
            return position
        within = [each for each in ranges if each.start < end and each.end > start]
        missing = holes(within, start, end)
        if not missing:
            self._make(Segment(self.line, start, end), within)
            moved = replace(position, end=end, at=self.clock())
        elif position.start == start and min(each.start for each in within) > start:
            # The log begins in the middle of this segment: its ranges are all that will ever be of it.
            self._lock(within)
            moved = replace(position, start=end, end=end, at=self.clock())
        else:
            raise Failed(
                f"the log from {format_lsn(missing[0].start)} to {format_lsn(missing[0].end)} was stored and has gone "
                f"from bucket {self.bucket.store.bucket}",
                next_step="take the delete markers of those ranges away, and see who placed them",
            )
        self.bucket.move(moved)
        self._hide(within, moved.start, moved.end)
        return moved

    def tidy(self, position: LogPosition, ranges: list[Range]) -> None:
        """Before the first range, of all `ranges` that are there: hide what a killed run left beside its segments, and
        lock what older timelines left in ranges, since nobody will make whole segments of them any more."""
        mine = [each for each in ranges if each.line.timeline == self.line.timeline]
        self._hide(mine, position.start, position.end)
        self._lock([each for each in ranges if each.line.timeline < self.line.timeline])

    def _lock(self, ranges: list[Range]) -> None:
        for each in ranges:
            self.bucket.store.lock(each.key, self.clock() + self.lock)

    def _hide(self, ranges: list[Range], start: int, end: int) -> None:
        """Those that whole segments hold."""
        for each in ranges:
            if start <= each.start and each.end <= end:
                self.bucket.store.hide(each.key)

    def _make(self, segment: Segment, ranges: list[Range]) -> None:
        body, raw = self._put_together(segment, ranges)
        if not self.bucket.store.replace(segment.key, body, etag=None) and self.bucket.store.get(segment.key) is None:
            raise Failed(f"{segment.key} could be neither written nor read", next_step="see who else writes the log")
        self._read_back(segment, raw)
        self.bucket.store.lock(segment.key, self.clock() + self.lock)

    def _put_together(self, segment: Segment, ranges: list[Range]) -> tuple[bytes, bytes]:
        """The segment's object, and the SHA-256 of the log in it. Never holds all of the log at once."""
        compressor = zstd.ZstdCompressor(
            options={
                zstd.CompressionParameter.compression_level: LEVEL,
                zstd.CompressionParameter.checksum_flag: 1,
            }
        )
        body, digest = BytesIO(), hashlib.sha256()
        for held in chain(all_of(ranges), segment.start, segment.end):
            part = memoryview(self._read(held))
            digest.update(part)
            for begin in range(0, len(part), _AT_A_TIME):
                body.write(compressor.compress(part[begin : begin + _AT_A_TIME]))
        body.write(compressor.flush())
        return body.getvalue(), digest.digest()

    def _read_back(self, segment: Segment, raw: bytes) -> None:
        """Raises Corrupt when the bucket gives back something else than the ranges held."""
        size, digest = 0, hashlib.sha256()
        for part in self._unpacked(segment):
            size += len(part)
            digest.update(part)
        if (size, digest.digest()) != (segment.end - segment.start, raw):
            raise OtherBytes(
                f"{segment.key} reads back as something else than its ranges hold ({size:,} bytes)",
                next_step="compare this object's versions; its ranges are still there and hold the log",
            )

    def _unpacked(self, segment: Segment) -> Iterator[bytes]:
        unpacker = zstd.ZstdDecompressor()
        try:
            for chunk in self.bucket.store.stream(segment.key):
                yield unpacker.decompress(chunk, _AT_A_TIME)
                while not (unpacker.needs_input or unpacker.eof):
                    yield unpacker.decompress(b"", _AT_A_TIME)
        except (zstd.ZstdError, EOFError) as error:
            raise Corrupt(f"{segment.key} cannot be unpacked: {error}") from None

    def _merge(self, ranges: list[Range], durable: int) -> None:
        """Many small ranges of an unfinished segment become one, read back before the others go."""
        small = [each for each in ranges if each.end <= durable and each.end - each.start < MERGED_BYTES // 2]
        if len(small) < MOST_RANGES:
            return
        first = min(each.start for each in small)
        size = self.bucket.segment_bytes
        parts = list(chain(all_of(small), first, min(first + MERGED_BYTES, segment_start(first, size) + size)))
        end = parts[-1].end
        made = self.bucket.put(self.line, Cut(first, end, b"".join(map(self._read, parts))))
        self.bucket.read(made)
        self._hide([each for each in small if each != made], first, end)

    def _read(self, held: Held) -> bytes:
        piece = held.piece
        return self.bucket.read(piece)[held.start - piece.start : held.end - piece.start]


class Compactor:
    """`advance` in a thread of its own, each time a whole segment may be there."""

    def __init__(
        self, work: Compaction, position: LogPosition, *, trouble: Callable[[DrError], None] = lambda _: None
    ) -> None:
        self.position = position
        self.failed: DrError | None = None
        """What ended it for good: another shipper took over, or two histories under one name."""
        self._work, self._trouble = work, trouble
        self._durable = position.end
        self._event, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-compaction", daemon=True)
        self._thread.start()

    def stored(self, durable: int) -> None:
        """The bucket has the log up to here."""
        self._durable = durable
        self._event.set()

    def close(self) -> None:
        """Let it finish the step it is at."""
        self._stopping.set()
        self._event.set()
        self._thread.join()

    def _run(self) -> None:
        seen = 0
        while not self._stopping.is_set():
            self._event.wait()
            self._event.clear()
            seen += 1
            try:
                while not self._stopping.is_set() and self._due(seen):
                    self.position = self._work.advance(self.position, self._durable)
                    if self._durable < self.position.end + self.position.segment_bytes:
                        seen = 0
            except DrError as error:
                if isinstance(error, LeaseRefused | OtherBytes):
                    self.failed = error
                    return
                self._trouble(error)
                self._stopping.wait(_PAUSE)
                self._event.set()

    def _due(self, seen: int) -> bool:
        """A whole segment, or as many ranges as are worth a look."""
        return self._durable >= self.position.end + self.position.segment_bytes or seen >= MOST_RANGES
