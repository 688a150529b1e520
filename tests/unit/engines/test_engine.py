"""Where a backup is written: one object, or as many as it takes."""

import hashlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from engines.compression import zstd
from engines.engine import Folder
from engines.streams import Tally
from tests.support.fakes import FakeBucket

UNTIL = datetime(2026, 2, 1, tzinfo=UTC)
# Noise, which does not get smaller, and more than the compressor holds back.
CONTENT = random.Random(1).randbytes(16 * 1024 * 1024)  # noqa: S311  (not a secret)
CHUNK = 100_000


def chunks() -> Iterator[memoryview]:
    """The content; the memory of a chunk is reused for the next, as a producer may do."""
    buffer = bytearray(CHUNK)
    for start in range(0, len(CONTENT), CHUNK):
        piece = CONTENT[start : start + CHUNK]
        buffer[: len(piece)] = piece
        yield memoryview(buffer)[: len(piece)]


def test_what_fits_one_object_is_one() -> None:
    bucket = FakeBucket()
    parts = Folder(store=bucket, prefix="a/", retain_until=UNTIL).write("base.zst", chunks(), Tally())
    assert [part.key for part in parts] == ["a/base.zst"]
    assert zstd.decompress(bucket.objects["a/base.zst"]) == CONTENT


def test_what_does_not_fit_goes_on_in_further_locked_objects_that_are_one_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engines.engine.OBJECT_BYTES", 3_000_000)
    bucket, tally = FakeBucket(), Tally()
    parts = Folder(store=bucket, prefix="a/", retain_until=UNTIL).write("base.zst", chunks(), tally)
    assert [part.key for part in parts][:2] == ["a/base.zst", "a/base.zst.0002"] and len(parts) == len(bucket.objects)
    assert set(bucket.retained.values()) == {UNTIL} and set(bucket.retained) == {part.key for part in parts}
    assert b"".join(zstd.decompress(bucket.objects[part.key]) for part in parts) == CONTENT
    for part in parts:
        body = bucket.objects[part.key]
        assert (part.bytes, part.sha256) == (len(body), hashlib.sha256(body).hexdigest())
        assert part.raw_bytes == len(zstd.decompress(body))
    assert (tally.raw_bytes, tally.stored_bytes) == (len(CONTENT), sum(part.bytes for part in parts))


def test_nothing_is_asked_of_the_source_before_the_upload_is_open() -> None:
    class Closed(FakeBucket):
        def put_stream(self, key: str, chunks: object, *, retain_until: datetime | None) -> None:
            raise PermissionError

    def source() -> Iterator[memoryview]:
        pytest.fail("it was read")
        yield memoryview(b"")

    with pytest.raises(PermissionError):
        Folder(store=Closed(), prefix="a/", retain_until=UNTIL).write("base.zst", source(), Tally())
