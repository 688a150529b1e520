"""The outside of an RDB, checked as it passes: what it says of itself in front, and its end and checksum behind.

An RDB is a magic of nine bytes, facts about where and when it was made, the data, the byte 0xFF, and CRC-64 of all that
in eight bytes, little-endian. https://rdb.fnordig.de/file_format.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from anycrc import Model

from engines.streams import Chunks

_MAGIC = re.compile(rb"REDIS\d{4}|VALKEY\d{3}")
_MAGIC_BYTES = 9
_FACT, _END = 0xFA, 0xFF
_TAIL_BYTES = 9  # the end and its checksum
_HEADER_BYTES = 4096  # far more than any server writes in front of its data
_CRC = Model("CRC64-REDIS")


class BrokenRdb(Exception):
    """It is no whole RDB; why, in words."""


class Unchecked(BrokenRdb):
    """It is whole as far as can be seen, but carries no checksum."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """What an RDB says of itself. `magic` is format and version, such as VALKEY080."""

    magic: str
    facts: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def as_of(self) -> datetime | None:
        """When its server began to write it, by that server's clock."""
        seconds = self.facts.get("ctime", "")
        return datetime.fromtimestamp(int(seconds), UTC) if seconds.isdigit() else None

    @property
    def position(self) -> str:
        """The replication history and offset that it is of, `ID:OFFSET`; empty when it says none."""
        history, offset = self.facts.get("repl-id"), self.facts.get("repl-offset")
        return f"{history}:{offset}" if history and offset else ""


class PassingRdb:
    """An RDB on its way. Nothing is held back; whoever reads must not trust what has passed before the end."""

    def __init__(self) -> None:
        self.bytes = 0
        self._crc = 0
        self._front = b""
        self._tail = b""  # the last bytes, of which not all are in the checksum

    @property
    def header(self) -> Header:
        """What has passed in front. Raises BrokenRdb when that is no RDB."""
        magic = self._front[:_MAGIC_BYTES]
        if not _MAGIC.fullmatch(magic):
            raise BrokenRdb(f"it begins with {magic!r}, which is no RDB")
        return Header(magic=magic.decode(), facts=dict(_facts(self._front[_MAGIC_BYTES:])))

    def passing(self, chunks: Chunks) -> Iterator[memoryview]:
        """The same chunks. Raises BrokenRdb at the end unless they were one whole RDB."""
        for chunk in chunks:
            self._count(chunk)
            yield chunk
        self._require_whole()

    def _count(self, chunk: memoryview) -> None:
        self.bytes += len(chunk)
        if len(self._front) < _HEADER_BYTES:
            self._front += bytes(chunk[: _HEADER_BYTES - len(self._front)])
            if len(self._front) >= _MAGIC_BYTES:
                _ = self.header
        if len(chunk) >= _TAIL_BYTES:
            self._crc = _CRC.calc(self._tail, self._crc)
            self._crc = _CRC.calc(chunk[:-_TAIL_BYTES], self._crc)
            self._tail = bytes(chunk[-_TAIL_BYTES:])
        else:
            together = self._tail + bytes(chunk)
            self._crc = _CRC.calc(together[:-_TAIL_BYTES], self._crc)
            self._tail = together[-_TAIL_BYTES:]

    def _require_whole(self) -> None:
        _ = self.header
        if self.bytes < _MAGIC_BYTES + _TAIL_BYTES or self._tail[0] != _END:
            raise BrokenRdb(f"its {self.bytes:,} bytes do not end as an RDB does: it is cut off")
        said = int.from_bytes(self._tail[1:], "little")
        if not said:
            raise Unchecked("it has no checksum")
        counted = _CRC.calc(self._tail[:1], self._crc)
        if counted != said:
            raise BrokenRdb(f"its checksum is {counted:016x}, it says {said:016x}: it was changed")


def _facts(front: bytes) -> Iterator[tuple[str, str]]:
    """Name and value of each fact, as far as they can be read; what follows them is data."""
    place = 0
    while place < len(front) and front[place] == _FACT:
        name, place = _text(front, place + 1)
        value, place = _text(front, place)
        if name is None or value is None:
            return
        yield name, value


def _text(front: bytes, place: int) -> tuple[str | None, int]:
    """A string there and where it ends; None for one that is cut off or packed, which no fact of interest is."""
    nothing = None, len(front)
    if place >= len(front):
        return nothing
    first = front[place]
    kind, low = first >> 6, first & 0x3F
    if kind == 3 and low <= 2:  # a number in 1, 2 or 4 bytes, little-endian
        end = place + 1 + 2**low
        number = int.from_bytes(front[place + 1 : end], "little", signed=True)
        return (str(number), end) if end <= len(front) else nothing
    if kind == 0:
        begin, length = place + 1, low
    elif kind == 1 and place + 1 < len(front):
        begin, length = place + 2, low << 8 | front[place + 1]
    else:
        return nothing
    end = begin + length
    return (front[begin:end].decode(errors="replace"), end) if end <= len(front) else nothing
