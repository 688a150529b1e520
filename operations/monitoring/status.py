"""One look at everything a failover depends on: facts in, findings out. What does not answer is UNKNOWN, never fine."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from engines.catalog import Newest, newest
from operations.monitoring.asking import Asking, answer
from operations.monitoring.assets import judge_assets
from operations.monitoring.backups import (
    judge_arrival,
    judge_newest,
    judge_since_promotion,
    judge_uploads,
    newest_or_base,
)
from operations.monitoring.beside import judge_beside
from operations.monitoring.edge import ask_edge, judge_edge
from operations.monitoring.findings import CRITICAL, OK, Finding, Judged, finding_of
from operations.monitoring.guards import judge_guard, judge_wall
from operations.monitoring.jobs import first_run, judge_due, judge_hidden, judge_jobs, judge_runs
from operations.monitoring.known import Known
from operations.monitoring.lease import judge_lease
from operations.monitoring.mongo_log import MongoLogSeen, judge_mongo_log, look_at_mongo_log
from operations.monitoring.postgres_log import LogSeen, judge_log, look_at_log
from operations.monitoring.promotion import judge_marker, judge_promotion, run_of
from operations.monitoring.redis import judge_redis
from operations.monitoring.services import judge_services
from operations.monitoring.slots import judge_slots
from operations.monitoring.sources import Sources
from operations.monitoring.standby import judge_collation, judge_disk, judge_standby, look_at_standby
from recovery.copies.pruning import LONGEST_SILENCE, SCHEDULE, TIME_LIMIT
from recovery.copies.retention import longest_newest, terms_of
from recovery.errors import Corrupt, DrError, Refused
from recovery.failover.bundle import Bundle
from recovery.lease.backup_runs import PRUNE, RunReport
from recovery.lease.guard_report import GuardReport
from recovery.lease.lease import Lease
from recovery.names import STANDBY_CLAIM, Names, backup_cron_job, prune_cron_job
from recovery.plan.datasets import SCHEDULED_TODAY, SHIPPED_TODAY
from recovery.plan.plan import SITES, SiteName
from recovery.ports.buckets import ObjectStore, UnfinishedUpload
from recovery.ports.cluster import ScheduledJobs
from recovery.ports.edge import EdgeSeen, ServiceAnswer

LONGEST_SECONDS = 5.0
"""What has not answered by then is UNKNOWN."""
MONGO_LOG = ("mongo", "log")


def look(bundle: Bundle, sources: Sources, *, now: datetime) -> list[Finding]:
    """All findings, asked in parallel; takes no longer than LONGEST_SECONDS."""
    ask = Asking(LONGEST_SECONDS).ask
    copies, origin = sources.copies, sources.origin
    asked_lease = ask("the control table", sources.leases.read)
    standby = ask("the standby", lambda: look_at_standby(sources.standby))
    redis = ask("the DR site's Redis", lambda: sources.redis.state() if sources.redis else None)
    disk = ask("the DR cluster", lambda: sources.cluster.disk_bytes(STANDBY_CLAIM))
    deployments = ask("the DR cluster", sources.cluster.deployments)
    jobs = ask("the DR cluster", sources.cluster.scheduled_jobs)
    beside = ask("the DR cluster", sources.beside.state)
    marker = ask("the marker's bucket", sources.marker.present)
    guards = {site: ask("the control table", partial(sources.reports.read, site)) for site in SITES}
    walls = {site: ask("the control table", partial(sources.walls.wall, site)) for site in SITES}
    edge = ask("the DR edge", lambda: ask_edge(sources.edge(), next(iter(bundle.plan.services))))
    asked = {what: ask(f"bucket {copies.bucket}", partial(newest, copies, *what)) for what in sorted(SCHEDULED_TODAY)}
    found = {what: partial(newest_or_base, *what, asked) for what in asked}
    runs = {what: ask("the control table", partial(_runs, sources, *what)) for what in found}
    pruned = {site: ask("the control table", partial(_runs, sources, PRUNE, site)) for site in SITES}
    log = ask(f"bucket {copies.bucket}", partial(look_at_log, copies))
    assets = ask("S3's replication of static assets", lambda: _assets(sources, now))
    mongo_log = (
        ask(f"bucket {copies.bucket}", partial(look_at_mongo_log, copies)) if MONGO_LOG in SHIPPED_TODAY else None
    )
    uploads_dr, uploads_prod = (ask(f"bucket {each.bucket}", partial(_uploads, each)) for each in (copies, origin))

    lease = answer(asked_lease)
    known = Known(bundle=bundle, now=now, lease=lease)
    run = answer(ask("the journal in the control table", lambda: run_of(sources.runs, lease)))
    return [
        finding_of("lease", lambda: judge_lease(known)),
        finding_of("guard prod", lambda: judge_guard(known, "prod", guards["prod"]())),
        finding_of("guard dr", _if_it_runs(known, lambda: judge_guard(known, "dr", guards["dr"]()))),
        finding_of("standby", _if_it_runs(known, lambda: judge_standby(standby().state, known))),
        finding_of("slots", lambda: _slots(known, guards)),
        finding_of("disk", _if_it_runs(known, lambda: judge_disk(standby().used, disk()))),
        finding_of("collation", _if_it_runs(known, lambda: judge_collation(standby().collations))),
        finding_of("redis", lambda: judge_redis(redis(), known)),
        finding_of("services", lambda: judge_services(deployments(), known)),
        finding_of("jobs", lambda: judge_jobs(jobs(), now=now)),
        finding_of("beside", lambda: judge_beside(beside(), now=now)),
        finding_of("edge", lambda: _edge(edge, known)),
        finding_of("marker", lambda: judge_marker(marker(), known, run)),
        finding_of("wall prod", lambda: judge_wall(known, "prod", walls["prod"]())),
        finding_of("wall dr", _if_it_runs(known, lambda: judge_wall(known, "dr", walls["dr"]()))),
        *(
            finding_of(f"backup {' '.join(what)}", partial(_backup, known, *what, found[what], runs[what]))
            for what in found
        ),
        *(finding_of(f"runs {' '.join(what)}", partial(_ran, known, *what, runs[what], jobs)) for what in found),
        *(finding_of(f"pruner {site}", partial(_pruned, known, site, pruned[site], jobs)) for site in SITES),
        *(
            finding_of(f"hidden {site}", lambda site=site: judge_hidden(site, LONGEST_SILENCE, pruned[site](), now=now))
            for site in SITES
        ),
        finding_of("log postgres", lambda: _log(known, log(), found["postgres", "full"])),
        *([finding_of("log mongo", lambda: _mongo_log(known, mongo_log(), found))] if mongo_log else []),
        *(finding_of(f"arrival {' '.join(what)}", partial(_arrival, known, found[what])) for what in found),
        finding_of("assets", assets),
        finding_of("uploads dr", lambda: judge_uploads(bundle.plan, "dr", copies.bucket, uploads_dr(), now=now)),
        finding_of("uploads prod", lambda: judge_uploads(bundle.plan, "prod", origin.bucket, uploads_prod(), now=now)),
        finding_of("promotion", lambda: judge_promotion(run)),
    ]


def _if_it_runs(known: Known, judge: Callable[[], Judged]) -> Callable[[], Judged]:
    """Of the database at the DR site. At a cold one there is none before a promotion."""
    if known.bundle.plan.strategy == "cold" and known.active == "prod":
        return lambda: Judged(OK, "no database runs here before a promotion: the strategy is cold")
    return judge


def _assets(sources: Sources, now: datetime) -> Judged:
    if sources.assets is None:
        return Judged(OK, "no static assets are copied, as without `assetsBucket`")
    return judge_assets(sources.assets.bucket, sources.assets.seen(now), now=now)


def _uploads(store: ObjectStore) -> list[UnfinishedUpload]:
    return [*store.unfinished("")]


def _backup(
    known: Known,
    dataset: str,
    kind: str,
    found: Callable[[], Newest],
    runs: Callable[[], dict[SiteName, RunReport | None]],
) -> Judged:
    try:
        made = found()
    except Corrupt as error:
        return Judged(CRITICAL, error.what, error.next_step)
    lease = known.lease
    if isinstance(lease, Lease) and known.dr_active:
        missing = judge_since_promotion(dataset, kind, made, lease.epoch, known.bundle.namespace)
        if missing:
            return missing
    reports = answer(runs)
    run = reports.get(known.active or "prod") if isinstance(reports, dict) else None
    return judge_newest(known.bundle.plan, dataset, kind, made, now=known.now, run=run)


def _runs(sources: Sources, dataset: str, kind: str) -> dict[SiteName, RunReport | None]:
    return {site: sources.backups.read(site, dataset, kind) for site in SITES}


def _ran(
    known: Known,
    dataset: str,
    kind: str,
    found: Callable[[], dict[SiteName, RunReport | None]],
    jobs: Callable[[], tuple[ScheduledJobs, ...]],
) -> Judged:
    plan = known.bundle.plan
    terms = terms_of(plan, dataset, kind)
    since, patience = _since(jobs, backup_cron_job(dataset, kind)), terms.start_deadline + terms.time_limit
    awaited = first_run(terms.schedule, plan.time_zone, patience, since, known.now)
    limit = longest_newest(plan, dataset, kind)
    what = f"{dataset} {kind}"
    return judge_runs(what, limit, found(), dr_active=known.dr_active, awaited=awaited, now=known.now)


def _pruned(
    known: Known,
    bucket: SiteName,
    found: Callable[[], dict[SiteName, RunReport | None]],
    jobs: Callable[[], tuple[ScheduledJobs, ...]],
) -> Judged:
    what = prune_cron_job(bucket)
    awaited = first_run(SCHEDULE, "UTC", 2 * TIME_LIMIT, _since(jobs, what), known.now)
    reports = found()
    judged = judge_runs(what, LONGEST_SILENCE, reports, dr_active=known.dr_active, awaited=awaited, now=known.now)
    return judge_due(
        judged, reports, Names(known.bundle.plan, known.bundle.account).account_of_copies(bucket), now=known.now
    )


def _since(jobs: Callable[[], tuple[ScheduledJobs, ...]], name: str) -> datetime | None:
    """The DR cluster says since when its CronJob has been there; production's is not asked."""
    found = answer(jobs)
    since = [] if isinstance(found, DrError) else [each.since for each in found if each.name == name]
    return min(since, default=None)


