"""A backup over the replication protocol: what pg_basebackup does, with the server's compression and its manifest.

Archives come one after another, a tar for each tablespace and the data directory last, then backup_manifest. A
temporary slot keeps the WAL that the backup needs. Understood from PostgreSQL 15 on, as
https://www.postgresql.org/docs/18/protocol-replication.html (BASE_BACKUP) says.
"""

import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

from engines.postgres.replication_connection import ReplicationConnection, table
from recovery.copies.manifest import Tablespace
from recovery.errors import Failed
from recovery.lease.lease import parse_lsn

OLDEST_MAJOR = 15
DATA_DIRECTORY, MANIFEST = "base.tar", "backup_manifest"
_SERVER_COMPRESSES = "COMPRESSION 'zstd', COMPRESSION_DETAIL 'level=1'"
# What a server answers whose build has no zstd, or that does not know the option.
_NOT_UNDERSTOOD = {"42601", "0A000"}
_PIECE = 256 * 1024
_ARCHIVE = re.compile(r"((?:base|[1-9][0-9]*)\.tar)(\.zst)?")
_NEW_ARCHIVE, _MANIFEST, _DATA, _PROGRESS = b"nmdp"


@dataclass(frozen=True)
class Position:
    """A place in the WAL."""

    lsn: int
    timeline: int


@dataclass(frozen=True)
class Stream:
    """A part of the backup: `base.tar`, `16385.tar` or `backup_manifest`, compressed by the server or not.

    All of `chunks` has to be read before the next stream comes.
    """

    name: str
    compressed: bool
    chunks: Iterator[memoryview]


class BaseBackup:
    """One backup in a session of its own. `until` is the moment of `time.monotonic()` at which it is given up.

    Raises TimeoutError then, psycopg.Error when the server or the connection ends it, Failed for what is no backup.
    """

    def __init__(self, session: ReplicationConnection, *, until: float) -> None:
        self._session, self._until = session, until
        self._following: memoryview | None = None
        self.raw_bytes = 0
        """What the server has put into archives so far, before compression."""
        self.start = self.stop = Position(0, 0)
        self.tablespaces: tuple[Tablespace, ...] = ()

    def begin(self, *, server_compresses: bool, builds_on: bytes = b"") -> None:
        """Reserve the WAL and start. A server that cannot compress sends the archives as they are.

        `builds_on`: the backup_manifest of an earlier backup, of which only what changed since is sent.
        """
        import psycopg

        if builds_on:
            self._upload(builds_on)
        options = ["INCREMENTAL"] if builds_on else []
        try:
            self._begin([*options, *([_SERVER_COMPRESSES] if server_compresses else [])])
        except psycopg.Error as error:
            if not server_compresses or error.sqlstate not in _NOT_UNDERSTOOD:
                raise
            self._begin(options)

    def streams(self) -> Iterator[Stream]:
        """The archives and the manifest, in the order in which they come. At their end `stop` is known."""
        message = self._receive()
        while message is not None:
            yield self._stream(message)
            message = self._following

    def _upload(self, manifest: bytes) -> None:
        self._session.send("UPLOAD_MANIFEST", until=self._until)
        self._session.result(until=self._until)  # the COPY begins
        for at in range(0, len(manifest), _PIECE):
            self._session.write(manifest[at : at + _PIECE], until=self._until)
        self._session.end_writing(until=self._until)
        while self._session.result(until=self._until) is not None:
            pass

    def _begin(self, more: list[str]) -> None:
        # From here on the server keeps its WAL from its last checkpoint on; the backup begins at a later one. The slot
        # ends with the session, and with an error.
        slot = f"dr_full_{secrets.token_hex(4)}"
        self._session.rows(f"CREATE_REPLICATION_SLOT {slot} TEMPORARY PHYSICAL RESERVE_WAL", until=self._until)
        options = [
            "LABEL 'dr'",
            "CHECKPOINT 'fast'",
            "WAL",
            "WAIT false",  # not until the WAL is archived: it is inside
            "TABLESPACE_MAP",
            "MANIFEST 'yes'",
            "MANIFEST_CHECKSUMS 'CRC32C'",
            *more,
        ]
        self._session.send(f"BASE_BACKUP ({', '.join(options)})", until=self._until)
        ((lsn, timeline),) = self._table()
        self.start = _position(lsn, timeline)
        self.tablespaces = tuple(
            Tablespace(oid=int(oid), location=location or "") for oid, location, _ in self._table() if oid
        )
        self._session.result(until=self._until)  # the COPY begins

    def _table(self) -> list[tuple[str | None, ...]]:
        result = self._session.result(until=self._until)
        if result is None:
            raise Failed("PostgreSQL answered BASE_BACKUP with nothing", next_step="look at the server's log")
        return table(result)

    def _stream(self, message: memoryview) -> Stream:
        kind = message[0]
        if kind == _MANIFEST:
            return Stream(MANIFEST, compressed=False, chunks=self._content())
        name = bytes(message[1:]).partition(b"\0")[0].decode(errors="replace") if kind == _NEW_ARCHIVE else ""
        found = _ARCHIVE.fullmatch(name)
        if not found:
            raise Failed(
                f"PostgreSQL sent something else than an archive: {bytes(message[:40])!r}",
                next_step="is a pooler between us and the server? Connect directly",
            )
        return Stream(found[1], compressed=bool(found[2]), chunks=self._content())

    def _content(self) -> Iterator[memoryview]:
        while (message := self._receive()) is not None:
            kind = message[0]
            if kind == _DATA:
                yield message[1:]
            elif kind == _PROGRESS:
                self.raw_bytes = int.from_bytes(message[1:9], "big")
            else:
                break
        self._following = message

    def _receive(self) -> memoryview | None:
        if time.monotonic() > self._until:
            raise TimeoutError("the backup takes too long")
        message = self._session.receive(until=self._until)
        if message is None:
            self._end()
        return message

    def _end(self) -> None:
        """Whether it ended well is known only here, and must be before a stream ends and what it wrote counts."""
        while (result := self._session.result(until=self._until)) is not None:
            for lsn, timeline in table(result):
                self.stop = _position(lsn, timeline)


def _position(lsn: str | None, timeline: str | None) -> Position:
    return Position(parse_lsn(lsn or ""), int(timeline or 0))
