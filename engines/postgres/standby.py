"""The DR site's PostgreSQL as a promotion needs it: what it has, promoting it, and a first write through the gate.

Logins come from libpq's own variables (PGUSER, PGPASSWORD or PGPASSFILE); only the address is given here.
"""

import socket
from typing import Any, Literal

import psycopg
from psycopg import errors as pg
from psycopg.rows import dict_row

from engines.postgres.connection_errors import first_line, worded
from recovery.errors import Failed, Refused
from recovery.lease.lease import parse_lsn
from recovery.names import PINNED_SETTING
from recovery.ports.standby import CollationChange, PromoterRights, StandbyState

# The timeline is the WAL's: the control file's is that of the last checkpoint, which a promotion does not wait for.
# The stream counts as alive while something came in lately: after a black hole its row stays for wal_receiver_timeout.
_STATE = """
SELECT pg_is_in_recovery() AS in_recovery,
       (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
       CASE WHEN pg_is_in_recovery()
            THEN greatest((SELECT timeline_id FROM pg_control_checkpoint()),
                          (SELECT received_tli FROM pg_stat_wal_receiver))
            ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END AS timeline,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()::text END AS received,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text AS replayed,
       CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END AS paused,
       pg_last_xact_replay_timestamp() AS replayed_at,
       EXISTS (SELECT FROM pg_stat_wal_receiver
               WHERE status = 'streaming' AND last_msg_receipt_time > clock_timestamp() - interval '10 seconds')
         AS streaming,
       current_setting('server_version') AS version,
       current_setting('client_connection_check_interval') <> '0' AS connection_check,
       coalesce(current_setting('PINNED', true), '') AS pinned
""".replace("PINNED", PINNED_SETTING)

# Rights and tables are replicated, so the standby shows what the promoted database will allow.
_RIGHTS = """
SELECT current_user::text AS login,
       has_function_privilege('pg_promote(boolean, integer)', 'EXECUTE') AS promote,
       has_function_privilege('pg_wal_replay_resume()', 'EXECUTE') AS resume_replay,
       has_table_privilege(to_regclass('dr.site'), 'UPDATE') AS update_site,
       has_table_privilege(to_regclass('dr.probe'), 'INSERT') AS insert_probe,
       current_setting('default_transaction_read_only')::boolean AS read_only
"""
# The C library or ICU sorts text, and an index is a sorted list: with another version, or another library, rows are not
# found that are there, and unique indexes let doubles in. https://www.postgresql.org/docs/18/collation.html
_COLLATIONS = """
SELECT datname::text AS database, datcollversion AS recorded, pg_database_collation_actual_version(oid) AS actual,
       datname = current_database() AS here
FROM pg_database
WHERE datallowconn AND datcollversion IS DISTINCT FROM pg_database_collation_actual_version(oid)
ORDER BY datname
"""
# 100 is the database's own collation. `indcollation` has a 0 for each column that is not text.
_TEXT_INDEXES = """
SELECT indexrelid::regclass::text AS index
FROM pg_index
WHERE 100 = ANY (indcollation::oid[]) AND indrelid >= 16384
ORDER BY 1
"""
_USED = """
SELECT (SELECT sum(pg_tablespace_size(oid)) FROM pg_tablespace)
     + (SELECT coalesce(sum(size), 0) FROM pg_ls_waldir()) AS bytes
"""
_SITE_ROWS = "SELECT count(*) AS rows FROM dr.site"


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
            pinned=row["pinned"],
        )

    def rights(self) -> PromoterRights:
        """What this login may do there. Raises Unreachable, Refused."""
        row = self._run(_RIGHTS)
        readable = row["update_site"] and self._run("SELECT has_table_privilege('dr.site', 'SELECT') AS it")["it"]
        return PromoterRights(
            login=row["login"],
            promote=row["promote"],
            resume_replay=row["resume_replay"],
            update_site=row["update_site"],
            insert_probe=row["insert_probe"],
            site_rows=self._run(_SITE_ROWS)["rows"] if readable else 1,
            read_only=row["read_only"],
        )

    def collation_changes(self) -> tuple[CollationChange, ...]:
        """Every database that was sorted by another version than this server's. Raises Unreachable, Refused."""
        return tuple(
            CollationChange(
                database=row["database"],
                recorded=row["recorded"],
                actual=row["actual"],
                indexes=tuple(found["index"] for found in self._rows(_TEXT_INDEXES)) if row["here"] else None,
            )
            for row in self._rows(_COLLATIONS)
        )

    def bytes_used(self) -> int:
        """Tablespaces and WAL; the login needs pg_monitor. Raises Unreachable, Refused."""
        return int(self._run(_USED)["bytes"])

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
        rows = self._rows(statement)
        return rows[0] if rows else {}

    def _rows(self, statement: str) -> list[dict[str, Any]]:
        try:
            if self._connection is None:
                self._connection = connect(self.address, self.database, self._timeout)
            return self._connection.execute(statement.encode()).fetchall()
        except pg.InsufficientPrivilege as error:
            raise Refused(
                f"PostgreSQL at {self.address} does not allow this login that: {first_line(error)}",
                next_step="log in as dr_promoter (PGUSER, PGPASSFILE or PGPASSWORD)",
            ) from None
        except psycopg.Error as error:
            self.close()
            raise worded(self.address, error) from None


class PostgresGate:
    """The primary behind the gate at `address` (host:port)."""

    def __init__(self, address: str, database: str, *, timeout: int = 2) -> None:
        self.address = address
        self.database = database
        self._timeout = timeout

    def knock(self) -> Literal["closed", "open", "silent"]:
        """What the gate does with a connection: nothing listens at a closed one. Raises Refused when its name is
        unknown."""
        host, _, port = self.address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), self._timeout).close()
        except ConnectionRefusedError:
            return "closed"
        except socket.gaierror as error:
            raise Refused(
                f"{host} has no address: {error.strerror}",
                next_step="correct the gate's address in the bundle: `pulumi up` on the dr stack",
            ) from None
        except OSError:
            return "silent"
        return "open"

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
                f"the write probe through {self.address} is not possible: {first_line(error)}",
                next_step="dr_promoter needs UPDATE on dr.site and INSERT on dr.probe; grant them as the owner",
            ) from None
        except psycopg.Error as error:
            raise worded(self.address, error) from None
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
