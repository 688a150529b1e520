"""A full PostgreSQL backup: the server's archives → zstd → S3, nothing on a local disk, the manifest last.

How it becomes a backup, lease, manifest and pointer, is `operations.copies.backup`.
"""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from engines.catalog import Entry, entries
from engines.engine import Content, Folder, Line, Needs, Origin, Verdict
from engines.postgres.base_backup_client import DATA_DIRECTORY, MANIFEST, OLDEST_MAJOR, BaseBackup
from engines.postgres.replica import source
from engines.postgres.replication_connection import ReplicationConnection
from engines.postgres.tools import libpq_version, reached_by, redact, server_address
from engines.postgres.verify import VERIFIERS, verify
from engines.streams import Tally
from recovery.copies.judging import remarks
from recovery.copies.manifest import Manifest, Part
from recovery.errors import Failed, Refused
from recovery.lease.lease import format_lsn
from recovery.plan.datasets import Dataset, Postgres
from recovery.ports.buckets import ObjectStore

if TYPE_CHECKING:
    import psycopg

_SMALLEST_CLUSTER = 8 * 1024 * 1024  # an empty PostgreSQL 18 cluster is 23 MB and comes with 16 MB of WAL
_NO_SLOT_LEFT = "53400"  # configuration_limit_exceeded


class PostgresFull:
    """The whole cluster: a compressed tar for the data directory, with the WAL it needs, one for each tablespace, and
    PostgreSQL's backup_manifest.

    A standby compresses what it sends, which is less for the network and for us. For a primary that is done here: its
    processors are its customers'.
    """

    dataset, kind = "postgres", "full"
    needs = Needs(to_verify=VERIFIERS)

    def look(self, section: Dataset, environment: Mapping[str, str], *, replica_lag: timedelta) -> Origin:
        """The server that libpq's environment variables name, or its replica (`engines.postgres.replica`). Raises
        Refused for a wrong server or version."""
        database = cast("Postgres", section).database
        found = source(database, environment, checkpoint=self.kind == "full")
        identity = found.identity
        if int(identity.server_version.split(".")[0]) < OLDEST_MAJOR:
            raise Refused(
                f"the server is PostgreSQL {identity.server_version}; backups are understood from {OLDEST_MAJOR} on",
                next_step=f"update the server to PostgreSQL {OLDEST_MAJOR} or later, or name another one",
            )
        return Origin(
            identity=identity.system_identifier,
            version=identity.server_version,
            words=f"PostgreSQL {identity.server_version} {'standby' if identity.in_recovery else 'primary'}, "
            f"system {identity.system_identifier}, timeline {identity.timeline}",
            bytes=identity.size_bytes,
            tools={"libpq": libpq_version()},
            timeline=identity.timeline,
            database=database,
            standby=identity.in_recovery,
            server=found.server,
            remark=found.remark,
        )

    def base(self, origin: Origin, store: ObjectStore, line: Line) -> Manifest | None:
        """None: it is complete in itself."""
        return None

    def copy(self, origin: Origin, folder: Folder, environment: Mapping[str, str], *, time_limit: timedelta) -> Content:
        """Write the server's archives and its manifest into the folder. Raises Failed, or Refused when the server has
        no slot left."""
        with session_for_backup(environment, time_limit) as session:
            backup = BaseBackup(session, until=time.monotonic() + time_limit.total_seconds())
            backup.begin(server_compresses=origin.standby)
            return stored(backup, origin, folder)

    def entries(self, store: ObjectStore) -> list[Entry]:
        """Finished and unfinished ones, the newest first."""
        return entries(store, self.dataset, self.kind)

    def verify(
        self, store: ObjectStore, manifest: Manifest, *, environment: Mapping[str, str], scratch: Path
    ) -> Verdict:
        """See `engines.postgres.verify`."""
        return verify(store, manifest, environment=environment, scratch=scratch)

    def judge(self, manifest: Manifest, others: Sequence[Manifest]) -> tuple[str, ...]:
        """Size, source and chain."""
        return remarks(manifest, others)


def stored(backup: BaseBackup, origin: Origin, folder: Folder) -> Content:
    """Write `backup`, which has begun, into `folder`. Raises Failed, also when the server is not what it was."""
    parts = store_streams(backup, folder)
    if (backup.start.timeline, backup.stop.timeline) != (origin.timeline, origin.timeline):
        raise Failed(
            f"the server was on timeline {origin.timeline} when asked, the backup is of {backup.start.timeline} to "
            f"{backup.stop.timeline}: it was promoted or replaced meanwhile",
            next_step="run the backup again",
        )
    return Content(
        parts=parts,
        start_position=format_lsn(backup.start.lsn),
        stop_position=format_lsn(backup.stop.lsn),
        tablespaces=backup.tablespaces,
        parent=origin.base.id if origin.base else None,
    )


def store_streams(backup: BaseBackup, folder: Folder) -> tuple[Part, ...]:
    """Write every stream of `backup` into `folder`, `.zst` after its name. Raises Failed unless they are a whole
    cluster (fault 33)."""
    tally, parts, names = Tally(), list[Part](), list[str]()
    for stream in backup.streams():
        raw_bytes = (lambda: backup.raw_bytes) if stream.compressed else None
        parts += folder.write(f"{stream.name}.zst", stream.chunks, tally, raw_bytes=raw_bytes)
        names.append(stream.name)
    wanted = {DATA_DIRECTORY, MANIFEST, *(f"{each.oid}.tar" for each in backup.tablespaces)}
    if set(names) != wanted or tally.raw_bytes < _SMALLEST_CLUSTER or not backup.stop.lsn:
        raise Failed(
            f"the server ended its backup well, but sent only {', '.join(names) or 'nothing'} with "
            f"{tally.raw_bytes:,} bytes: that is no database cluster",
            next_step="run the backup again; if it repeats, run pg_basebackup by hand and look at what it writes",
        )
    return tuple(parts)


@contextmanager
def session_for_backup(environment: Mapping[str, str], time_limit: timedelta) -> Generator[ReplicationConnection]:
    """A session for one backup. Whatever the server, the connection and the clock end it by is worded here."""
    import psycopg

    address = server_address(environment)
    try:
        session = ReplicationConnection.open(server=reached_by(environment))
    except psycopg.Error as error:
        from engines.postgres.connection_errors import worded

        raise worded(address, error) from None
    try:
        with session:
            yield session
    except TimeoutError:
        raise Failed(
            f"the server did not finish its backup within {time_limit}; the upload was aborted",
            next_step="look at the server's and the network's load, or raise time_limit in recovery.yaml",
        ) from None
    except psycopg.Error as error:
        raise _ended(address, error, environment) from None


def _ended(address: str, error: "psycopg.Error", environment: Mapping[str, str]) -> Failed | Refused:
    said = redact(str(error).strip(), environment)
    if error.sqlstate == _NO_SLOT_LEFT:
        return Refused(
            f"PostgreSQL at {address} has no replication slot left to keep the backup's WAL: {said}",
            next_step="drop slots that nobody uses (pg_replication_slots), or raise max_replication_slots",
        )
    return Failed(
        f"PostgreSQL at {address} ended the backup; the upload was aborted and there is no backup: {said}",
        next_step="look at the server's log. If it invalidated slot dr_full_…, raise max_slot_wal_keep_size above what "
        "it writes while a backup runs. Else run the backup again",
    )
