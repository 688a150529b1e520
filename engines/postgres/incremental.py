"""An incremental PostgreSQL backup: what changed since an earlier one, as the server's WAL summaries know it.

The server gets the earlier backup's backup_manifest and sends archives of the same form as a full's. Which earlier one,
and when none will do, is `recovery.copies.chain`; how a restore puts them together, `engines.postgres.merge`.
https://www.postgresql.org/docs/18/continuous-archiving.html#BACKUP-INCREMENTAL-BACKUP
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from engines.catalog import newest, whole
from engines.engine import Content, Folder, Line, Origin, Verdict
from engines.postgres.archives import contents, raw
from engines.postgres.base_backup_client import BaseBackup
from engines.postgres.full import PostgresFull, session_for_backup, stored
from engines.postgres.restart_point import await_restart_point
from engines.postgres.tools import redact, session
from recovery.copies.chain import Server, chain_of, why_none, why_not_onto
from recovery.copies.judging import remarks
from recovery.copies.manifest import Manifest
from recovery.copies.retention import BUILDS_ON
from recovery.errors import Corrupt, FullInstead, Refused
from recovery.names import ACCEPTED_INCREMENTALS, parse_backup_folder
from recovery.plan.datasets import Dataset
from recovery.ports.buckets import ObjectStore

_KIND = "incremental"
_MAKE_FULL = "make a full one: `dr backup postgres full`"


class PostgresIncremental(PostgresFull):
    """What changed in the cluster since the newest full or incremental."""

    kind = _KIND

    def look(self, section: Dataset, environment: Mapping[str, str], *, replica_lag: timedelta) -> Origin:
        """As for a full. Raises FullInstead for a server whose incrementals cannot be trusted, Refused for one that is
        not set up for them."""
        origin = super().look(section, environment, replica_lag=replica_lag)
        with session(origin.database, {**environment, **origin.server}) as connection:
            rows = connection.execute(
                "SELECT name, setting FROM pg_settings"
                " WHERE name IN ('summarize_wal', 'data_checksums', 'wal_log_hints')"
            ).fetchall()
        settings: dict[str, str] = dict(rows)
        logged = "on" in (settings.get("data_checksums"), settings.get("wal_log_hints"))
        accepted = environment.get(ACCEPTED_INCREMENTALS, "")
        if why := why_none(origin.version, accepted, hints_are_logged=logged):
            raise FullInstead(why, next_step=_MAKE_FULL)
        if settings.get("summarize_wal") != "on":
            raise Refused(
                "the server has summarize_wal off, so it does not know what changed",
                next_step="ALTER SYSTEM SET summarize_wal = on; SELECT pg_reload_conf(); it takes no restart. "
                f"Until then: {_MAKE_FULL.removeprefix('make ')}",
            )
        return origin

    def base(self, origin: Origin, store: ObjectStore, line: Line) -> Manifest | None:
        """The newest full or incremental of the bucket that this server may build on, all of its chain being there."""
        server = Server(version=origin.version, system=origin.identity, timeline=origin.timeline or 0, epoch=line.epoch)
        objections: list[str] = []
        for candidate in _candidates(store, objections):
            try:
                chain = chain_of(candidate, parent_in(store))
            except Corrupt as error:
                objections.append(error.what)
                continue
            if not (why := why_not_onto(chain, server, now=line.now, longest=line.longest)):
                return candidate
            objections.append(why)
        raise FullInstead(
            objections[0] if objections else f"bucket {store.bucket} holds no full backup to build on",
            next_step=_MAKE_FULL,
        )

    def copy(self, origin: Origin, folder: Folder, environment: Mapping[str, str], *, time_limit: timedelta) -> Content:
        """As for a full. On a standby it waits for a checkpoint behind the earlier backup's end (pitfall of a quiet
        database). Raises Unchanged when nothing was written since, FullInstead when the server lacks summaries."""
        base = origin.base
        assert base is not None  # noqa: S101  (for the type checker)
        listed = b"".join(raw(folder.store, contents(base).manifest))
        until = time.monotonic() + time_limit.total_seconds()
        waited = False
        while True:
            try:
                with session_for_backup(environment, time_limit) as connection:
                    backup = BaseBackup(connection, until=until)
                    _begin(backup, listed, origin, environment)
                    return stored(backup, origin, folder)
            except _NotReady as error:
                if waited or not origin.standby:
                    raise FullInstead(f"the server cannot build on {base.id}: {error}", next_step=_MAKE_FULL) from None
                await_restart_point(base, str(error), environment, until=until)
                waited = True

    def verify(
        self, store: ObjectStore, manifest: Manifest, *, environment: Mapping[str, str], scratch: Path
    ) -> Verdict:
        """Its own bytes, and that everything below it is in the bucket; verify those by their own ids."""
        chain_of(manifest, parent_in(store))
        return super().verify(store, manifest, environment=environment, scratch=scratch)

    def judge(self, manifest: Manifest, others: Sequence[Manifest]) -> tuple[str, ...]:
        """Source and chain: sizes go with what customers do."""
        return remarks(manifest, others, sizes_vary=True)


class _NotReady(Exception):
    """The server's state does not allow it (55000): too quiet, or without summaries. It says which, in its language."""


def _begin(backup: BaseBackup, listed: bytes, origin: Origin, environment: Mapping[str, str]) -> None:
    from psycopg import errors

    try:
        backup.begin(server_compresses=origin.standby, builds_on=listed)
    except errors.ObjectNotInPrerequisiteState as error:
        raise _NotReady(redact(str(error).strip(), environment)) from None


def _candidates(store: ObjectStore, objections: list[str]) -> list[Manifest]:
    """The newest of each kind that an incremental may build on, the youngest first."""
    found: list[Manifest] = []
    for kind in BUILDS_ON[_KIND]:
        try:
            manifest = newest(store, "postgres", kind).manifest
        except Corrupt as error:
            objections.append(error.what)
            continue
        if manifest:
            found.append(manifest)
    return sorted(found, key=lambda each: (each.source.epoch, each.finished), reverse=True)


def parent_in(store: ObjectStore) -> Callable[[Manifest], Manifest | None]:
    """Finds what a backup builds on, in the same bucket and all there; its folder lies beside, or is a full's."""

    def found(child: Manifest) -> Manifest | None:
        line = parse_backup_folder(child.folder)
        for kind in BUILDS_ON[_KIND]:
            if below := whole(store, line.beside(kind, child.parent or "-")):
                return below
        return None

    return found
