"""How far PostgreSQL's log is in the DR bucket, beside how far the server is: what the bucket holds decides.

Asking takes a handful of requests however long the log is: its position, and what has come since.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from engines.postgres.wal_bucket import beyond, gaps, position_now
from operations.monitoring.findings import CRITICAL, OK, WARNING, Judged
from recovery.copies.log import GAPS, Gap, Range, parse_key
from recovery.copies.log_loss import begins_late, open_gaps
from recovery.copies.log_position import LogPosition
from recovery.copies.manifest import Manifest
from recovery.copies.stretches import Run, holes, reached
from recovery.lease.lease import Heartbeat, Lease, format_lsn
from recovery.names import backup_cron_job, due_cron_job
from recovery.plan.plan import Plan
from recovery.ports.buckets import LogBucket
from recovery.units import format_size, read_duration

_WORST_FIRST = (CRITICAL, WARNING, OK)
# Of log that the bucket lacks: what a shipper at work may be behind.
_FAR_BEHIND = 256 * 10**6
_LOOK = "look at the log of the Deployment log-shipper at the site that holds the lease"


@dataclass(frozen=True, kw_only=True)
class LogSeen:
    """The log in the bucket: its newest line up to `end` without a hole, what is missing before the last range, when
    something was last written, and all gaps that were recorded."""

    position: LogPosition | None
    end: int = 0
    holes: tuple[Run, ...] = ()
    written: datetime | None = None
    gaps: tuple[Gap, ...] = ()


def look_at_log(store: LogBucket) -> LogSeen:
    """Raises Unreachable, Refused, Corrupt."""
    position = position_now(store)
    recorded = tuple(gaps(store, GAPS))
    if position is None:
        return LogSeen(position=None, gaps=recorded)
    written, found = position.at, list[Range]()
    prefix, after = beyond(position.line, position.end)
    for item in store.list(prefix, after=after):
        each = parse_key(item.key, position.segment_bytes)
        if isinstance(each, Range):
            found.append(each)
            written = max(written, item.modified)
    last = max((each.end for each in found), default=position.end)
    return LogSeen(
        position=position,
        end=reached(position.end, found),
        holes=tuple(holes(found, position.end, max(last, position.end))),
        written=written,
        gaps=recorded,
    )


def judge_log(plan: Plan, seen: LogSeen, *, lease: Lease | None, full: Manifest | None, namespace: str) -> Judged:
    """`full`: the newest full backup. How much the server keeps for the shipper's slot is judged with its others."""
    if seen.position is None:
        return Judged(WARNING, "the DR bucket holds no log of PostgreSQL: what was committed is in no copy", _LOOK)
    found = [*_against(plan, seen, seen.position, lease), *_lost(seen, full, namespace)]
    words = f"up to {format_lsn(seen.end)} of timeline {seen.position.timeline}, epoch {seen.position.epoch}"
    if not found:
        return Judged(OK, words)
    level = next(level for level in _WORST_FIRST if any(each.level == level for each in found))
    worst = next(each for each in found if each.level == level)
    return Judged(level, f"{words}; {'; '.join(each.words for each in found)}", worst.next_step)


def _against(plan: Plan, seen: LogSeen, position: LogPosition, lease: Lease | None) -> Iterator[Judged]:
    """What the bucket has, against what the guard said of the server with its last renewal."""
    for hole in seen.holes:
        words = f"there is nothing from {format_lsn(hole.start)} to {format_lsn(hole.end)}, and log after it"
        yield Judged(CRITICAL, words, "bring the missing ranges' last versions back; see who placed delete markers")
    if lease is None:
        return
    if lease.state == "held" and position.epoch < lease.epoch:
        words = f"nothing since the takeover (epoch {lease.epoch}): what site {lease.site} accepted is in no log"
        yield Judged(CRITICAL, words, _LOOK)
    elif lease.heartbeat:
        yield from _behind(plan, seen, position, lease.heartbeat)


def _behind(plan: Plan, seen: LogSeen, position: LogPosition, beat: Heartbeat) -> Iterator[Judged]:
    if beat.system_identifier and beat.system_identifier != position.system:
        yield Judged(CRITICAL, f"it is of system {position.system}, the primary's is {beat.system_identifier}", _LOOK)
        return
    behind = beat.lsn - seen.end
    if behind <= 0 or seen.written is None:
        return
    late = beat.at - seen.written
    words = f"{format_size(behind) if behind >= 1000 else f'{behind} bytes'} behind the server"
    if late > plan.objectives.rpo:
        yield Judged(CRITICAL, f"{words}, and nothing came for {read_duration(late)}", _LOOK)
    elif late > 2 * plan.lease.duration:
        yield Judged(WARNING, f"{words}, and nothing came for {read_duration(late)}", _LOOK)
    elif behind > _FAR_BEHIND:
        yield Judged(WARNING, f"{words}: it is written faster than it is stored", _LOOK)


def _lost(seen: LogSeen, full: Manifest | None, namespace: str) -> Iterator[Judged]:
    """Gaps, and a log that began too late, are over once a full backup has begun after them."""
    job = backup_cron_job("postgres", "full")
    by_hand = f"`kubectl create job --namespace {namespace} --from=cronjob/{job} {job}-after-gap`"
    step = f"CronJob {due_cron_job('postgres')} begins one within five minutes; by hand: {by_hand}"
    for gap in open_gaps(seen.gaps, full):
        words = (
            f"{format_lsn(gap.start)} to {format_lsn(gap.end)} of timeline {gap.line.timeline} is lost: nothing "
            "after it can be restored before there is a new full backup"
        )
        yield Judged(CRITICAL, words, step)
    if full and begins_late(seen.position, full) and not seen.gaps:
        words = f"it begins at {format_lsn(seen.position.start)}, after the newest full backup ({full.start_position})"
        yield Judged(WARNING, f"{words}: no moment between backups can be restored before there is a new one", step)
