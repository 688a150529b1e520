"""Of which server a backup is read where production has a replica for that: of the replica when it has all that the
primary has, else of the primary, and why is said. A backup that is not made is worse than one that its customers feel.

https://www.postgresql.org/docs/18/protocol-replication.html (BASE_BACKUP) and, for what a standby's backup asks of its
primary, https://www.postgresql.org/docs/18/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engines.postgres.tools import Identity, identify, server_address, session
from recovery.errors import DrError
from recovery.lease.backup_runs import FROM_PRIMARY
from recovery.names import READ_REPLICA
from recovery.units import format_size, read_duration

if TYPE_CHECKING:
    import psycopg

    Session = psycopg.Connection[tuple[Any, ...]]

PATIENCE = timedelta(minutes=5)
"""How long a replica may take to replay what the primary had when a backup was asked for. One that streams takes well
under a second; one that does not in minutes has more to catch up than a backup may lack."""
_POLL_SECONDS = 0.2
_PRIMARY = """
SELECT current_setting('full_page_writes')::boolean, (pg_current_wal_lsn() - '0/0')::bigint,
       ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
"""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Which server, `server` being libpq's variables that lead to it instead of those that were given; `remark`: why it
    is not the replica."""

    identity: Identity
    server: Mapping[str, str] = field(default_factory=dict[str, str])
    remark: str = ""


def source(database: str, environment: Mapping[str, str], *, checkpoint: bool) -> Source:
    """The server that libpq's variables name, or the replica in READ_REPLICA where it will do. With `checkpoint` both
    make one first: a standby begins at its last restart point, and what lies before that is WAL to carry.

    Raises as `identify` does for the server that libpq's variables name.
    """
    primary = identify(database, environment)
    if not environment.get(READ_REPLICA):
        return Source(identity=primary)
    server = _server(environment[READ_REPLICA])
    reached = {**environment, **server}
    try:
        replica = identify(database, reached)
        why = _unlike(primary, replica)
        if not why:
            with session(database, environment) as at_primary, session(database, reached) as at_replica:
                why = _behind(at_primary, at_replica, replica.timeline, checkpoint)
    except DrError as error:
        replica, why = primary, error.what
    if why:
        return Source(identity=primary, remark=f"{FROM_PRIMARY} {server_address(environment)}: {why}")
    return Source(identity=replica, server=server)


def _server(address: str) -> Mapping[str, str]:
    """TLS only if it offers it: a replica in the site has no certificate. The password is told nobody in the clear."""
    host, _, port = address.rpartition(":")
    return {
        "PGHOST": host,
        "PGPORT": port,
        "PGSSLMODE": "prefer",
        "PGSSLROOTCERT": "",
        "PGREQUIREAUTH": "scram-sha-256",
    }


def _unlike(primary: Identity, replica: Identity) -> str:
    if replica.system_identifier != primary.system_identifier:
        return f"the replica is another database, system {replica.system_identifier}"
    if not replica.in_recovery:
        return "the replica has been promoted by somebody: it is none any more"
    return "it is a standby itself, so nobody says how far behind the replica is" if primary.in_recovery else ""


def _behind(primary: "Session", replica: "Session", timeline_there: int, checkpoint: bool) -> str:
    """Why the replica has not all that the primary has at this moment; empty once it has."""
    if checkpoint:
        _checkpoint(primary)
    complete_pages, now, timeline = _row(primary, _PRIMARY)
    if not complete_pages:
        return "the primary has full_page_writes off, so a standby's copy could not be made whole"
    if timeline != timeline_there:
        return f"the replica is on timeline {timeline_there}, the primary on {timeline}"
    until = time.monotonic() + PATIENCE.total_seconds()
    while missing := _missing(replica, now):
        paused = _row(replica, "SELECT pg_is_wal_replay_paused()")[0]
        if paused or time.monotonic() > until:
            so = "its replay is paused" if paused else f"still so after {read_duration(PATIENCE)}"
            return f"the replica lacks {format_size(missing)} of what the primary had: {so}"
        time.sleep(_POLL_SECONDS)
    if checkpoint:
        _checkpoint(replica)
    return ""


def _missing(replica: "Session", wanted: int) -> int:
    replayed = _row(replica, "SELECT (coalesce(pg_last_wal_replay_lsn(), '0/0') - '0/0')::bigint")[0]
    return max(0, wanted - replayed)


def _row(connection: "Session", query: str) -> tuple[Any, ...]:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None  # noqa: S101  (a SELECT without a WHERE)
    return row


def _checkpoint(connection: "Session") -> None:
    """Without the right to it the server's own timer makes one."""
    from psycopg import errors

    with suppress(errors.InsufficientPrivilege):
        connection.execute("CHECKPOINT")
