"""What a copy of a server would be, as the server says when a backup begins: how many bytes, which tablespaces.

It is asked by the replication protocol, since that is all that a standby's login may do, and ended at once.
https://www.postgresql.org/docs/18/protocol-replication.html (BASE_BACKUP, PROGRESS)
"""

import os
import time
from dataclasses import dataclass

from engines.postgres.connection_errors import worded
from engines.postgres.replication_connection import ReplicationConnection, table
from engines.postgres.tools import server_address
from recovery.copies.manifest import Tablespace
from recovery.errors import Failed, Unreachable

# A backup begins with a checkpoint, as fast as the server's disk.
_SECONDS = 600.0
_OPTIONS = "LABEL 'dr check copy', CHECKPOINT 'fast', PROGRESS, MANIFEST 'no', WAIT false"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """`bytes` is what the server expects to send, tablespaces included, the log not."""

    bytes: int
    tablespaces: tuple[Tablespace, ...]


def ask() -> Layout:
    """Of the server that libpq's variables name. Raises Unreachable or Refused in words, Failed for no answer."""
    import psycopg

    until = time.monotonic() + _SECONDS
    try:
        with ReplicationConnection.open(application_name="dr check copy") as session:
            session.send(f"BASE_BACKUP ({_OPTIONS})", until=until)
            session.result(until=until)  # where it begins
            header = session.result(until=until)
    except psycopg.Error as error:
        raise worded(server_address(os.environ), error) from None
    except TimeoutError:
        raise Unreachable(
            f"{server_address(os.environ)} did not begin a backup within {_SECONDS / 60:.0f} minutes",
            next_step="see what its checkpoints wait for",
        ) from None
    if header is None:
        raise Failed("PostgreSQL answered BASE_BACKUP with nothing", next_step="look at the server's log")
    rows = table(header)
    return Layout(
        bytes=sum(int(size or 0) for *_, size in rows) * 1024,
        tablespaces=tuple(Tablespace(oid=int(oid), location=where or "") for oid, where, _ in rows if oid),
    )
