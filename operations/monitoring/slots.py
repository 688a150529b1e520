"""What the active site's database keeps for those who follow it, against its own bound: facts and what they mean."""

from datetime import datetime

from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING, Judged
from recovery.lease.guard_report import DatabaseSeen, GuardReport, fresh_for
from recovery.plan.plan import LeaseTerms, SiteName
from recovery.units import format_size

_WARNING, _CRITICAL = 0.5, 0.8
_FOLLOW = "see why whoever uses it does not follow (`dr status`, its log); past the bound it is lost and begins anew"


def judge_slots(site: SiteName, report: GuardReport | None, terms: LeaseTerms, *, now: datetime) -> Judged:
    """As the guard of the site that holds the lease last saw it: it is logged in there anyway."""
    seen = report.database if report and now - report.at <= fresh_for(terms) else None
    if seen is None or seen.slots is None:
        why = "does not say: it is silent, has no login there, or is of an older version"
        return Judged(UNKNOWN, f"what slots keep at site {site} its guard {why}", f"see the finding `guard {site}`")
    lost = [slot.name for slot in seen.slots if slot.lost]
    if lost:
        return Judged(
            CRITICAL,
            f"site {site} has given up slot {', '.join(lost)}: whoever used it has to be made anew",
            "raise max_slot_wal_keep_size or mend the way; then a new standby, or a full backup for the log",
        )
    if not seen.slots:
        words = f"site {site}'s database has no slot, so nothing is kept for whoever follows it"
        return Judged(WARNING if site == "prod" else OK, words)
    return _kept(site, seen)


def _kept(site: SiteName, seen: DatabaseSeen) -> Judged:
    fullest = max(seen.slots or (), key=lambda slot: slot.retained)
    words = f"site {site} keeps {format_size(fullest.retained)} of WAL for {fullest.name}"
    if seen.slot_cap is None:
        advice = "set max_slot_wal_keep_size there, at most to what its disk can spare"
        return Judged(WARNING, f"{words}, and nothing bounds it: a follower that is away fills the disk", advice)
    share = fullest.retained / seen.slot_cap if seen.slot_cap else 1.0
    words = f"{words}, {share:.0%} of the {format_size(seen.slot_cap)} allowed"
    level = CRITICAL if share > _CRITICAL else WARNING if share > _WARNING else OK
    return Judged(level, words, "" if level == OK else _FOLLOW)
