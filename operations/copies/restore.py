"""A restore: what it will do and cost, and doing exactly that."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from engines.postgres.commit_times import ended
from engines.postgres.restore import Restored, require_target, restore
from engines.postgres.wal_archive import Listed, WalArchive, listed
from engines.registry import engine_of
from recovery.copies.chain import RATHER, usable
from recovery.copies.gaps import CLOCKS
from recovery.copies.log import Held
from recovery.copies.manifest import Manifest
from recovery.copies.recovery_target import Choice, Reach, Target, choose, reaches, window
from recovery.copies.retrieval import ARCHIVE_CLASSES, KEPT_DAYS, Archived
from recovery.errors import Refused
from recovery.lease.lease import parse_lsn
from recovery.measured import POSTGRES_RESTORE_BYTES_PER_SECOND, REPLAY_BYTES_PER_SECOND
from recovery.names import ACCEPTED_INCREMENTALS
from recovery.ports import ObjectStore, RestoreBucket, StoredObject
from recovery.term import Number, Term

_LAST_FILES = 2


@dataclass(frozen=True, kw_only=True)
class Order:
    """A restore as it is shown and as it is executed."""

    into: Path
    target: Target
    choice: Choice
    known: tuple[Reach, ...]
    histories: Mapping[int, str]
    objects: int
    stored_bytes: int
    log_bytes: int
    disk_bytes: int
    disk_free: int
    terms: tuple[Term, ...]
    archived: Archived
    last_commit: datetime | None
    passed_over: tuple[str, ...] = ()
    """Why incremental backups are not used."""

    @property
    def window(self) -> str:
        """What could be restored, for people."""
        return window(self.known, self.last_commit)

    @property
    def seconds(self) -> float:
        """Of all terms."""
        return sum(term.seconds for term in self.terms)


def plan_restore(
    store: RestoreBucket, target: Target, into: Path, *, environment: Mapping[str, str], incrementals: bool = True
) -> Order:
    """Look at the bucket and the target; nothing is changed. Every moment can be reached without `incrementals`.

    Raises Refused, with what can be restored, for a point that cannot be reached or a target that is not empty."""
    require_target(into)
    held = _manifests(store, "full")
    chains = {each.id: (each,) for each in held}
    passed_over: dict[str, str] = {}
    if incrementals:
        more, passed_over = usable([*held, *_manifests(store, "incremental")], environment.get(ACCEPTED_INCREMENTALS))
        chains |= more
    if target.backup in passed_over:
        raise Refused(passed_over[target.backup], next_step=RATHER)
    backups = _of_one_system([chain[-1] for chain in chains.values()])
    log = listed(store, backups[-1].source.system_identifier) if backups else Listed(log=None)
    known = tuple(reaches(backups, log.log))
    if target.time:
        target = at_time(store, target, target.time, known, log, environment)
    choice = choose(target, known)
    choice = replace(choice, below=chains[choice.backup.id][:-1])
    last = _last(store, known[-1], log, environment) if known and known[-1].way else None
    return replace(
        _order(store, choice, target, known, log, into), last_commit=last, passed_over=tuple(passed_over.values())
    )


def execute(
    store: RestoreBucket,
    order: Order,
    *,
    environment: Mapping[str, str],
    owner: int | None,
    heard: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Do what `order` says. Raises Refused while some of it cannot be read. See `engines.postgres.restore`."""
    if order.archived:
        raise Refused(
            f"what is needed cannot be read yet: {order.archived.words()}",
            next_step="ask for it with --retrieve, and run this again when it is there"
            if order.archived.unasked
            else "run this again when it is there; or restore from a newer backup (`dr backups`)",
        )
    return restore(store, order.choice, order.histories, order.into, environment=environment, owner=owner, heard=heard)


def retrieve(store: RestoreBucket, order: Order) -> None:
    """Ask for readable copies of what `order` needs and nobody asked for yet (fault 56)."""
    for each in order.archived.unasked:
        store.retrieve(each.key, days=KEPT_DAYS)


def at_time(
    store: ObjectStore,
    target: Target,
    moment: datetime,
    known: Sequence[Reach],
    log: Listed,
    environment: Mapping[str, str],
) -> Target:
    """`target` with the position of the first transaction that ended after `moment`. Raises Refused, with the window,
    when no backup was finished by then or when no transaction ended later (fault 55)."""
    for each in reversed([each for each in known if each.way and each.backup.finished <= moment + CLOCKS]):
        ends = _ended(store, each, log, environment, after=moment - CLOCKS)
        position = next((position for position, time in ends if time > moment), None)
        if position is None:
            raise Refused(
                f"no transaction ended after {target.text}, so nothing tells where that was in the log",
                next_step=f"--to latest is the last one; {window(known, _last(store, each, log, environment))}",
            )
        if position >= each.start:
            return replace(target, position=position)
    raise Refused(f"{target.text} is before the end of the oldest backup", next_step=window(known))


