"""A restored PostgreSQL: unpacked beside its target and checked on the way, then the log is replayed, and only what is
proven takes the target's name."""

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engines import restoring
from engines.postgres import control_file
from engines.postgres.merge import unpack_chain
from engines.postgres.recovery_server import Stop, TargetNotReached, replay
from engines.postgres.unpack import Place
from engines.postgres.unpacked import give_settings, move_tablespace, point_tablespaces, sync, take_roles
from engines.postgres.wal_archive import WalArchive
from engines.postgres.wal_server import Source, serving
from engines.postgres.wal_tail import goes_on
from recovery.copies.recovery_target import Choice
from recovery.errors import Corrupt, Failed, Refused
from recovery.lease.lease import format_lsn, parse_lsn
from recovery.ports import ObjectStore

PROGRAMS = ("postgres", "pg_controldata", "pg_waldump")
_MARK = "dr-restore"
_ADVICE = "use another backup (`dr backups`), and find out who wrote this object"


@dataclass(frozen=True, kw_only=True)
class Restored(restoring.Restored):
    """`reached` is the position of the last record that was replayed, which took `log_files` of the log; of a
    `standby`, where its server begins to answer."""

    reached: int
    log_files: int
    standby: bool = False

    @property
    def words(self) -> str:
        """How far it got, for people."""
        return (
            f"as it was before {format_lsn(self.reached)}" if self.standby else f"log up to {format_lsn(self.reached)}"
        )

    def next_step(self, into: Path) -> str:
        """What to do with it now."""
        if self.standby:
            return f"set primary_conninfo or restore_command for {into} and start it: it follows, from the log on"
        return f"start it with pg_ctl -D {into} start; it archives nothing and follows nobody"

    def facts(self) -> dict[str, Any]:
        """For programs."""
        return {"reached": format_lsn(self.reached), "log_files": self.log_files}


@dataclass
class Stages:
    """What happens now, and what each stage took."""

    heard: Callable[[str], None] = lambda _: None
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.heard(name)
        begun = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - begun, 3)


def tablespace_folder(into: Path, oid: int) -> Path:
    """Where a tablespace goes: beside the data, since its path at the source may not exist here, or be in use."""
    return into.with_name(f"{into.name}.tablespaces") / str(oid)


def require_target(into: Path, *, inside: Path | None = None) -> None:
    """Raises Refused unless `into` is an empty folder, or none yet, that one rename can put in place (fault 54)."""
    if into.exists() and not into.is_dir():
        raise Refused(f"{into} is a file", next_step="name an empty folder, or one that does not exist yet")
    if into.is_dir() and any(into.iterdir()):
        raise Refused(
            f"{into} is not empty: a restore never writes over data",
            next_step="name an empty folder, or one that does not exist yet; or move away what is there",
        )
    if into.is_mount():
        raise Refused(
            f"{into} is where a file system is mounted, so nothing can be renamed to it",
            next_step=f"name a folder in it: --into {into / 'data'}",
        )
    if not (inside or into.parent).is_dir():
        raise Refused(f"there is no folder {into.parent}", next_step="make it, as the user that the server will run as")


