"""Scheduled Jobs of the DR cluster, and what each site's scheduled backups and pruners did: facts and their meaning."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING, Judged
from recovery.copies.retention import DUE_LOOKED_AT
from recovery.lease.backup_runs import FROM_PRIMARY, RunReport
from recovery.names import prune_cron_job
from recovery.plan.plan import SiteName
from recovery.plan.schedules import first_start, longest_gap
from recovery.ports.cluster import ScheduledJobs
from recovery.units import read_duration

DUE_FOR = timedelta(days=30)
"""How long copies that have served their time may wait for people who end them by hand."""


def judge_jobs(found: tuple[ScheduledJobs, ...], *, now: datetime) -> Judged:
    """Failed, suspended, or so long at work that the schedule's next run was not started (Forbid)."""
    wrong = [words for each in found if (words := _wrong(each, now))]
    if not wrong:
        return Judged(OK, f"of {len(found)} CronJobs none failed last")
    return Judged(WARNING, "; ".join(wrong), "`kubectl describe job` and `kubectl logs` of its Pod say why")


def _wrong(each: ScheduledJobs, now: datetime) -> str:
    if each.suspended:
        return f"{each.name} is suspended"
    # A look at whether a full backup is due makes it when it is: the looks that it keeps from starting are not missed.
    looks = each.schedule == DUE_LOOKED_AT
    if each.running_since and not looks and (skipped := (now - each.running_since) // longest_gap((each.schedule,))):
        since = read_duration(now - each.running_since)
        return f"{each.name} has run for {since}, so {skipped} run{'s' if skipped > 1 else ''} after it did not start"
    failed = each.failed
    if failed and (each.succeeded is None or each.succeeded < failed.at):
        return f"{failed.name} failed {read_duration(now - failed.at)} ago ({failed.reason or 'no reason given'})"
    return ""


def judge_runs(
    what: str,
    limit: timedelta,
    found: Mapping[SiteName, RunReport | None],
    *,
    dr_active: bool,
    awaited: str,
    now: datetime,
) -> Judged:
    """By what each run of `what` leaves behind, made, skipped or failed, at least once in `limit`. A skipped run shows
    that the CronJob of the site that stands by works. `awaited`: what is said of the DR site's first run while it may
    still come."""
    words, wrong = [], False
    for site, report in found.items():
        if site == "prod" and dr_active:
            words.append("prod: not asked, site dr is active")
            continue
        if report is None and site == "dr" and awaited:
            words.append(f"dr: {awaited}")
            continue
        said, bad = _run(report)
        late = report is not None and now - report.at > limit
        if late:
            said += f", longer ago than the schedule's {read_duration(limit)}: the next did not start, or was killed"
        wrong = wrong or bad or late
        words.append(f"{site}: {said}" if report is None else f"{site}: {said} [{read_duration(now - report.at)} ago]")
    step = f"see the CronJob of {what} at that site: its Jobs, its Pods' log"
    return Judged(WARNING, "; ".join(words), step) if wrong else Judged(OK, "; ".join(words))


def first_run(schedule: str, zone: str, patience: timedelta, since: datetime | None, now: datetime) -> str:
    """What is said while the first run of a CronJob of `since` may not have ended yet, `patience` after it is due;
    empty afterwards, and where it is not known since when it has been there."""
    if since is None:
        return ""
    due = first_start(schedule, zone, since)
    return "" if now > due + patience else f"first run due at {due:%Y-%m-%d %H:%M} {zone}"


def judge_due(judged: Judged, found: Mapping[SiteName, RunReport | None], holder: str, *, now: datetime) -> Judged:
    """`judged`, and what is due in a bucket that its own account alone prunes, `holder`: told once copies have waited
    for DUE_FOR. Nothing of theirs runs by itself, and production's pruner only looks."""
    looks = [each for each in found.values() if each and each.due_since]
    waiting = max(looks, key=lambda each: each.at, default=None)
    if waiting is None or waiting.due_since is None or now - waiting.due_since <= DUE_FOR:
        return judged
    words = f"{judged.words}; copies have been due for {read_duration(now - waiting.due_since)}"
    step = f"sign in to account {holder} and run `dr prune --bucket dr --execute` there: no site's pruner ends them"
    return Judged(max(WARNING, judged.level), words, judged.next_step or step)


def judge_hidden(
    bucket: SiteName, limit: timedelta, found: Mapping[SiteName, RunReport | None], *, now: datetime
) -> Judged:
    """Locked objects under delete markers in the bucket of site `bucket`, as each site's pruner of it counted them, at
    least once in `limit`. Whoever may place a marker hides a copy, lock or not; once its lock and the undo days are
    over, it is gone."""
    step = f"see the CronJob {prune_cron_job(bucket)} at the site with the lease: its Jobs, its Pods' log"
    counted = [each for each in found.values() if each and each.hidden is not None]
    if not counted:
        return Judged(UNKNOWN, "nobody has looked yet, or the look failed", step)
    last = max(counted, key=lambda each: each.at)
    said = f"{last.hidden or 'none'} [{read_duration(now - last.at)} ago, by site {last.site}]"
    if last.hidden:
        step = "names them; see who placed the markers, and let break-glass take them away"
        return Judged(CRITICAL, said, f"`dr prune --bucket {bucket}` {step}")
    if now - last.at > limit:
        return Judged(UNKNOWN, f"{said}, and nobody has looked since", step)
    return Judged(OK, said)


def _run(report: RunReport | None) -> tuple[str, bool]:
    if report is None:
        return "no scheduled run so far", True
    said = f"last run {report.outcome}"
    if report.why:
        said += f" ({report.why})"
    counts = ", ".join(f"{number} {what}" for what, number in report.counts.items())
    return f"{said}; {counts}", report.outcome == "failed" or report.why.startswith(FROM_PRIMARY)
