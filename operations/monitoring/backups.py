"""The newest backup of each kind, and uploads that a killed backup left open: facts, and what they mean."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from engines.catalog import Newest
from operations.monitoring.findings import CRITICAL, OK, WARNING, Judged
from recovery.copies.arrival import PROMISED
from recovery.copies.lifecycle import lifecycle_rules
from recovery.copies.retention import BUILDS_ON, FULL, copy_terms, longest_newest
from recovery.lease.backup_runs import NOTHING_CHANGED, RunReport
from recovery.names import backup_cron_job, due_cron_job
from recovery.plan.plan import Plan, SiteName
from recovery.ports.buckets import UnfinishedUpload
from recovery.units import read_duration

_NEVER = datetime.min.replace(tzinfo=UTC)


def newest_or_base(dataset: str, kind: str, newest: Mapping[tuple[str, str], Callable[[], Newest]]) -> Newest:
    """The newest backup of a kind, or a newer one of a kind that it builds on: a full says all that an incremental
    would, and is made where there can be none. Raises what the answer about any of them raises."""
    own = newest[dataset, kind]()
    others = [newest[dataset, each]() for each in BUILDS_ON.get(kind, ()) if each != kind]
    best = max(
        (each for each in (own, *others) if each.manifest),
        key=lambda each: (each.manifest.source.epoch, each.manifest.finished) if each.manifest else (0, _NEVER),
        default=own,
    )
    return replace(best, passed_over=own.passed_over)


def judge_newest(
    plan: Plan, dataset: str, kind: str, found: Newest, *, now: datetime, run: RunReport | None = None
) -> Judged:
    """Whether the newest backup that is all there is as new as the plan's own schedule and its replication make it.
    `run`: the active site's last, which may have found that nothing had changed."""
    make = f"run `dr backup {dataset} {kind}` at the site that holds the lease, and see why its CronJob did not"
    if found.manifest is None:
        return Judged(WARNING, f"the DR bucket holds no {dataset} {kind} backup that is all there", make)
    limit = longest_newest(plan, dataset, kind) + PROMISED
    age = now - found.manifest.finished
    if age < timedelta():
        ahead = read_duration(-age)
        return Judged(WARNING, f"{found.key} finished {ahead} in the future: a clock is wrong", "compare the clocks")
    words = f"{found.key} of {read_duration(age)} ago"
    if run and run.outcome == "skipped" and run.why.startswith(NOTHING_CHANGED):
        words += f"; nothing had changed {read_duration(now - run.at)} ago"
        age = min(age, now - run.at)
    if age > limit:
        return Judged(WARNING, f"{words}; by the plan it is never older than {read_duration(limit)}", make)
    return Judged(OK, words)


def judge_since_promotion(dataset: str, kind: str, found: Newest, epoch: int, namespace: str) -> Judged | None:
    """Whether the DR site, active since `epoch`, has a copy of what it accepted; None when it has.

    A full one is begun within minutes by the CronJob that looks whether one is due, any other at its next time. By hand
    it takes somebody who administers the cluster: whoever may create a Job may run any Pod under any service account,
    so the promoter may not, and only tells.
    """
    if found.manifest and found.manifest.source.epoch >= epoch:
        return None
    job = backup_cron_job(dataset, kind)
    return Judged(
        CRITICAL,
        f"no {dataset} {kind} backup since the promotion (epoch {epoch}): what the DR site accepted is in no copy",
        (f"CronJob {due_cron_job(dataset)} begins one within five minutes" if kind == FULL else "the CronJob makes one")
        + f"; by hand: `kubectl create job --namespace {namespace} --from=cronjob/{job} {job}-epoch-{epoch}`",
    )


def judge_arrival(found: Newest, *, now: datetime) -> Judged:
    """Whether what was begun after the newest whole backup is still on its way, or will never be there."""
    coming = [each for each in found.passed_over if each.arrival]
    if not coming:
        return Judged(OK, "nothing is on its way")
    words = "; ".join(f"{each.id} {each.problem(now)}" for each in coming)
    if not any(each.arrival and each.arrival.lost(now) for each in coming):
        return Judged(OK, words)
    return Judged(
        WARNING,
        words,
        "look at the replication of production's bucket (failed operations, its role, both keys), then copy what it "
        "missed: docs/runbooks/batch-replication.md",
    )


def judge_uploads(plan: Plan, site: SiteName, bucket: str, uploads: list[UnfinishedUpload], *, now: datetime) -> Judged:
    """Uploads longer open than their kind may take were left by a process that was killed."""
    limits = {each.prefix: each.time_limit for each in copy_terms(plan) if each.time_limit}
    left = [
        each
        for each in uploads
        if now - each.started
        > next((limit for prefix, limit in limits.items() if each.key.startswith(prefix)), max(limits.values()))
    ]
    running = len(uploads) - len(left)
    now_running = f"{running} running" if running else ""
    if not left:
        return Judged(OK, f"{bucket}: {now_running or 'none is open'}")
    oldest = now - min(each.started for each in left)
    days = max(rule.abort_upload_days or 0 for rule in lifecycle_rules(plan, site))
    words = (
        f"{bucket}: {len(left)} left open by a backup that was killed, the oldest {read_duration(oldest)} ago; "
        f"how many bytes they hold and cost, S3 does not say" + (f"; {now_running} besides" if running else "")
    )
    if oldest > timedelta(days=days + 2):  # S3 acts once a day, on whole days
        return Judged(
            CRITICAL, words, f"the bucket's lifecycle should have ended them after {days} days: see its rules"
        )
    return Judged(WARNING, words, f"none needed: the bucket's lifecycle ends them {days} days after they began")
