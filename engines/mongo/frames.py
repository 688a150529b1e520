"""BSON documents one after another: each begins with its length, four bytes, and ends with a zero byte.

https://bsonspec.org/spec.html
"""

from collections.abc import Iterable, Iterator
from struct import Struct

LARGEST = 16 * 1024 * 1024 + 16 * 1024
"""Bytes of a document: what a server takes, and what it adds to one of its own."""
_LENGTH = Struct("<i")
_SMALLEST = 5


class BrokenFrames(Exception):
    """They are no whole documents; why, in words."""


class Frames:
    """Documents that pass. `count` and `bytes`: of those that have."""

    def __init__(self) -> None:
        self.count = self.bytes = 0

    def batches(self, chunks: Iterable[bytes]) -> Iterator[memoryview]:
        """`chunks`, cut between documents: each piece is of whole ones. Raises BrokenFrames, at the end too, when what
        came does not end with one."""
        left = b""
        for chunk in chunks:
            body = left + chunk if left else chunk
            whole = self._whole(body)
            left = bytes(body[whole:])
            if whole:
                yield memoryview(body)[:whole]
        if left:
            raise BrokenFrames(f"it ends within document {self.count + 1:,}")

    def _whole(self, body: bytes) -> int:
        """How much of it is whole documents."""
        at, size, count = 0, len(body), 0
        length_of = _LENGTH.unpack_from
        while at + _SMALLEST <= size:
            (length,) = length_of(body, at)
            if not _SMALLEST <= length <= LARGEST:
                raise BrokenFrames(f"document {self.count + count + 1:,} says that it has {length:,} bytes")
            if at + length > size:
                break
            at += length
            if body[at - 1]:
                raise BrokenFrames(f"document {self.count + count + 1:,} does not end where it says")
            count += 1
        self.count += count
        self.bytes += at
        return at
