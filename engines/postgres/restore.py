"""A restored PostgreSQL: unpacked beside its target and checked on the way, then the log is replayed, and only what is
proven takes the target's name."""

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines import restoring
from engines.postgres import control_file
from engines.postgres.merge import unpack_chain
from engines.postgres.recovery_server import Stop, TargetNotReached, replay
from engines.postgres.unpack import Place
from engines.postgres.unpacked import give_settings, move_tablespace, point_tablespaces, take_roles
from engines.postgres.wal_archive import WalArchive
from engines.postgres.wal_server import Fetch, Source, serving
from engines.postgres.wal_tablespaces import Joints
from engines.postgres.wal_tail import goes_on
from engines.target import Stages, beside, require_target, sync
from recovery.copies.log import parse_history_name
from recovery.copies.recovery_target import Choice
from recovery.errors import Corrupt, Failed
from recovery.lease.lease import format_lsn, parse_lsn
from recovery.names import NEW_TABLESPACES
from recovery.ports.buckets import ObjectStore

PROGRAMS = ("postgres", "pg_controldata", "pg_waldump")
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


def tablespace_folder(into: Path, oid: int) -> Path:
    """Where a tablespace goes: beside the data, since its path at the source may not exist here, or be in use."""
    return into.with_name(f"{into.name}.tablespaces") / str(oid)


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
            partial = opened.enter_context(beside(folder, owner))
            staged[oid] = Place(folder=partial / "data", owner=owner)
            staged[oid].make_folder(staged[oid].folder)
        data, partial = staged[None], staged[None].folder.parent
        with stages.stage("unpack and check"):
            count = unpack_chain(store, choice.chain, staged.__getitem__)
            point_tablespaces(data.folder, {oid: place.folder for oid, place in staged.items() if oid is not None})
            control = _require_source(data.folder, choice, environment)
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
            give_settings(
                data.folder, settings, owner, least=control_file.least_wal(control.segment_bytes), standby=standby
            )
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
        fetch = watching(archive.fetch, choice, environment.get(NEW_TABLESPACES, ""))
        source = Source(fetch=fetch, order=order)
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


def watching(fetch: Fetch, choice: Choice, named: str) -> Fetch:
    """The same, but for a file that makes a tablespace where something is on this machine, before the end of what is
    replayed: that is refused unless its path is `named`, several with commas between. Those that the backup has are put
    elsewhere; a path that is not there ends PostgreSQL's recovery by itself."""
    assert choice.way is not None  # noqa: S101  (for the type checker)
    joints, lock = Joints(choice.way.segment_bytes), threading.Lock()
    known, accepted = {each.oid for each in choice.backup.tablespaces}, named.split(",")

    def watched(name: str) -> bytes | None:
        body = fetch(name)
        if body is None or parse_history_name(name) is not None:
            return body
        with lock:
            found = [*joints.made(name, body)]
        for each in found:
            if each.position < choice.end and each.oid not in known and each.path not in accepted and _used(each.path):
                raise Failed(
                    f"at {format_lsn(each.position)} the log makes a tablespace at {each.path}, and there are files on "
                    "this machine: replay would write among them, which may be production's own",
                    next_step=f"restore on another machine, or to before that; where those files are nobody's: "
                    f"--new-tablespace {each.path}",
                )
        return body

    return watched


def _used(path: str) -> bool:
    """Whether anything is there. What may not be looked into is not known to be empty."""
    try:
        return any(Path(path).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def _require_reached(reached: int, archive: WalArchive) -> None:
    """PostgreSQL takes damaged log for the log's end and promotes, so somebody must look how far it got."""
    way = archive.way
    if reached < way.end and goes_on(archive.read, reached, way.end, way.segment_bytes):
        raise Corrupt(
            f"replay ended at {format_lsn(reached)}, where the log goes on to {format_lsn(way.end)} with a record that "
            "PostgreSQL cannot read",
            next_step=f"compare the versions of the log's objects there; to do without: --to {format_lsn(reached)}",
        )


def _require_source(data: Path, choice: Choice, environment: Mapping[str, str]) -> control_file.ControlFile:
    """What is inside must be of the server that our manifest names (fault 35)."""
    control, source = control_file.read(data, environment), choice.backup.source
    if control.system_identifier != source.system_identifier:
        raise Corrupt(
            f"the backup is of system {control.system_identifier}, its manifest says {source.system_identifier}",
            next_step=_ADVICE,
        )
    if choice.way and choice.way.segment_bytes != control.segment_bytes:
        raise Failed(f"WAL files have {control.segment_bytes:,} bytes there, which the log's reader does not expect")
    return control
