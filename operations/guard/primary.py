"""What a guard does at its primary, as role dr_guard: measure it, and end the application's sessions."""

import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from engines.postgres import tls_errors
from operations.guard.gate import Address
from recovery.errors import Unreachable
from recovery.lease.guard_report import DatabaseSeen, SlotSeen
from recovery.lease.lease import Heartbeat, parse_lsn
from recovery.names import ROLE_GUARD

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

# The insertion timeline out of a WAL file's name: the control file's is that of the last checkpoint.
_MEASURE = """
SELECT pg_current_wal_lsn()::text,
       ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int,
       (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()),
       (SELECT system_identifier::text FROM pg_control_system())
 WHERE NOT pg_is_in_recovery()
"""
# A login in progress has no role yet and cannot be signalled; it becomes a session or ends.
_END = "SELECT count(*), count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = %s"
_COUNT = """
SELECT count(*) FROM pg_stat_activity
 WHERE usename = %s OR (usename IS NULL AND backend_type = 'client backend')
"""
_BETWEEN_COUNTS = 0.1
_IDENTITY_SECONDS = 5.0
_IDENTITY = "SELECT system_identifier::text, pg_is_in_recovery() FROM pg_control_system()"
# A slot that nobody has used yet keeps nothing. `wal_status` lost: the server has removed what the slot was for.
# https://www.postgresql.org/docs/18/view-pg-replication-slots.html
_SLOTS = """
SELECT slot_name::text, wal_status = 'lost',
       greatest(0, coalesce(pg_wal_lsn_diff(
         CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END,
         restart_lsn), 0))
FROM pg_replication_slots WHERE NOT temporary ORDER BY 1
"""
_SLOT_CAP = "SELECT pg_size_bytes(current_setting('max_slot_wal_keep_size'))"


def in_time(call: Callable[[], T], seconds: float, what: str) -> T:
    """`call` in a thread of its own. Raises what it raises, or Unreachable after `seconds`; the thread is left alone.

    For calls whose own time-outs do not cover everything, such as name resolution or a server that stands still.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001  handed to the caller
            errors.append(error)

    thread = threading.Thread(target=work, name=what, daemon=True)
    thread.start()
    thread.join(max(0.0, seconds))
    if errors:
        raise errors[0]
    if not results:
        raise Unreachable(f"{what}: no answer within {seconds:.1f} s")
    return results[0]


class Primary:
    """The primary behind the gate. Password, user and database come from libpq's own variables."""

    def __init__(self, upstream: Address, *, database: str, application_role: str) -> None:
        self._upstream = upstream
        self._database = os.environ.get("PGDATABASE", database)
        self._user = os.environ.get("PGUSER", ROLE_GUARD)
        self._application_role = application_role
        self._last: Heartbeat | None = None
        self._commits: tuple[float, int] | None = None
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self._measuring = threading.Lock()

    def heartbeat(self, within: float) -> Heartbeat | None:
        """Where the primary is now, or the last that is known when it does not say within `within` seconds."""
        if not self._measuring.locked():
            try:
                self._last = in_time(self._measure, within, "heartbeat") or self._last
            except Unreachable:
                return self._last
        return self._last

    def identity(self) -> DatabaseSeen:
        """Which server this is, over a connection of its own: a guard that can log in can also end sessions. Raises
        Unreachable with the server's own reason."""
        import psycopg

        def ask() -> DatabaseSeen:
            try:
                with self._connect() as connection:
                    row = connection.execute(_IDENTITY).fetchone()
                    slots = connection.execute(_SLOTS).fetchall()
                    cap = connection.execute(_SLOT_CAP).fetchone()
            except psycopg.Error as error:
                said = " ".join(str(error).split())
                raise Unreachable(f"{said}; {tls_errors.NEXT_STEP}" if tls_errors.disagrees(said) else said) from None
            identifier, in_recovery = row or ("", False)
            most = int(str(cap[0])) if cap else -1
            return DatabaseSeen(
                system_identifier=str(identifier),
                in_recovery=bool(in_recovery),
                address=str(self._upstream),
                slots=tuple(SlotSeen(str(name), int(str(kept)), bool(lost)) for name, lost, kept in slots),
                slot_cap=None if most < 0 else most,
            )

        return in_time(ask, _IDENTITY_SECONDS, f"logging in at {self._upstream}")

    def end_sessions(self, within: float) -> bool:
        """End the application's sessions until two counts find none, each over a new connection.

        Call with the gate closed. The postmaster takes connections in their order, so whoever came before our own new
        connection has a process by then; the second count finds what the first was too early to see.
        """
        deadline = time.monotonic() + within
        counted_none = 0
        while counted_none < 2:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            try:
                counted_none = 0 if in_time(self._end, left, "ending sessions") else counted_none + 1
            except Unreachable:
                counted_none = 0
            time.sleep(min(_BETWEEN_COUNTS, max(0.0, left)))
        return True

    def _end(self) -> int:
        """Ask every session of the application to end; returns how many were there, logins in progress included."""
        import psycopg

        try:
            with self._connect() as connection:
                connection.execute(_END, (self._application_role,))
                row = connection.execute(_COUNT, (self._application_role,)).fetchone()
        except psycopg.Error as error:
            raise Unreachable(f"ending sessions: {error}") from None
        return int(str(row[0])) if row else 0

    def _measure(self) -> Heartbeat | None:
        """One measurement over the standing connection; the connection is given up on any error."""
        import psycopg

        with self._measuring:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = self._connect()
                row = self._connection.execute(_MEASURE).fetchone()
            except psycopg.Error as error:
                if self._connection is not None:
                    self._connection.close()
                self._connection, self._commits = None, None
                raise Unreachable(f"heartbeat: {error}") from None
        if row is None:
            return None
        at, commits = time.monotonic(), int(str(row[2]))
        rate = 0.0
        if self._commits is not None and at > self._commits[0]:
            rate = max(0.0, (commits - self._commits[1]) / (at - self._commits[0]))
        self._commits = (at, commits)
        return Heartbeat(
            at=datetime.now(UTC),
            lsn=parse_lsn(str(row[0])),
            commits_per_second=rate,
            timeline=int(str(row[1])),
            system_identifier=str(row[3]),
        )

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        import psycopg

        return psycopg.connect(
            host=self._upstream.host,
            port=self._upstream.port,
            user=self._user,
            dbname=self._database,
            connect_timeout=2,
            application_name="dr guard",
            options="-c statement_timeout=1000 -c lock_timeout=500",
            tcp_user_timeout=3000,
            autocommit=True,
        )
