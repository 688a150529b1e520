"""Which dump and which log lead to a point: looked up in a bucket, reading no more of it than that needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engines.catalog import begun
from engines.choosing import choose as choose_alone
from engines.mongo.log_bucket import Listed, listed
from recovery.copies.log_times import second
from recovery.copies.manifest import Manifest
from recovery.copies.moments import window as window_alone
from recovery.copies.mongo_log_way import Choice, Reach, Wanted, choose, line_of, reach_of, window
from recovery.copies.recovery_target import Target
from recovery.errors import Corrupt
from recovery.ports.buckets import ObjectStore, StoredObject

_DATASET, _KIND = "mongo", "full"
# A dump's folder is named when it begins, by this machine's clock; cluster times are by the server's.
_CLOCKS = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Point:
    """The dump; the log, with its objects, where there is one; why later dumps are not used."""

    backup: Manifest
    log: Choice | None
    objects: Sequence[StoredObject]
    passed_over: tuple[str, ...]
    asked: datetime | None
    window: str


def choose_point(store: ObjectStore, to: str) -> Point:
    """Raises Refused, with the window, for what cannot be reached (fault 55), and Corrupt for a dump that was asked for
    by its id and is damaged. Where there is no log of any dump, a dump alone is taken."""
    log = listed(store)
    if not log.lines:
        return _alone(store, to)
    wanted = Wanted.parse(to)
    known, passed_over = _reaches(store, log)
    usable = [each.backup.id for each in known if not each.problem]
    if wanted.backup not in usable if wanted.backup else wanted.position is None and not usable:
        return _alone(store, to)
    choice = choose(wanted, known, log.lines)
    return Point(
        backup=choice.backup,
        log=choice,
        objects=[log.objects[each.piece.key] for each in choice.held],
        passed_over=passed_over,
        asked=wanted.time,
        window=window(known),
    )


def _reaches(store: ObjectStore, log: Listed) -> tuple[list[Reach], tuple[str, ...]]:
    """Of every whole dump that was begun while there is log, and why others of that time are not used."""
    starts = [run.start for each in log.lines for run in each.stretches]
    if not starts:
        return [], ()
    first, lines = second(min(starts)) - _CLOCKS, {each.line: each for each in log.lines}
    found, passed_over = list[Reach](), list[str]()
    for each in begun(store, _DATASET, _KIND):
        if not each.has_manifest or each.named.started < first:
            continue
        try:
            manifest = each.entry().manifest
        except Corrupt as error:
            passed_over.append(f"{each.named.id} is not used: {error.what}")
            continue
        if manifest is None:
            passed_over.append(f"{each.named.id} is not used: it is not all there (`dr backups`)")
        elif not manifest.withheld:
            found.append(reach_of(manifest, lines.get(line_of(manifest))))
    found.sort(key=lambda each: each.backup.started)
    return found, tuple(passed_over)


def _alone(store: ObjectStore, to: str) -> Point:
    target = Target.parse(to)
    chosen = choose_alone(store, _DATASET, (_KIND,), target)
    return Point(
        backup=chosen.backup,
        log=None,
        objects=(),
        passed_over=chosen.passed_over,
        asked=target.time,
        window=window_alone(chosen.known),
    )
