"""From what was seen to `.lab/report.json` and the tables at the end of `make lab`."""

from typing import Any

from lab.measure import Change, first_at_dr, lost, outage
from lab.progress import Progress, console
from lab.project import STACKS
from lab.scenario import CACHED, UNCACHED, Facts
from recovery.plan import Plan
from scripts.output import table

# The promise of the design: promote started → first order ≤ 5 s + fence wait + health check.
PROMOTION_SECONDS = 5.0
ROUTE53 = "route53"


def build(facts: Facts, progress: Progress, plan: Plan) -> dict[str, Any]:
    """The report. Every value is measured from outside; -1 stands for "was not seen"."""
    first = first_at_dr(facts.orders, UNCACHED)
    missing = lost(facts.orders, facts.stored)
    failover = {
        "outage_seconds": outage(facts.orders, UNCACHED),
        "outage_seconds_cached": outage(facts.orders, CACHED),
        "promote_seconds": _between(facts.promote_started, first),
        "fence_wait_seconds": _span(facts.lease_taken, facts.database_promoted),
        "fence_wait_known_to_seconds": _vagueness(facts.lease_taken, facts.database_promoted),
        "health_check_seconds": _span(facts.marker_seen, facts.name_moved),
        "orders_acknowledged": len(facts.orders),
        "orders_lost": len(missing),
        "orders_lost_forecast": facts.forecast.get("loss", facts.forecast).get("orders_at_most", -1),
        "attempts_on_dead_region": len(facts.attempts),
        "attempts_on_route53": sum(each.service == ROUTE53 for each in facts.attempts),
        "epoch_before": facts.epoch_before,
        "epoch_after": facts.epoch_after,
    }
    report: dict[str, Any] = {
        "phases": [{"name": name, "seconds": seconds} for name, seconds in progress.phases],
        "preview_second": facts.preview_second,
        "backup": facts.backup,
        "failover": failover,
        "old_primary": {
            "write_refused": bool(facts.write_refused) and all(facts.write_refused.values()),
            "reasons": facts.write_refused,
        },
        "dr_up_while_dead": facts.up_while_dead,
    }
    report["problems"] = problems(report, plan)
    return {"ok": not report["problems"], **report}


def problems(report: dict[str, Any], plan: Plan) -> list[str]:
    """What keeps the run from being ok, in words."""
    failover, backup, dead = report["failover"], report["backup"], report["dr_up_while_dead"]
    check = plan.dns.health_check
    fence = (plan.lease.duration + plan.lease.margin).total_seconds()
    allowed = PROMOTION_SECONDS + failover["fence_wait_seconds"] + check.interval.total_seconds() * check.failures
    wanted = {
        "a second preview proposes changes": report["preview_second"] == dict.fromkeys(STACKS, 0),
        "the backup was not verified": backup.get("verified") is True,
        "the backup was not replicated": backup.get("replicated") is True,
        "more orders were lost than forecast": 0 <= failover["orders_lost"] <= failover["orders_lost_forecast"],
        f"promotion took longer than {allowed:.1f} s": 0 < failover["promote_seconds"] <= allowed,
        "somebody called Route 53 during the promotion": failover["attempts_on_route53"] == 0,
        f"the fence wait was shorter than {fence:.0f} s": failover["fence_wait_seconds"] >= fence,
        "the epoch did not grow by one": failover["epoch_after"] == failover["epoch_before"] + 1,
        "customers of the caching client did not get there": failover["outage_seconds_cached"] > 0,
        "the old primary accepted a write": report["old_primary"]["write_refused"],
        "no setting of dr was changed while production was dead": bool(dead.get("changed")),
        "the services lost their full size": dead.get("replicas_kept") is True,
        "the preview with refresh shows something": dead.get("preview_with_refresh") == 0,
    }
    return [problem for problem, holds in wanted.items() if not holds]


def show(report: dict[str, Any], facts: Facts) -> None:
    """Timeline, forecast against measured, verdict."""
    failover = report["failover"]
    table(
        "\nTimeline (seconds since the region died)",
        ("event", "at"),
        [
            ("region dies", "0.0"),
            *(
                (what, f"{at - facts.died:.1f}")
                for what, at in (
                    ("dr promote --execute started", facts.promote_started),
                    ("lease taken", _seen(facts.lease_taken)),
                    ("database promoted", _seen(facts.database_promoted)),
                    ("marker in place", _seen(facts.marker_seen)),
                    ("public name answers with the DR site", _seen(facts.name_moved)),
                    ("first order at DR, client without cache", first_at_dr(facts.orders, UNCACHED)),
                    ("first order at DR, client with cache", first_at_dr(facts.orders, CACHED)),
                )
                if at is not None
            ),
        ],
    )
    forecast = {term["name"]: term["seconds"] for term in facts.forecast.get("terms", ())}
    table(
        "\nForecast against measured",
        ("what", "forecast, at most", "measured"),
        [
            *((name, f"{seconds:.1f} s", "") for name, seconds in forecast.items()),
            (
                "promotion until the first order",
                f"{facts.forecast.get('total_seconds', 0):.1f} s",
                f"{failover['promote_seconds']} s",
            ),
            ("fence wait", "", f"{failover['fence_wait_seconds']} s"),
            ("health check", "", f"{failover['health_check_seconds']} s"),
            (
                "orders lost",
                failover["orders_lost_forecast"],
                f"{failover['orders_lost']} of {failover['orders_acknowledged']}",
            ),
        ],
    )
    console.print()
    for problem in report["problems"]:
        console.print(f"NOT OK: {problem}", style="bold red")
    if report["ok"]:
        console.print("ok: everything above holds", style="bold green")


def _between(start: float | None, end: float | None) -> float:
    return round(end - start, 2) if start is not None and end is not None else -1.0


def _span(start: Change | None, end: Change | None) -> float:
    """From the last moment without the one to the first moment with the other: never too short."""
    return _between(start.after if start else None, end.before if end else None)


def _vagueness(start: Change | None, end: Change | None) -> float:
    """By how much a span may be too long: an observer looks at most every tenth of a second."""
    return round(sum(change.before - change.after for change in (start, end) if change), 2)


def _seen(change: Change | None) -> float | None:
    return change.before if change else None
