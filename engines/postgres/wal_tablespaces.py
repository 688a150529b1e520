"""Which tablespaces a file of the log makes, and where: replay makes them there again, whatever is there.

A record is found by what CREATE TABLESPACE alone writes; the same layout in every version so far: src/include/access/
xlogrecord.h, src/include/commands/tablespace.h. Reading all records, as pg_waldump does, would take as long as replay.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from recovery.copies.log import parse_wal_name

_PAGE, _SHORT_HEADER, _LONG_HEADER = 8192, 24, 40
# After xl_tot_len, xl_xid and xl_prev, 16 bytes: xl_info is XLOG_TBLSPC_CREATE, xl_rmid the tablespaces', two zeros.
# Then the checksum, an origin perhaps, the length of what follows in one byte or in four: the oid, the path, a zero.
_BEFORE_INFO, _MARK = 16, b"\x00\x05\x00\x00"
_CREATE = re.compile(rb"\x00\x05\x00\x00.{4}(?:\xfd..)?(?:\xff.|\xfe.{4})(.{4})(/[^\x00]{0,1023})\x00", re.DOTALL)
_REACH = 2048  # the longest such record is shorter


@dataclass(frozen=True)
class Made:
    """A tablespace, and where in the log it is made."""

    position: int
    oid: int
    path: str


def made(start: int, body: bytes) -> Iterator[Made]:
    """Of the log from `start` on, the beginning of a WAL file. A record that goes on beyond `body` is not found."""
    for begin, _, oid, path in _found(_records(body)):
        yield Made(start + _place(begin), oid, path)


def _found(plain: bytes) -> Iterator[tuple[int, int, int, str]]:
    """Beginning, end, oid and path, of records without the headers of pages."""
    at = plain.find(_MARK)
    while at >= 0:
        begin, record = at - _BEFORE_INFO, _CREATE.match(plain, at)
        if record and begin >= 0 and begin + int.from_bytes(plain[begin : begin + 4], "little") == record.end():
            yield begin, record.end(), int.from_bytes(record[1], "little"), record[2].decode(errors="replace")
        at = plain.find(_MARK, at + 1)


def _records(body: bytes) -> bytes:
    """Without the header of each page, in which a record may go on."""
    return b"".join(
        body[at + (_SHORT_HEADER if at else _LONG_HEADER) : at + _PAGE] for at in range(0, len(body), _PAGE)
    )


def _place(at: int) -> int:
    """Where in the file the byte `at` of its records is."""
    first = _PAGE - _LONG_HEADER
    if at < first:
        return at + _LONG_HEADER
    page, rest = divmod(at - first, _PAGE - _SHORT_HEADER)
    return (page + 1) * _PAGE + _SHORT_HEADER + rest


class Joints:
    """Files as they are fetched, in any order: a record may begin in one and end in the next."""

    def __init__(self, segment_bytes: int) -> None:
        self._size = segment_bytes
        self._ends: dict[int, bytes] = {}
        self._begins: dict[int, bytes] = {}

    def made(self, name: str, body: bytes) -> Iterator[Made]:
        """Of the WAL file `name`, and of where it meets its neighbours that were here before."""
        _, start = parse_wal_name(name, self._size)
        yield from made(start, body)
        self._begins[start] = _records(body[:_PAGE])[:_REACH]
        self._ends[start + self._size] = body[-_PAGE + _SHORT_HEADER :][-_REACH:]
        for joint in (start, start + self._size):
            if joint in self._ends and joint in self._begins:
                left, right = self._ends.pop(joint), self._begins.pop(joint)
                for begin, end, oid, path in _found(left + right):
                    if begin < len(left) < end:
                        yield Made(joint - len(left) + begin, oid, path)
