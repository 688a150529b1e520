"""Forecast, judged limit and measurement side by side, one row a term; what is over its forecast is said in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.story.measure import Change
from recovery.plan.plan import Plan

# The promise of the design: promote started → first order ≤ 5 s + fence wait + health check.
PROMOTION_SECONDS = 5.0
NOT_SEEN = -1.0
JUDGED = (
    f"Judged: the first order within {PROMOTION_SECONDS:.0f} s + the fence wait measured + the plan's health check; "
    "the fence wait no shorter than the lease and its margin; orders lost."
)
# What an observer can tell apart, and the forecast's terms that are in it.
LEASE, FENCE, CHECKS, HEALTH, WHOLE = (
    "preflight until the lease is taken",
    "fence wait until PostgreSQL is promoted",
    "checks until the marker is there",
    "health check",
    "promotion until the first order",
)
TERMS = {
    LEASE: ("preflight", "start and lease"),
    FENCE: ("fence wait", "old site", "drain", "replay", "PostgreSQL promotion"),
    CHECKS: ("checks",),
    HEALTH: ("health check",),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One span of time, in seconds. `forecast` is at most; `least` and `most` are what the verdict looks at."""

    what: str
    forecast: float
    measured: float
    least: float | None = None
    most: float | None = None

    @property
    def over_forecast(self) -> float:
        """By how much, as far as the table's digits show it."""
        return max(0.0, round(round(self.measured, 1) - round(self.forecast, 1), 1))

    @property
    def over_limit(self) -> float:
        return 0.0 if self.most is None else max(0.0, self.measured - self.most)

    def cells(self) -> tuple[str, str, str, str, str]:
        """The row as the table shows it."""
        limits = (("at least", self.least), ("at most", self.most))
        judged = ", ".join(f"{word} {limit:.1f} s" for word, limit in limits if limit is not None)
        remark = ""
        if self.over_limit:
            remark = f"over the limit by {self.over_limit:.2f} s"
        elif self.over_forecast:
            remark = f"over the forecast by {self.over_forecast:.1f} s"
        measured = "not seen" if self.measured == NOT_SEEN else f"{self.measured:.1f} s"
        return self.what, f"{self.forecast:.1f} s", judged, measured, remark


def fence_at_least(plan: Plan) -> float:
    """The old holder may write this long after it was last heard."""
    return (plan.lease.duration + plan.lease.margin).total_seconds()


def promotion_at_most(failover: Mapping[str, Any], plan: Plan) -> float:
    """The judged limit: the fence wait as measured, since nothing may shorten it."""
    check = plan.dns.health_check
    return PROMOTION_SECONDS + failover["fence_wait_seconds"] + check.interval.total_seconds() * check.failures


def rows(forecast: Mapping[str, Any], failover: Mapping[str, Any], plan: Plan) -> list[Row]:
    """The spans of a promotion in their order, and the whole."""
    seconds = {term["name"]: term["seconds"] for term in forecast.get("terms", ())}
    sums: dict[str, float] = {what: sum(seconds.get(name, 0.0) for name in names) for what, names in TERMS.items()}
    # Scaling runs beside the fence wait; what exceeds it keeps the services' checks waiting.
    sums[CHECKS] += max(0.0, seconds.get("scale-up", 0.0) - seconds.get("fence wait", 0.0))
    whole = Row(
        what=WHOLE,
        forecast=forecast.get("total_seconds", 0.0),
        most=promotion_at_most(failover, plan),
        measured=failover["promote_seconds"],
    )
    return [
        Row(what=LEASE, forecast=sums[LEASE], measured=failover["lease_seconds"]),
        Row(what=FENCE, forecast=sums[FENCE], least=fence_at_least(plan), measured=failover["fence_wait_seconds"]),
        Row(what=CHECKS, forecast=sums[CHECKS], measured=failover["checks_seconds"]),
        Row(what=HEALTH, forecast=sums[HEALTH], measured=failover["health_check_seconds"]),
        whole,
    ]


def exceeded(compared: list[Row]) -> list[str]:
    """What took longer than forecast and breaks no limit."""
    return [f"{row.what} by {row.over_forecast:.1f} s" for row in compared if row.over_forecast and not row.over_limit]


def unseen(compared: list[Row]) -> list[str]:
    """What no observer saw."""
    return [row.what for row in compared if row.measured == NOT_SEEN]


def between(start: float | None, end: float | None) -> float:
    """Seconds, or NOT_SEEN."""
    return round(end - start, 2) if start is not None and end is not None else NOT_SEEN


def span(start: Change | None, end: Change | None) -> float:
    """From the last moment without the one to the first moment with the other: never too short."""
    return between(start.after if start else None, end.before if end else None)


def vagueness(*changes: Change | None) -> float:
    """By how much a span may be too long: an observer looks at most every tenth of a second."""
    return round(sum(change.before - change.after for change in changes if change), 2)
