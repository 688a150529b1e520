"""An RDB over the replication protocol: asked for as a replica does, that wants the data and no writes after it.

As redis-cli --rdb does, and with more: the position that the RDB is of, the newest format that the server writes, and
an end that is known from a cut. https://valkey.io/topics/replication/
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from engines.redis.connection import ErrorReply, Session
from recovery.errors import Failed

_FULL = re.compile(r"\+FULLRESYNC ([0-9a-f]{40}) (\d+)")
_SIZE = re.compile(r"\$(\d+)")
_MARKED = re.compile(r"\$EOF:([0-9a-f]{40})")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the server promised to send: the data of this history, as of this offset."""

    history: str
    offset: int

    @property
    def position(self) -> str:
        """As it stands in a manifest."""
        return f"{self.history}:{self.offset}"


class Cut(Failed):
    """The server ended the connection in the middle."""


def ask(connection: Session, version: str) -> Asked:
    """Ask for everything. `version` is the server's own: Valkey writes an older format for a replica that names none,
    and fails where that cannot hold the data. Raises ErrorReply, OSError, Failed; the RDB follows by `payload`."""
    connection.command("REPLCONF", "rdb-only", "1")  # else it collects every write for us until the RDB is through
    connection.command("REPLCONF", "capa", "eof")  # it need not write a file first
    with contextlib.suppress(ErrorReply):  # Redis does not know it
        connection.command("REPLCONF", "version", version)
    connection.send("PSYNC", "?", "-1")
    line = _next(connection)
    if line.startswith("-"):
        raise ErrorReply(line[1:])
    found = _FULL.fullmatch(line)
    if not found:
        raise Failed(f"the server answers {line[:80]!r} instead of sending its data", next_step="look at its log")
    return Asked(history=found[1], offset=int(found[2]))


def payload(connection: Session) -> Iterator[memoryview]:
    """The RDB: as many bytes as the server says, or up to the mark it names. Raises Cut, OSError, Failed."""
    line = _next(connection)
    if line.startswith("-"):
        raise ErrorReply(line[1:])
    if sized := _SIZE.fullmatch(line):
        yield from _sized(connection.raw(), int(sized[1]))
    elif marked := _MARKED.fullmatch(line):
        yield from _marked(connection.raw(), marked[1].encode())
    else:
        raise Failed(f"the server begins its data with {line[:80]!r}", next_step="look at its log")


def _next(connection: Session) -> str:
    """The next line that is not one of the empty ones by which a server that is busy says that it is there."""
    while True:
        try:
            line = connection.line()
        except ConnectionError as error:
            raise Cut(f"{error} before it sent anything") from None
        if line:
            return line


def _sized(pieces: Iterator[bytes], size: int) -> Iterator[memoryview]:
    seen = 0
    while seen < size:
        piece = next(pieces, b"")
        if not piece:
            raise Cut(f"the server ended the connection after {seen:,} of {size:,} bytes")
        wanted = memoryview(piece)[: size - seen]
        seen += len(wanted)
        yield wanted


def _marked(pieces: Iterator[bytes], mark: bytes) -> Iterator[memoryview]:
    """Nothing comes behind the mark: the server waits for us."""
    held, seen = b"", 0
    for piece in pieces:
        together = held + piece
        if together.endswith(mark):
            yield memoryview(together)[: -len(mark)]
            return
        passed = memoryview(together)[: max(0, len(together) - len(mark))]
        held = together[len(passed) :]
        if passed:
            seen += len(passed)
            yield passed
    raise Cut(f"the server ended the connection after {seen + len(held):,} bytes, before it said that this was all")