def _arrival(known: Known, found: Callable[[], Newest]) -> Judged:
    return judge_arrival(found(), now=known.now)


def _log(known: Known, seen: LogSeen, full: Callable[[], Newest]) -> Judged:
    """What the bucket holds beside what the guard saw of the server: no word of the shipper's own counts."""
    lease, newest_full = known.lease, answer(full)
    return judge_log(
        known.bundle.plan,
        seen,
        lease=lease if isinstance(lease, Lease) else None,
        full=newest_full.manifest if isinstance(newest_full, Newest) else None,
        namespace=_namespace(known),
    )


def _mongo_log(known: Known, seen: MongoLogSeen, found: Mapping[tuple[str, str], Callable[[], Newest]]) -> Judged:
    """The same of MongoDB, whose server tells the monitor nothing."""
    lease, newest_dump = known.lease, answer(found["mongo", "full"]) if ("mongo", "full") in found else None
    return judge_mongo_log(
        known.bundle.plan,
        seen,
        lease=lease if isinstance(lease, Lease) else None,
        full=newest_dump.manifest if isinstance(newest_dump, Newest) else None,
        namespace=_namespace(known),
        now=known.now,
    )


def _namespace(known: Known) -> str:
    """Of the site that holds the lease."""
    return known.bundle.namespace if known.dr_active else known.bundle.plan.sites.prod.namespace


def _slots(known: Known, reported: Mapping[str, Callable[[], GuardReport | None]]) -> Judged:
    site = known.active or "prod"
    return judge_slots(site, reported[site](), known.bundle.plan.lease, now=known.now)


def _edge(asked: Callable[[], tuple[EdgeSeen, ServiceAnswer]], known: Known) -> Judged:
    """A wrong certificate is certain: no customer would get in."""
    try:
        seen, said = asked()
    except Refused as error:
        return Judged(CRITICAL, error.what, error.next_step)
    own_name = known.bundle.endpoints.dr_edge.rpartition(":")[0]
    return judge_edge(seen, said, own_name, active=known.dr_active, now=known.now)
