"""Ranges become whole segments: written, read back, locked, and only then hidden."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engines.log_store import packed, unpacked
from engines.postgres.wal_bucket import WalBucket
from engines.postgres.wal_compaction import MOST_RANGES, Compaction
from engines.postgres.wal_cutting import Cut
from engines.shipping import OtherBytes
from recovery.copies.log import RANGES, Line, Range, Segment
from recovery.copies.log_position import LogPosition
from recovery.errors import Failed
from tests.support.fakes import FakeBucket
from tests.support.simulated_log import NOW, SEGMENT, SYSTEM

LINE = Line(1, SYSTEM, 1)
WHOLE = Segment(LINE, SEGMENT, 2 * SEGMENT)


def made(store: FakeBucket, *bounds: tuple[int, int], start: int = SEGMENT) -> tuple[Compaction, LogPosition]:
    """A bucket whose log begins at `start`, with these ranges."""
    bucket = WalBucket(store, SYSTEM, SEGMENT)
    position = LogPosition(
        epoch=1, system=SYSTEM, timeline=1, segment_bytes=SEGMENT, start=start, end=start - start % SEGMENT, at=NOW
    )
    bucket.move(position)
    for first, last in bounds:
        bucket.put(LINE, Cut(first, last, content(first, last)))
    return Compaction(bucket=bucket, line=LINE, lock=timedelta(days=7), clock=lambda: NOW), position


def content(first: int, last: int) -> bytes:
    return bytes(number % 251 for number in range(first, last))


def ranges(store: FakeBucket) -> list[str]:
    return [key for key in store.objects if key.startswith(RANGES)]


def test_9_ranges_are_hidden_only_when_their_segment_was_read_back_and_locked() -> None:
    class Spoils(FakeBucket):
        """Takes a segment and keeps other bytes."""

        def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
            spoilt = packed(bytes(SEGMENT), 1) if key == WHOLE.key else body
            return super().replace(key, spoilt, etag=etag)

    store = Spoils()
    work, position = made(store, (SEGMENT, SEGMENT + 7), (SEGMENT + 7, 2 * SEGMENT))
    with pytest.raises(OtherBytes, match="reads back as something else"):
        work.advance(position, 2 * SEGMENT)
    assert len(ranges(store)) == 2
    assert store.retained == {}, "what is wrong is not locked"


def test_9_a_reader_between_the_two_finds_the_same_bytes_in_both() -> None:
    class Keeps(FakeBucket):
        def hide(self, key: str) -> None:
            """As if the process had been killed before it."""

    store = Keeps()
    work, position = made(store, (SEGMENT, SEGMENT + 7), (SEGMENT + 7, 2 * SEGMENT))
    work.advance(position, 2 * SEGMENT)
    whole = unpacked(store.objects[WHOLE.key], WHOLE.key)
    assert whole == content(SEGMENT, 2 * SEGMENT)
    parts = [unpacked(store.objects[key], key) for key in sorted(ranges(store))]
    assert b"".join(parts) == whole
    assert store.retained[WHOLE.key] == NOW + timedelta(days=7)


def test_10_a_segment_that_was_there_with_other_bytes_is_never_locked_over() -> None:
    store = FakeBucket()
    work, position = made(store, (SEGMENT, 2 * SEGMENT))
    store.objects[WHOLE.key] = packed(bytes(SEGMENT), 1)
    with pytest.raises(OtherBytes):
        work.advance(position, 2 * SEGMENT)
    assert ranges(store)


def test_44_a_range_that_was_stored_and_has_gone_stops_the_compaction_and_is_named() -> None:
    store = FakeBucket()
    work, position = made(store, (SEGMENT, SEGMENT + 100), (SEGMENT + 200, 2 * SEGMENT))
    with pytest.raises(Failed, match="from 0/100064 to 0/1000C8 was stored and has gone"):
        work.advance(position, 2 * SEGMENT)
    assert WHOLE.key not in store.objects


def test_10_however_slow_the_writes_there_are_never_many_ranges() -> None:
    store = FakeBucket()
    work, position = made(store)
    most, end = 0, SEGMENT
    for _ in range(2 * MOST_RANGES + 100):
        work.bucket.put(LINE, Cut(end, end + 10, content(end, end + 10)))
        end += 10
        if len(ranges(store)) >= MOST_RANGES:
            position = work.advance(position, end)
        most = max(most, len(ranges(store)))
    assert most <= MOST_RANGES
    got = b"".join(unpacked(store.objects[key], key) for key in sorted(ranges(store)))
    assert got == content(SEGMENT, end)


def test_log_that_begins_in_the_middle_of_a_segment_stays_in_ranges_and_is_locked() -> None:
    store = FakeBucket()
    begun = SEGMENT + 500
    work, position = made(store, (begun, 2 * SEGMENT), start=begun)
    moved = work.advance(replace(position, start=SEGMENT), 2 * SEGMENT)
    assert (moved.start, moved.end) == (2 * SEGMENT, 2 * SEGMENT)
    tail = Range(LINE, begun, 2 * SEGMENT)
    assert tail.key in store.objects
    assert tail.key in store.retained
