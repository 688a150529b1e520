"""What stands in front of each site's database: the guard's own report, and what the last check of the wall shows."""

from operations.monitoring.findings import CRITICAL, OK, WARNING, Judged
from operations.monitoring.known import Known
from recovery.failover.source import expected
from recovery.lease.guard_report import GuardReport, objections, words
from recovery.lease.wall import WallCheck, command, doubts
from recovery.plan.plan import SiteName


def judge_guard(known: Known, site: SiteName, report: GuardReport | None) -> Judged:
    """The standing-by guard matters as much as the other: behind its shut gate nothing else tells that it works."""
    bundle = known.bundle
    said = words(report, known.now) if report else "no report"
    system = expected(bundle, known.lease)
    against = [*objections(report, site, bundle.plan.lease, system_identifier=system, now=known.now)]
    if site == "prod" and known.dr_active:
        return Judged(OK, f"{said}; the DR site is active")
    if against:
        return Judged(CRITICAL, "; ".join(each.what for each in against), against[0].next_step)
    if report and report.mode != "enforce":
        return Judged(WARNING, f"{said}: its gate does not obey the lease", "set guardMode to enforce and `pulumi up`")
    return Judged(OK, said)


def judge_wall(known: Known, site: SiteName, found: WallCheck | None) -> Judged:
    """Whether only the gate reaches the site's database, as far as the last `dr check wall` shows it."""
    if site == "prod" and known.dr_active:
        return Judged(OK, "not asked: site dr holds the lease, and production's database takes no orders")
    doubt = doubts(found, known.now)
    if found is None or doubt:
        level = CRITICAL if found and not found.holds else WARNING
        return Judged(level, doubt, command(site))
    return Judged(OK, f"{found.sentence()} ({found.at:%Y-%m-%d})")
