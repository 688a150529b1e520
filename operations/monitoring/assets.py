"""The copy of static assets, which S3 makes: how it stands, and what that means."""

from datetime import datetime, timedelta

from operations.monitoring.findings import CRITICAL, OK, WARNING, Judged
from recovery.measured import REPLICATION_MINUTES
from recovery.ports.metrics import ReplicationSeen
from recovery.units import format_size, read_duration

_RUNBOOK = "docs/runbooks/batch-replication.md"


def judge_assets(source: str, seen: ReplicationSeen, *, now: datetime) -> Judged:
    """`source`: production's bucket. What failed is never tried again by S3 itself."""
    if seen.problem:
        return Judged(
            CRITICAL,
            f"{source} is not copied: {seen.problem}",
            "run `pulumi up` on the foundation stack, then copy what it missed: " + _RUNBOOK,
        )
    waits = _waiting(seen)
    if seen.failed:
        at = f", last {read_duration(now - seen.failed_at)} ago" if seen.failed_at else ""
        return Judged(
            WARNING,
            f"S3 gave up on copying {seen.failed:,} objects of {source}{at}; {waits}",
            f"see the replication's role and both keys (`dr check account`), then copy what failed: {_RUNBOOK}",
        )
    if seen.behind is None:
        return Judged(
            WARNING,
            f"nothing is heard of the copying of {source}",
            "`dr check account` says whether its rule still has metrics; after the first apply they begin in minutes",
        )
    if seen.behind > REPLICATION_MINUTES.value * 60:
        return Judged(
            WARNING,
            f"copies of {source} are {read_duration(timedelta(seconds=seen.behind))} behind; {waits}",
            "S3 promises 15 minutes: see AWS's health page for both regions; what was lost with production now is what "
            "waits",
        )
    return Judged(OK, f"{source} is copied; {waits}")


def _waiting(seen: ReplicationSeen) -> str:
    if not seen.pending:
        return "nothing waits"
    size = f", {format_size(int(seen.pending_bytes))}" if seen.pending_bytes else ""
    return f"{seen.pending:,.0f} wait{size}"
