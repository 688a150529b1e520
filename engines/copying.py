"""Bytes on their way: compressed, counted and hashed as they pass, never on a disk."""

import hashlib
import sys
from collections.abc import Callable, Generator, Iterable, Iterator

from recovery.errors import Corrupt

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL, WORKERS = 3, 2
TAIL_BYTES = 64 * 1024


class Tally:
    """What has passed so far: bytes before and after compression, SHA-256 after it, and the end of the raw stream."""

    def __init__(self) -> None:
        self.raw_bytes = 0
        self.stored_bytes = 0
        self.tail = b""
        self._sha256 = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of the stored bytes, hexadecimal."""
        return self._sha256.hexdigest()

    def count_raw(self, chunk: memoryview) -> None:
        """Note a chunk before compression."""
        self.raw_bytes += len(chunk)
        end = bytes(chunk[-TAIL_BYTES:])
        self.tail = end if len(end) == TAIL_BYTES else (self.tail + end)[-TAIL_BYTES:]

    def count_stored(self, chunk: bytes) -> None:
        """Note a chunk after compression."""
        self.stored_bytes += len(chunk)
        self._sha256.update(chunk)


def zstd_version() -> str:
    """Version of the compressor, for the manifest."""
    return zstd.zstd_version


def compressed(
    chunks: Iterable[memoryview], tally: Tally, progress: Callable[[Tally], None] = lambda _: None
) -> Generator[bytes]:
    """One zstd frame with a content checksum, made by two workers; a chunk's memory may be reused once it is taken."""
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: LEVEL,
        zstd.CompressionParameter.nb_workers: WORKERS,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    compressor = zstd.ZstdCompressor(options=options)
    for chunk in chunks:
        tally.count_raw(chunk)
        out = compressor.compress(chunk)
        if out:
            tally.count_stored(out)
            yield out
        progress(tally)
    out = compressor.flush()
    tally.count_stored(out)
    yield out


def checked(chunks: Iterable[bytes], *, key: str, size: int, sha256: str) -> Iterator[bytes]:
    """Pass chunks on and, at the end, raise Corrupt unless they were exactly the promised bytes (fault 50)."""
    advice = "use another backup (`dr backups`), and compare this object's versions to see who changed it"
    seen, digest = 0, hashlib.sha256()
    for chunk in chunks:
        seen += len(chunk)
        if seen > size:
            raise Corrupt(f"{key} is longer than the {size:,} bytes of its manifest", next_step=advice)
        digest.update(chunk)
        yield chunk
    if seen < size:
        raise Corrupt(f"{key} is cut off: {seen:,} bytes of the {size:,} in its manifest", next_step=advice)
    if digest.hexdigest() != sha256:
        raise Corrupt(
            f"{key} was changed: its SHA-256 is {digest.hexdigest()}, its manifest says {sha256}", next_step=advice
        )