def _ended(
    store: ObjectStore, reach: Reach, log: Listed, environment: Mapping[str, str], *, after: datetime
) -> Iterator[tuple[int, datetime]]:
    """Position and time of the transactions that ended behind a backup, at the latest from `after` on."""
    way = reach.way
    assert way is not None and log.log is not None  # noqa: S101  (for the type checker)
    archive = WalArchive(store=store, way=way.until(way.end), histories=log.log.histories)
    names = way.names(reach.start)
    # What was stored before a moment holds nothing younger.
    young = next(
        (number for number, name in enumerate(names) if any(_age(log, held) >= after for held in way.parts(name)[0])),
        len(names),
    )
    return ended(archive.fetch, names[max(0, young - 1) :], reach.start, way.end, way.segment_bytes, environment)


def _last(store: ObjectStore, reach: Reach, log: Listed, environment: Mapping[str, str]) -> datetime | None:
    """When the last transaction ended, if it is among the last of the log."""
    way = reach.way
    assert way is not None and log.log is not None  # noqa: S101  (for the type checker)
    archive = WalArchive(store=store, way=way.until(way.end), histories=log.log.histories)
    names = way.names(reach.start)[-_LAST_FILES:]
    found = ended(archive.fetch, names, reach.start, way.end, way.segment_bytes, environment)
    return max((time for _, time in found), default=None)


def _age(log: Listed, held: Held) -> datetime:
    return log.objects[held.piece.key].modified


def _manifests(store: ObjectStore, kind: str) -> list[Manifest]:
    return [each.manifest for each in engine_of("postgres", kind).entries(store) if each.manifest]


def _of_one_system(backups: list[Manifest]) -> list[Manifest]:
    """Those of the source of the newest epoch and time, the oldest first; another database is no earlier state."""
    known = sorted(backups, key=lambda each: (each.source.epoch, each.finished))
    return [each for each in known if each.source.system_identifier == known[-1].source.system_identifier]


def _order(
    store: RestoreBucket, choice: Choice, target: Target, known: tuple[Reach, ...], log: Listed, into: Path
) -> Order:
    backup = choice.backup
    pieces = choice.way.between(parse_lsn(backup.start_position), choice.end) if choice.way else []
    keys = {each.piece.key for each in pieces}
    log_bytes = max(0, choice.end - parse_lsn(backup.stop_position))
    needed = [each for one in choice.chain for each in _parts(store, one)] + [log.objects[key] for key in sorted(keys)]
    raw_bytes = sum(each.raw_bytes for each in choice.chain)
    terms = (
        _term("unpack and check", raw_bytes, POSTGRES_RESTORE_BYTES_PER_SECOND),
        _term("replay", log_bytes, REPLAY_BYTES_PER_SECOND),
    )
    # Restored log is kept until PostgreSQL's next restart point: at most what `max_wal_size` there says, and a half.
    disk = raw_bytes + min(log_bytes, 6 * 2**30) + 512 * 2**20
    free = shutil.disk_usage(into if into.is_dir() else into.parent).free
    if free < disk:
        raise Refused(
            f"{into.parent} has {free:,} bytes free, the restore needs {disk:,}",
            next_step="free some space, or name a folder on a larger disk",
        )
    return Order(
        into=into,
        target=target,
        choice=choice,
        known=known,
        histories=log.log.histories if log.log else {},
        objects=len(needed),
        stored_bytes=sum(each.bytes for each in needed),
        log_bytes=log_bytes,
        disk_bytes=disk,
        disk_free=free,
        terms=terms,
        archived=_archived(store, needed),
        last_commit=None,
    )


def _parts(store: RestoreBucket, backup: Manifest) -> list[StoredObject]:
    folder = backup.parts[0].key.rpartition("/")[0] + "/"
    wanted = {part.key for part in backup.parts}
    return [each for each in store.list(folder) if each.key in wanted]


def _archived(store: RestoreBucket, needed: Sequence[StoredObject]) -> Archived:
    """Of `needed`, what cannot be read now. S3 is asked only about objects of an archive class."""
    unasked, coming = list[StoredObject](), list[StoredObject]()
    for each in needed:
        state = store.retrieval(each.key) if each.storage in ARCHIVE_CLASSES else "done"
        if state != "done":
            (coming if state == "running" else unasked).append(each)
    return Archived(unasked=tuple(unasked), coming=tuple(coming))


def _term(name: str, size: int, speed: Number) -> Term:
    return Term(f"{name} {size:,} bytes", timedelta(seconds=size / speed.value), speed.basis)
