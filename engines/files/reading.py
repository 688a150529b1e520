"""One file, read as it stands: what changes meanwhile is noticed, and what looks like a secret is told by its line."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from recovery.copies.secret_texts import LONGEST, found_in

_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Read:
    """What a reading found: `status` as it was before; not `steady`: it changed meanwhile."""

    status: os.stat_result
    size: int
    sha256: str
    steady: bool


class Reader:
    """Reads files through one piece of memory. `secret` hears of the first of each kind in a file: its line, and what
    it looks like."""

    def __init__(self) -> None:
        self._memory = bytearray(_CHUNK)

    def read(self, file: int, take: Callable[[Iterator[memoryview]], None], secret: Callable[[int, str], None]) -> Read:
        """Let `take` have the content of the open `file`, as long as it is now: one that grows would never end. Raises
        OSError."""
        before, digest, size = os.fstat(file), hashlib.sha256(), 0

        def chunks() -> Iterator[memoryview]:
            nonlocal size
            window, told = b"", set[str]()
            with memoryview(self._memory) as memory:
                while count := os.readv(file, [memory[: before.st_size - size]]):
                    with memory[:count] as chunk:
                        digest.update(chunk)
                        window += chunk
                        for at, what in found_in(window):
                            if what not in told:
                                told.add(what)
                                secret(_line(file, size + count - len(window) + at), what)
                        window = window[-LONGEST:]
                        size += count
                        yield chunk

        take(chunks())
        after = os.fstat(file)
        steady = _same(before, after) and size == after.st_size
        return Read(status=before, size=size, sha256=digest.hexdigest(), steady=steady)


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_size, one.st_mtime_ns, one.st_ctime_ns) == (other.st_size, other.st_mtime_ns, other.st_ctime_ns)


def _line(file: int, offset: int) -> int:
    """The line that `offset` lies in, read anew: as a rule there is nothing to be told."""
    line, at = 1, 0
    while at < offset and (chunk := os.pread(file, min(_CHUNK, offset - at), at)):
        line += chunk.count(b"\n")
        at += len(chunk)
    return line
