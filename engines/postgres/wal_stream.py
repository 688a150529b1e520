"""PostgreSQL's log as it is written: the server's identity, its slot for us, and the bytes, over one walsender session.

https://www.postgresql.org/docs/18/protocol-replication.html
"""

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import pq

from engines.postgres.replication_connection import ReplicationConnection, table
from recovery.copies.log import Switch, parse_history
from recovery.errors import DrError, Failed, Refused, Unreachable
from recovery.lease.lease import format_lsn, parse_lsn

_ANSWER_SECONDS = 30.0
# Microseconds from PostgreSQL's epoch, 2000-01-01, to Unix's.
_EPOCH = 946_684_800_000_000
_DATA, _KEEPALIVE, _STATUS = struct.Struct(">cQQq"), struct.Struct(">cQqB"), struct.Struct(">cQQQqB")
_SIZES = {"B": 1, "kB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}


@dataclass(frozen=True, kw_only=True)
class Server:
    """Who is at the other end. `flushed` is how far its log is on its own disk; `slot_cap` how much of it a slot may
    hold back, in bytes, None without a limit."""

    system: str
    timeline: int
    flushed: int
    segment_bytes: int
    in_recovery: bool
    slot_cap: int | None


@dataclass(frozen=True, slots=True)
class Slot:
    """A physical slot. `restart` is from where on the server keeps its log; None when the slot was invalidated."""

    restart: int | None


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of the log from `start` on; their memory is libpq's until the next message is asked for."""

    start: int
    body: memoryview


@dataclass(frozen=True, slots=True)
class Keepalive:
    """The server has nothing to say; it may want to hear something."""

    answer: bool


class LogGone(Failed):
    """The server no longer has the log that was asked for."""


class WalStream:
    """One session. `connection` is closed with it. Methods raise Unreachable when the session is lost."""

    def __init__(self, connection: ReplicationConnection) -> None:
        self.connection = connection

    @classmethod
    def open(cls) -> "WalStream":
        """Log in where libpq's variables say. Raises what `connection_errors` makes of a failure."""
        import os

        from engines.postgres.connection_errors import worded
        from engines.postgres.tools import server_address

        try:
            return cls(ReplicationConnection.open(application_name="dr ship-log"))
        except psycopg.Error as error:
            raise worded(server_address(os.environ), error) from None

    def identify(self) -> Server:
        """Who answers. Raises Unreachable."""
        ((system, timeline, flushed, _database),) = self._rows("IDENTIFY_SYSTEM")
        cap = self._show("max_slot_wal_keep_size")
        return Server(
            system=system or "",
            timeline=int(timeline or 0),
            flushed=parse_lsn(flushed or "0/0"),
            segment_bytes=read_size(self._show("wal_segment_size")),
            in_recovery=self._show("in_hot_standby") == "on",
            slot_cap=None if cap.startswith("-") else read_size(cap),
        )

    def history(self, timeline: int) -> tuple[bytes, tuple[Switch, ...]]:
        """The history file of a timeline above the first, and the ancestors in it."""
        rows = self._rows(f"TIMELINE_HISTORY {timeline}")
        text = (rows[0][1] if rows else None) or ""
        try:
            return text.encode(), parse_history(text)
        except ValueError as error:
            raise Failed(f"the server's history of timeline {timeline} cannot be read: {error}") from None

    def slot(self, name: str) -> Slot | None:
        """The slot, None when there is none."""
        rows = self._rows(f"READ_REPLICATION_SLOT {name}")
        kind, restart, _timeline = rows[0] if rows else (None, None, None)
        if kind is None:
            return None
        if kind != "physical":
            raise Refused(f"slot {name} is {kind}, not physical", next_step="drop it, or find out whose it is")
        return Slot(parse_lsn(restart) if restart else None)

    def make_slot(self, name: str) -> None:
        """Make the slot; the server keeps its log from its last checkpoint on."""
        self._rows(f"CREATE_REPLICATION_SLOT {name} PHYSICAL RESERVE_WAL")

    def drop_slot(self, name: str) -> None:
        """Remove the slot."""
        self._rows(f"DROP_REPLICATION_SLOT {name}")

    def start(self, slot: str, timeline: int, position: int) -> None:
        """Let the server send. What it no longer has it says with the first `receive`."""
        command = f"START_REPLICATION SLOT {slot} PHYSICAL {format_lsn(position)} TIMELINE {timeline}"
        with _worded():
            self.connection.send(command, until=_soon())
            result = self.connection.result(until=_soon())
        if result is None or result.status != pq.ExecStatus.COPY_BOTH:
            raise Failed(f"the server did not begin to send timeline {timeline} from {format_lsn(position)}")

    def receive(self) -> Data | Keepalive | None:
        """The next message that is there; None when there is none now. Raises EndOfStream at its end."""
        with _worded():
            try:
                message = self.connection.receive(until=0.0)
            except TimeoutError:
                return None
            if message is None:
                self._ended()
                raise EndOfStream
        kind = message[:1]
        if kind == b"w":
            return Data(_DATA.unpack_from(message)[1], message[_DATA.size :])
        if kind == b"k":
            return Keepalive(bool(_KEEPALIVE.unpack_from(message)[3]))
        raise Failed(f"the server sent a message that begins with {bytes(kind)!r}, which nobody knows")

    def confirm(self, received: int, durable: int, *, ask: bool = False) -> None:
        """Say how much has come and how much is stored for good; the server may forget what is stored. `ask` it to say
        something.

        Nothing but this moves the slot. No position is sent as applied: nobody applies anything here.
        """
        now = time.time_ns() // 1000 - _EPOCH
        with _worded():
            self.connection.write(_STATUS.pack(b"r", received, durable, 0, now, int(ask)), until=_soon())

    def fileno(self) -> int:
        """Of the socket, to wait for messages."""
        return self.connection.pgconn.socket

    def close(self) -> None:
        """End the session."""
        self.connection.close()

    def _ended(self) -> None:
        """After the server's end of the COPY: end ours, and raise what it has to say, if that is an error."""
        while True:
            result = self.connection.result(until=_soon())
            if result is None:
                return
            if result.status == pq.ExecStatus.COPY_IN:  # the server has ended its side only
                self.connection.pgconn.put_copy_end()
                self.connection.flush(until=_soon())
            elif result.status == pq.ExecStatus.TUPLES_OK:
                table(result)  # the timeline that follows, which the history says as well

    def _show(self, name: str) -> str:
        return self._rows(f"SHOW {name}")[0][0] or ""

    def _rows(self, command: str) -> list[tuple[str | None, ...]]:
        with _worded():
            return self.connection.rows(command, until=_soon())


class EndOfStream(Exception):
    """The server has sent all of a timeline that has ended, or is shutting down."""


@contextmanager
def _worded() -> Iterator[None]:
    """Turns psycopg's errors into ours."""
    try:
        yield
    except (psycopg.Error, TimeoutError) as error:
        raise worded(error) from None


def worded(error: BaseException) -> DrError:
    """LogGone, Refused or Unreachable for what the server said."""
    said = " ".join(str(error).split())
    state = getattr(error, "sqlstate", None)
    if state == "58P01":
        return LogGone(f"the server no longer has the log that is needed: {said}")
    if state == "42501":
        return Refused(f"the server does not let this role follow its log: {said}", next_step="give it REPLICATION")
    return Unreachable(f"the server ended the session: {said}", next_step="see its log; this goes on by itself")


def read_size(text: str) -> int:
    """`16MB` → bytes, as SHOW gives it. Raises ValueError."""
    number = text.rstrip("kMGTB")
    return int(number) * _SIZES[text[len(number) :].strip() or "MB"]


def _soon() -> float:
    return time.monotonic() + _ANSWER_SECONDS
