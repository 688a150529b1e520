"""The DR site's PostgreSQL as a promotion needs it: what it has, promoting it, and a first write through the gate.

Logins come from libpq's own variables (PGUSER, PGPASSWORD or PGPASSFILE); only the address is given here.
"""

from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg.rows import dict_row

from recovery.errors import Failed, Refused, Unreachable
from recovery.lease import parse_lsn
from recovery.ports import StandbyState

# The stream counts as alive while something came in lately: after a black hole its row stays for wal_receiver_timeout.
_STATE = """
SELECT pg_is_in_recovery() AS in_recovery,
       (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
       (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()::text END AS received,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text AS replayed,
       CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END AS paused,
       pg_last_xact_replay_timestamp() AS replayed_at,
       EXISTS (SELECT FROM pg_stat_wal_receiver
               WHERE status = 'streaming' AND last_msg_receipt_time > clock_timestamp() - interval '10 seconds')
         AS streaming,
       current_setting('server_version') AS version,
       current_setting('client_connection_check_interval') <> '0' AS connection_check
"""


class PostgresStandby:
    """The server at `address` (host:port). One connection is kept, so that polling costs a round trip."""

    def __init__(self, address: str, database: str, *, timeout: int = 2) -> None:
        self.address = address
        self.database = database
        self._timeout = timeout
        self._connection: psycopg.Connection[dict[str, Any]] | None = None

    def state(self) -> StandbyState:
        """What it is and has. Raises Unreachable."""
        row = self._run(_STATE)
        replayed = parse_lsn(row["replayed"]) if row["replayed"] else 0
        # Empty after a restart without a primary; what was replayed was received.
        received = parse_lsn(row["received"]) if row["received"] else 0
        return StandbyState(
            in_recovery=row["in_recovery"],
            system_identifier=row["system_identifier"],
            timeline=row["timeline"],
            receive_lsn=max(received, replayed),
            replay_lsn=replayed,
            replay_paused=row["paused"],
            streaming=row["streaming"],
            last_replayed_at=row["replayed_at"],
            server_version=row["version"],
            client_connection_check=row["connection_check"],
        )

    def promote(self) -> None:
        """Ask for promotion and return at once; it is done when the server has left recovery. A primary stays one."""
        # https://www.postgresql.org/docs/18/functions-admin.html#FUNCTIONS-RECOVERY-CONTROL: an error on a primary.
        self._run("SELECT CASE WHEN pg_is_in_recovery() THEN pg_promote(false) ELSE true END AS asked")

    def resume_replay(self) -> None:
        """Go on replaying where an operator paused it."""
        self._run("SELECT CASE WHEN pg_is_in_recovery() THEN pg_wal_replay_resume() END AS resumed")

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _run(self, statement: str) -> dict[str, Any]:
        try:
            if self._connection is None:
                self._connection = connect(self.address, self.database, self._timeout)
            row = self._connection.execute(statement.encode()).fetchone()
        except pg.InsufficientPrivilege as error:
            raise Refused(
                f"PostgreSQL at {self.address} does not allow this login that: {_first_line(error)}",
                next_step="log in as dr_promoter (PGUSER, PGPASSFILE or PGPASSWORD)",
            ) from None
        except psycopg.Error as error:
            self.close()
            raise _unreachable(self.address, error) from None
        return row or {}


class PostgresGate:
    """The primary behind the gate at `address` (host:port)."""

    def __init__(self, address: str, database: str, *, timeout: int = 2) -> None:
        self.address = address
        self.database = database
        self._timeout = timeout

    def announce(self, epoch: int, run: str) -> None:
        """Write site, epoch and a probe row in one transaction, and return after its commit.

        Raises Unreachable while the gate is closed; Failed when the database says that it is read-only (fault 17).
        """
        try:
            with connect(self.address, self.database, self._timeout) as connection, connection.transaction():
                changed = connection.execute("UPDATE dr.site SET site = 'dr', epoch = %s", (epoch,)).rowcount
                connection.execute("INSERT INTO dr.probe (run, step, at) VALUES (%s, 'write', now())", (run,))
        except pg.ReadOnlySqlTransaction:
            raise Failed(
                f"the database behind {self.address} is promoted but read-only",
                next_step="look at default_transaction_read_only and where the gate leads, then run this again",
            ) from None
        except (pg.InsufficientPrivilege, pg.UndefinedTable, pg.InvalidSchemaName) as error:
            raise Failed(
                f"the write probe through {self.address} is not possible: {_first_line(error)}",
                next_step="dr_promoter needs UPDATE on dr.site and INSERT on dr.probe; grant them as the owner",
            ) from None
        except psycopg.Error as error:
            raise _unreachable(self.address, error) from None
        if changed != 1:
            raise Failed(
                f"dr.site has {changed} rows instead of one, so services cannot say which epoch they are in",
                next_step="put one row there as the owner, then run this again",
            )


def connect(address: str, database: str, timeout: int) -> psycopg.Connection[dict[str, Any]]:
    """A connection with autocommit to host:port. Raises psycopg.OperationalError."""
    host, _, port = address.rpartition(":")
    return psycopg.Connection[dict[str, Any]].connect(
        host=host,
        port=int(port),
        dbname=database,
        connect_timeout=timeout,
        autocommit=True,
        application_name="dr promote",
        row_factory=dict_row,
    )


def _unreachable(address: str, error: psycopg.Error) -> Unreachable:
    return Unreachable(
        f"PostgreSQL at {address} does not answer: {_first_line(error)}",
        next_step="check the address in the bundle, the network, and the login (PGUSER, PGPASSFILE or PGPASSWORD)",
    )


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
