"""Bytes on their way: compressed, counted and hashed as they pass, never on a disk."""

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from engines.compression import LEVEL, WORKERS, zstd
from recovery.copies.manifest import Part
from recovery.errors import Corrupt

Chunks = Iterable[memoryview]
"""Raw bytes on their way in; a chunk's memory may be reused once the next one is asked for."""
ADVICE = "use another backup (`dr backups`), and compare this object's versions to see who changed it"
# What a worker compresses at a time. By default it is 8 MiB, and the workers then hold about 120 MiB; like this they
# hold 30 MiB and store 0.3 % more (2026-11, tried on noise and on text, level 3).
_JOB_BYTES = 2 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024


class Tally:
    """What has passed so far, bytes before and after compression; and since the last object's end, the SHA-256 of what
    was stored."""

    def __init__(self) -> None:
        self.raw_bytes = 0
        self.stored_bytes = 0
        self._begin_object()

    @property
    def object_bytes(self) -> int:
        """Stored bytes of the object that is being written."""
        return self.stored_bytes - self._stored_before

    def end_object(self, key: str) -> Part:
        """What was stored as `key`: everything since the last object's end."""
        part = Part(
            key=key,
            bytes=self.object_bytes,
            sha256=self._sha256.hexdigest(),
            raw_bytes=self.raw_bytes - self._raw_before,
        )
        self._begin_object()
        return part

    def _begin_object(self) -> None:
        self._raw_before, self._stored_before = self.raw_bytes, self.stored_bytes
        self._sha256 = hashlib.sha256()

    def count_stored(self, chunk: bytes | memoryview) -> None:
        """Note a chunk after compression."""
        self.stored_bytes += len(chunk)
        self._sha256.update(chunk)


def zstd_version() -> str:
    """Version of the compressor, for the manifest."""
    return zstd.zstd_version


class Compressor:
    """Makes one zstd frame with a content checksum, by two workers."""

    def __init__(self) -> None:
        options: dict[int, int] = {
            zstd.CompressionParameter.compression_level: LEVEL,
            zstd.CompressionParameter.nb_workers: WORKERS,
            zstd.CompressionParameter.job_size: _JOB_BYTES,
            zstd.CompressionParameter.checksum_flag: 1,
        }
        compressor = zstd.ZstdCompressor(options=options)
        self.compress, self.flush = compressor.compress, compressor.flush


def compressed(chunks: Chunks, tally: Tally, progress: Callable[[Tally], None] = lambda _: None) -> Generator[bytes]:
    """One zstd frame."""
    compressor = Compressor()
    for chunk in chunks:
        tally.raw_bytes += len(chunk)
        out = compressor.compress(chunk)
        if out:
            tally.count_stored(out)
            yield out
        progress(tally)
    out = compressor.flush()
    tally.count_stored(out)
    yield out


def passed_on(
    chunks: Chunks, tally: Tally, raw_bytes: Callable[[], int], progress: Callable[[Tally], None] = lambda _: None
) -> Generator[bytes]:
    """Chunks that are zstd already. `raw_bytes` says what all that passed so far was before."""
    before = tally.raw_bytes - raw_bytes()
    for chunk in chunks:
        tally.count_stored(chunk)
        tally.raw_bytes = before + raw_bytes()
        progress(tally)
        yield bytes(chunk)
    tally.raw_bytes = before + raw_bytes()


class Pieces:
    """A raw stream that is read in pieces. Nothing is read before a piece is."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = iter(chunks)
        self._next: memoryview | None = None
        self.ended = False

    def until(self, full: Callable[[], bool]) -> Iterator[memoryview]:
        """The next piece: chunks until `full`. Looks one chunk ahead, so `ended` is right when it ends."""
        if self._next is not None:
            yield self._next
        for chunk in self._chunks:
            if full():
                self._next = chunk
                return
            yield chunk
        self.ended = True


def decompressed(chunks: Iterable[bytes], key: str) -> Iterator[bytes]:
    """zstd frames, one after another, in pieces of at most a MiB. Raises Corrupt naming `key` for what is none; but
    whatever reading the rest of `chunks` raises comes first, for it may say why."""
    source, frame = iter(chunks), zstd.ZstdDecompressor()
    try:
        for chunk in source:
            rest = chunk
            while rest or not (frame.needs_input or frame.eof):
                frame = zstd.ZstdDecompressor() if frame.eof else frame
                piece = frame.decompress(rest, _PIECE_BYTES)
                rest = frame.unused_data if frame.eof else b""
                if piece:
                    yield piece
        problem = "" if frame.eof else "it ends within a frame"
    except zstd.ZstdError as error:
        for _ in source:
            pass
        problem = str(error)
    if problem:
        raise Corrupt(f"{key} cannot be unpacked: {problem}", next_step=ADVICE)


def ahead(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same chunks, the next of which a thread of its own gets while the caller works on this one."""
    source = iter(chunks)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        following = pool.submit(next, source, None)
        while (chunk := following.result()) is not None:
            following = pool.submit(next, source, None)
            yield chunk


def checked(chunks: Iterable[bytes], *, key: str, size: int, sha256: str) -> Iterator[bytes]:
    """Pass chunks on and, at the end, raise Corrupt unless they were exactly the promised bytes (fault 50)."""
    seen, digest = 0, hashlib.sha256()
    for chunk in chunks:
        seen += len(chunk)
        if seen > size:
            raise Corrupt(f"{key} is longer than the {size:,} bytes of its manifest", next_step=ADVICE)
        digest.update(chunk)
        yield chunk
    if seen < size:
        raise Corrupt(f"{key} is cut off: {seen:,} bytes of the {size:,} in its manifest", next_step=ADVICE)
    if digest.hexdigest() != sha256:
        raise Corrupt(
            f"{key} was changed: its SHA-256 is {digest.hexdigest()}, its manifest says {sha256}", next_step=ADVICE
        )
