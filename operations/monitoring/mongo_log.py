"""How far MongoDB's log is in the DR bucket, beside the clock: what the bucket holds decides.

Nothing tells the monitor how far the server is. But a log whose shipper lives moves on every minute, also while nothing
changes, so its age is how far it is behind. Asking takes a handful of requests however long the log is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from engines.mongo.log_bucket import gaps, pieces_of, position_now
from engines.mongo.log_session import HEARTBEAT
from operations.monitoring.findings import CRITICAL, OK, WARNING, Judged
from recovery.copies.log_times import second, shown
from recovery.copies.manifest import Manifest
from recovery.copies.mongo_log import RANGES, Covered, Gap
from recovery.copies.mongo_log_position import MongoLogPosition
from recovery.copies.mongo_log_way import begins_late, open_gaps
from recovery.copies.stretches import Run, holes
from recovery.lease.lease import Lease
from recovery.names import backup_cron_job, due_cron_job
from recovery.plan.plan import Plan
from recovery.ports.buckets import LogBucket
from recovery.units import read_duration

_WORST_FIRST = (CRITICAL, WARNING, OK)
_LOOK = "look at what `dr ship-log mongo` says at the site that holds the lease"
# Behind that, the clocks of the server and of the monitor, and a range on its way.
_USUAL = 3 * HEARTBEAT


@dataclass(frozen=True, kw_only=True)
class MongoLogSeen:
    """The log in the bucket: complete up to `reach`, what is missing before its last range, and all gaps that were
    recorded."""

    position: MongoLogPosition | None
    reach: int = 0
    holes: tuple[Run, ...] = ()
    gaps: tuple[Gap, ...] = ()


def look_at_mongo_log(store: LogBucket) -> MongoLogSeen:
    """Raises Unreachable, Refused, Corrupt."""
    position = position_now(store)
    recorded = tuple(gaps(store))
    if position is None:
        return MongoLogSeen(position=None, gaps=recorded)
    line = position.line
    ranges = pieces_of(store, line, RANGES, after=f"{line.folder(RANGES)}{position.whole:016X}")
    found = Covered(line=line, pieces=ranges, still=position.still)
    reach = found.end_from(position.whole) or position.whole
    last = max((each.end for each in (*ranges, position.still)), default=position.whole)
    return MongoLogSeen(
        position=position,
        reach=reach,
        holes=tuple(holes([*ranges, position.still], position.whole, last)),
        gaps=recorded,
    )


def judge_mongo_log(
    plan: Plan, seen: MongoLogSeen, *, lease: Lease | None, full: Manifest | None, namespace: str, now: datetime
) -> Judged:
    """`full`: the newest dump."""
    if seen.position is None:
        return Judged(WARNING, "the DR bucket holds no log of MongoDB: what changed is in no copy", _LOOK)
    found = [*_against(plan, seen, seen.position, lease, now), *_lost(seen, full, namespace)]
    words = f"up to {shown(seen.reach)}, epoch {seen.position.epoch}"
    if not found:
        return Judged(OK, words)
    level = next(level for level in _WORST_FIRST if any(each.level == level for each in found))
    worst = next(each for each in found if each.level == level)
    return Judged(level, f"{words}; {'; '.join(each.words for each in found)}", worst.next_step)


def _against(
    plan: Plan, seen: MongoLogSeen, position: MongoLogPosition, lease: Lease | None, now: datetime
) -> Iterator[Judged]:
    for hole in seen.holes:
        words = f"there is nothing from {shown(hole.start)} to {shown(hole.end)}, and log after it"
        yield Judged(CRITICAL, words, "bring the missing ranges' last versions back; see who placed delete markers")
    if lease is not None and lease.state == "held" and position.epoch < lease.epoch:
        words = f"nothing since the takeover (epoch {lease.epoch}): what site {lease.site} accepted is in no log"
        yield Judged(CRITICAL, words, _LOOK)
        return
    behind = now - second(seen.reach)
    if behind > plan.objectives.rpo:
        yield Judged(CRITICAL, f"it is {read_duration(behind)} behind", _LOOK)
    elif behind > _USUAL + plan.datasets.mongo.log.every:
        yield Judged(WARNING, f"it is {read_duration(behind)} behind", _LOOK)


def _lost(seen: MongoLogSeen, full: Manifest | None, namespace: str) -> Iterator[Judged]:
    """Gaps, and a log that began too late, are over once a dump has begun after them."""
    job = backup_cron_job("mongo", "full")
    by_hand = f"`kubectl create job --namespace {namespace} --from=cronjob/{job} {job}-after-gap`"
    step = f"CronJob {due_cron_job('mongo')} begins one within five minutes; by hand: {by_hand}"
    for gap in open_gaps(seen.gaps, full):
        words = f"{shown(gap.start)} to {shown(gap.end)} cannot be replayed: nothing after it can be restored before"
        yield Judged(CRITICAL, f"{words} there is a new dump", step)
    if full and seen.position and begins_late(seen.position, full) and not seen.gaps:
        words = f"it leads on from no dump: it begins at {shown(seen.position.start)}, the newest at "
        yield Judged(
            WARNING, f"{words}{full.start_position}: no moment can be restored before there is a new one", step
        )
