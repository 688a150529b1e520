"""When people are told, by CloudWatch: one table of alarms. Pure data.

The monitor at the DR site (`dr status --publish`) publishes each of its findings as a level. Its alarms are in the DR
region, so they work without production's; that it publishes at all is watched from production's region, so that the DR
region's end is told as well. The rest are metrics of AWS's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from recovery.access.tampering import GLOBAL_REGION
from recovery.measured import REPLICATION_MINUTES
from recovery.monitoring.finding_alarms import CRITICAL, FINDINGS
from recovery.names import LEVEL_METRIC, METRICS_NAMESPACE, REPLICATION_RULE, WORST_FINDING, Names

CANARY_CHECK, MARKER_CHECK = "canary", "marker"
"""Stand in the table for the ids of Route 53's health checks, which exist after the first apply."""
EVERY = timedelta(minutes=5)
"""How often the monitor looks."""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """Tells the topic of `region` when `statistic` over `period` is `comparison` than `threshold`, `periods` times one
    after the other; `silence` is what a missing value counts as."""

    name: str
    why: str
    region: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    statistic: Literal["Minimum", "Maximum", "Sum"]
    comparison: Literal["LessThanThreshold", "GreaterThanThreshold", "GreaterThanOrEqualToThreshold"]
    threshold: float
    period: timedelta
    periods: int
    silence: Literal["breaching", "notBreaching"] = "breaching"


def alarms(names: Names, *, assets: str) -> list[Alarm]:
    """All of them. `assets` is production's bucket of static assets, when it is copied."""
    copied = {"backups": (names.backup_bucket("prod"), names.backup_bucket("dr"))}
    if assets:
        copied["assets"] = (assets, names.assets_bucket)
    return [
        *_checks(),
        *(alarm for what, (source, copy) in copied.items() for alarm in _replication(names, what, source, copy)),
        *_findings(names),
    ]


def _checks() -> list[Alarm]:
    """A health check's metric is in us-east-1 alone. With that region gone these are silent, and `dr status` tells of
    the marker. https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/monitoring-cloudwatch.html"""
    told = {
        CANARY_CHECK: "Route 53's checkers cannot read the canary, so they would not see the marker either",
        MARKER_CHECK: "the marker is there: the public name leads to the DR site",
    }
    return [
        Alarm(
            name=f"{check}-check",
            why=why,
            region=GLOBAL_REGION,
            namespace="AWS/Route53",
            metric="HealthCheckStatus",
            dimensions={"HealthCheckId": check},
            statistic="Minimum",
            comparison="LessThanThreshold",
            threshold=1,
            period=timedelta(minutes=1),
            periods=3,
        )
        for check, why in told.items()
    ]


def _replication(names: Names, what: str, source: str, copy: str) -> list[Alarm]:
    """Lateness is published where the copies are, also while there is nothing to copy; failures where they come from,
    and only when there are some. https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html"""
    sites = names.plan.sites
    dimensions = {"SourceBucket": source, "DestinationBucket": copy, "RuleId": REPLICATION_RULE}
    late = Alarm(
        name=f"replication-late-{what}",
        why=f"copies of {source} arrive later than S3 promises, or nothing is heard of them any more",
        region=sites.dr.region,
        namespace="AWS/S3",
        metric="ReplicationLatency",
        dimensions=dimensions,
        statistic="Maximum",
        comparison="GreaterThanThreshold",
        threshold=REPLICATION_MINUTES.value * 60,
        period=EVERY,
        periods=3,
    )
    failed = Alarm(
        name=f"replication-failed-{what}",
        why=f"S3 has given up on copying something of {source}: docs/runbooks/batch-replication.md",
        region=sites.prod.region,
        namespace="AWS/S3",
        metric="OperationsFailedReplication",
        dimensions=dimensions,
        statistic="Sum",
        comparison="GreaterThanThreshold",
        threshold=0,
        period=EVERY,
        periods=1,
        silence="notBreaching",
    )
    return [late, failed]


def _findings(names: Names) -> list[Alarm]:
    """Three in a row, so that one Pod that came late wakes nobody."""
    sites = names.plan.sites
    own = [
        _level(f"status-{finding.replace(' ', '-')}", why, sites.dr.region, finding, level)
        for finding, (level, why) in FINDINGS.items()
    ]
    why = "the monitor at the DR site found something critical, or is silent: is the DR region there? `dr status`"
    return [*own, _level("status-worst", why, sites.prod.region, WORST_FINDING, CRITICAL)]


def _level(name: str, why: str, region: str, finding: str, level: int) -> Alarm:
    return Alarm(
        name=name,
        why=why,
        region=region,
        namespace=METRICS_NAMESPACE,
        metric=LEVEL_METRIC,
        dimensions={"Finding": finding},
        statistic="Maximum",
        comparison="GreaterThanOrEqualToThreshold",
        threshold=level,
        period=EVERY,
        periods=3,
    )