def restore(
    store: ObjectStore,
    choice: Choice,
    histories: Mapping[int, str],
    into: Path,
    *,
    environment: Mapping[str, str],
    owner: int | None = None,
    standby: bool = False,
    heard: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Restore what `choice` says into the empty folder `into`, for the user `owner` (None: ours). As a `standby` no log
    is replayed, which would end on a timeline of its own: the server goes on from the backup by itself.

    Raises Corrupt for a damaged copy, Failed when recovery does not get where it should, Refused for a target that is
    not empty; `into` then is what it was.
    """
    places = {None: into} | {each.oid: tablespace_folder(into, each.oid) for each in choice.backup.tablespaces}
    for folder in places.values():
        require_target(folder, inside=into.parent)
    stages = Stages(heard)
    with ExitStack() as opened:
        staged: dict[int | None, Place] = {}
        for oid, folder in places.items():
            Place(folder=folder, owner=owner).make_folder(folder.parent)
            partial = opened.enter_context(_beside(folder, owner))
            staged[oid] = Place(folder=partial / "data", owner=owner)
            staged[oid].make_folder(staged[oid].folder)
        data, partial = staged[None], staged[None].folder.parent
        with stages.stage("unpack and check"):
            count = unpack_chain(store, choice.chain, staged.__getitem__)
            point_tablespaces(data.folder, {oid: place.folder for oid, place in staged.items() if oid is not None})
            _require_source(data.folder, choice, environment)
        settings = take_roles(data.folder)
        if standby:
            reached, served = parse_lsn(choice.backup.stop_position), 0
            point_tablespaces(data.folder, {oid: place for oid, place in places.items() if oid is not None})
        else:
            log = Place(folder=partial / "log", owner=owner)
            log.make_folder(log.folder)
            with stages.stage("replay"):
                reached, served = _recover(store, choice, histories, data.folder, log, environment)
        with stages.stage("finish"):
            give_settings(data.folder, settings, owner, standby=standby)
            for oid, place in reversed(staged.items()):  # the data directory last
                sync(place.folder)
                if oid is not None:
                    move_tablespace(data.folder, oid, places[oid], owner)
                if places[oid].is_dir():
                    places[oid].rmdir()
                place.folder.rename(places[oid])
                sync(places[oid].parent)
    return Restored(
        reached=reached,
        files=count.files,
        bytes=count.bytes,
        log_files=served,
        standby=standby,
        seconds=stages.seconds,
    )


def _recover(
    store: ObjectStore,
    choice: Choice,
    histories: Mapping[int, str],
    data: Path,
    log: Place,
    environment: Mapping[str, str],
) -> tuple[int, int]:
    """Replay; returns the position reached and how many files of the log that took."""
    own, stop_position = choice.backup.source.timeline or 1, parse_lsn(choice.backup.stop_position)
    archive = None
    if choice.way is None:
        source, stop = Source(fetch=lambda _: None), Stop(timeline=own, immediate=True)
    else:
        archive = WalArchive(store=store, way=choice.way, histories=histories, stop=stop_position)
        order = choice.way.until(choice.end).names(parse_lsn(choice.backup.start_position))
        source = Source(fetch=archive.fetch, order=order)
        stop = Stop(timeline=choice.way.timeline, position=choice.position)
    with serving(source, log) as (wal, command):

        def run(until: Stop) -> int:
            return replay(
                data,
                until,
                restore_command=command,
                environment=environment,
                owner=log.owner,
                failure=lambda: wal.error,
            )

        try:
            reached = run(stop)
        except TargetNotReached:
            # The position lies within the log's last record, so no record begins behind it.
            stop = Stop(timeline=stop.timeline)
            reached = run(stop)
    if archive and stop.position is None:
        _require_reached(reached, archive)
    return reached, wal.served


def _require_reached(reached: int, archive: WalArchive) -> None:
    """PostgreSQL takes damaged log for the log's end and promotes, so somebody must look how far it got."""
    way = archive.way
    if reached < way.end and goes_on(archive.read, reached, way.end, way.segment_bytes):
        raise Corrupt(
            f"replay ended at {format_lsn(reached)}, where the log goes on to {format_lsn(way.end)} with a record that "
            "PostgreSQL cannot read",
            next_step=f"compare the versions of the log's objects there; to do without: --to {format_lsn(reached)}",
        )


def _require_source(data: Path, choice: Choice, environment: Mapping[str, str]) -> None:
    """What is inside must be of the server that our manifest names (fault 35)."""
    control, source = control_file.read(data, environment), choice.backup.source
    if control.system_identifier != source.system_identifier:
        raise Corrupt(
            f"the backup is of system {control.system_identifier}, its manifest says {source.system_identifier}",
            next_step=_ADVICE,
        )
    if choice.way and choice.way.segment_bytes != control.segment_bytes:
        raise Failed(f"WAL files have {control.segment_bytes:,} bytes there, which the log's reader does not expect")


@contextmanager
def _beside(into: Path, owner: int | None) -> Iterator[Path]:
    """A folder of our own beside `into`, removed at the end. What an earlier restore into the same place left there is
    removed first. Raises Refused when another one runs, or when the folder is not ours."""
    partial = into.with_name(f".{into.name}.{_MARK}")
    mark = partial / _MARK
    if partial.exists() and not mark.exists():
        raise Refused(f"{partial} is in the way, and no restore made it", next_step="move it away")
    partial.mkdir(mode=0o711, exist_ok=True)
    with mark.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"another restore into {into} is running", next_step="wait for it, or end it") from None
        _empty(partial)
        try:
            yield partial
        finally:
            _empty(partial)
            mark.unlink()
            partial.rmdir()


def _empty(partial: Path) -> None:
    for path in partial.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _MARK:
            path.unlink()


def owner_of(into: Path, wanted: str) -> int | None:
    """The user that the server will run as; None: this one. Raises Refused for root, whom PostgreSQL refuses, and for
    another than root who names somebody else."""
    import pwd

    if os.geteuid():
        if wanted and wanted not in (str(os.geteuid()), pwd.getpwuid(os.geteuid()).pw_name):
            raise Refused(f"only root can restore for {wanted}", next_step="run this as that user, without --owner")
        return None
    try:
        named = int(wanted) if wanted.isdigit() else pwd.getpwnam(wanted).pw_uid if wanted else None
        owner = into.parent.stat().st_uid if named is None else named
    except KeyError:
        raise Refused(f"there is no user {wanted}", next_step="name a user of this machine, or a number") from None
    if owner == 0:
        raise Refused(
            "a PostgreSQL server does not run as root",
            next_step="say with --owner whose the data will be (Debian: postgres), or run this as that user",
        )
    return owner
