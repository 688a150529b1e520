"""What a restore of PostgreSQL will do and cost: the backup to begin with, the log to replay, what else there is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from engines.catalog import entries
from engines.postgres.commit_times import ended
from engines.postgres.restore import PROGRAMS, Restored, restore
from engines.postgres.wal_archive import Listed, WalArchive, listed
from engines.restoring import RestoreOrder, Size, archived_of, objects_of, require_room
from engines.target import folder, owner_of, require_target
from recovery.copies.chain import RATHER, usable
from recovery.copies.gaps import CLOCKS
from recovery.copies.log import Held
from recovery.copies.manifest import Manifest
from recovery.copies.recovery_target import LATEST, Choice, Reach, Target, choose, reaches, window
from recovery.copies.retention import FULL
from recovery.errors import Corrupt, Refused
from recovery.lease.lease import format_lsn, parse_lsn
from recovery.measured import POSTGRES_RESTORE_BYTES_PER_SECOND, REPLAY_BYTES_PER_SECOND
from recovery.names import ACCEPTED_INCREMENTALS
from recovery.ports.buckets import ObjectStore, RestoreBucket
from recovery.term import Number, Term

_DATASET = "postgres"
_LAST_FILES = 2
_OLDER_VERSIONS = "an older version of the object may be right (`aws s3api list-object-versions`), or the other bucket"


@dataclass(frozen=True, kw_only=True)
class Order(RestoreOrder):
    """What is chosen, of what there is. `last_commit`: the newest moment that can be reached, where it is known.
    `standby`: the log is left to the server, which goes on with it when it starts."""

    choice: Choice
    known: tuple[Reach, ...]
    histories: Mapping[int, str]
    log_bytes: int
    last_commit: datetime | None
    standby: bool = False

    @property
    def window(self) -> str:
        """What could be restored, for people."""
        return window(self.known, self.last_commit)

    def rows(self, size: Size) -> list[tuple[str, str]]:
        """The chain of backups, and the log after it."""
        choice = self.choice
        upto = "as far as it goes" if choice.position is None else f"before {format_lsn(choice.position)}"
        log = f"the log of timeline {choice.way.timeline}, {upto}" if choice.way else "no log"
        return [
            ("begin with", _names(choice.chain[:1], size)),
            *([("onto that", _names(choice.chain[1:], size))] if choice.below else []),
            ("left to the server" if self.standby else "replay", f"{log}: {size(self.log_bytes)}"),
        ]

    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        choice = self.choice
        return {
            "backup": choice.backup.id,
            "below": [each.id for each in choice.below],
            "timeline": choice.way.timeline if choice.way else choice.backup.source.timeline,
            "position": None if choice.position is None else format_lsn(choice.position),
            "log_end": format_lsn(choice.end),
            "log_bytes": self.log_bytes,
            "standby": self.standby,
        }


class PostgresRestore:
    """Base backup, incrementals, log."""

    dataset = _DATASET
    programs: tuple[str, ...] = PROGRAMS

    def place(self, named: str) -> Path:
        """A folder."""
        return folder(named)

    def plan(
        self,
        store: RestoreBucket,
        to: str,
        into: Path,
        *,
        environment: Mapping[str, str],
        incrementals: bool,
        standby: bool,
    ) -> Order:
        """See `plan_restore` and `as_standby`; `to` is what `Target` reads."""
        order = plan_restore(store, Target.parse(to), into, environment=environment, incrementals=incrementals)
        return as_standby(order) if standby else order

    def owner_of(self, into: Path, wanted: str) -> int | None:
        """The user that the server will run as."""
        return owner_of(into, wanted, server="PostgreSQL", user="postgres")

    def execute(
        self,
        store: RestoreBucket,
        order: Order,
        *,
        environment: Mapping[str, str],
        owner: int | None,
        heard: Callable[[str], None],
    ) -> Restored:
        """See `engines.postgres.restore`."""
        return restore(
            store,
            order.choice,
            order.histories,
            order.into,
            environment=environment,
            owner=owner,
            standby=order.standby,
            heard=heard,
        )


def plan_restore(
    store: RestoreBucket, target: Target, into: Path, *, environment: Mapping[str, str], incrementals: bool = True
) -> Order:
    """Look at the bucket and the target; nothing is changed. Every moment can be reached without `incrementals`.

    Raises Refused, with what can be restored, for a point that cannot be reached or a target that is not empty."""
    require_target(into)
    order = plan_elsewhere(store, target, into, environment=environment, incrementals=incrementals)
    return replace(order, disk_free=require_room(into, order.disk_bytes))


def as_standby(order: Order) -> Order:
    """The same, with the log left to the server. Raises Refused for another point than the newest."""
    if order.to != LATEST:
        raise Refused(f"a standby goes on and on, so it does not stop at {order.to}", next_step="leave out --to")
    return replace(order, standby=True, terms=order.terms[:1])


def plan_elsewhere(
    store: RestoreBucket, target: Target, into: Path, *, environment: Mapping[str, str], incrementals: bool = True
) -> Order:
    """The same for a place that is not on this machine: what is free there, the caller knows. Raises Refused."""
    held, passed_over = _manifests(store, FULL)
    chains = {each.id: (each,) for each in held}
    if incrementals:
        built, damaged = _manifests(store, "incremental")
        more, others = usable([*held, *built], environment.get(ACCEPTED_INCREMENTALS))
        chains, passed_over = chains | more, passed_over | damaged | others
    if target.backup in passed_over:
        raise Refused(passed_over[target.backup], next_step=RATHER)
    if passed_over and not chains:
        raise Corrupt("no backup can be used:\n" + "\n".join(passed_over.values()), next_step=_OLDER_VERSIONS)
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


def last_commit(store: ObjectStore, order: Order, environment: Mapping[str, str]) -> datetime:
    """When the last transaction ended that `order` brings back, if it is among the last of the log; else when the
    backup was finished, before which nothing is missing."""
    choice = order.choice
    if choice.way is None:
        return choice.backup.finished
    archive = WalArchive(store=store, way=choice.way.until(choice.end), histories=order.histories)
    start = parse_lsn(choice.backup.stop_position)
    names = choice.way.until(choice.end).names(start)[-_LAST_FILES:]
    found = ended(archive.fetch, names, start, choice.end, choice.way.segment_bytes, environment)
    return max((time for _, time in found), default=choice.backup.finished)


def _age(log: Listed, held: Held) -> datetime:
    return log.objects[held.piece.key].modified


def _manifests(store: ObjectStore, kind: str) -> tuple[list[Manifest], dict[str, str]]:
    """The backups of a kind, and what is wrong with those whose manifest is damaged, by id."""
    found = entries(store, _DATASET, kind)
    damaged = {each.id: f"{each.id} is not used: {each.damage}" for each in found if each.damage}
    return [each.manifest for each in found if each.manifest], damaged


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
    needed = [each for one in choice.chain for each in objects_of(store, one)] + [
        log.objects[key] for key in sorted(keys)
    ]
    raw_bytes = sum(each.raw_bytes for each in choice.chain)
    terms = (
        _term("unpack and check", raw_bytes, POSTGRES_RESTORE_BYTES_PER_SECOND),
        _term("replay", log_bytes, REPLAY_BYTES_PER_SECOND),
    )
    # Restored log is kept until PostgreSQL's next restart point: at most what `max_wal_size` there says, and a half.
    disk = raw_bytes + min(log_bytes, 6 * 2**30) + 512 * 2**20
    return Order(
        dataset=_DATASET,
        to=target.text,
        into=into,
        choice=choice,
        known=known,
        histories=log.log.histories if log.log else {},
        objects=len(needed),
        stored_bytes=sum(each.bytes for each in needed),
        log_bytes=log_bytes,
        disk_bytes=disk,
        disk_free=0,
        terms=terms,
        archived=archived_of(store, needed),
        last_commit=None,
    )


def _term(name: str, size: int, speed: Number) -> Term:
    return Term(f"{name} {size:,} bytes", timedelta(seconds=size / speed.value), speed.basis)


def _names(backups: Sequence[Manifest], size: Size) -> str:
    return "; ".join(f"{each.id}, {size(each.raw_bytes)}, at {each.stop_position}" for each in backups)
