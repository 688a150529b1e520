"""From what was seen to `.lab/report.json` and the tables at the end of `make lab`."""

from dataclasses import asdict
from typing import Any

from lab.project import STACKS
from lab.story import comparison, stream_cut
from lab.story.comparison import JUDGED, Row, between, fence_at_least, promotion_at_most, span, vagueness
from lab.story.measure import Change, first_at_dr, lost, outage
from lab.story.progress import Progress, console
from lab.story.scenario import CACHED, UNCACHED, Facts
from recovery.plan.plan import SITES, Plan
from scripts.output import table

ROUTE53 = "route53"


def build(facts: Facts, progress: Progress, plan: Plan) -> dict[str, Any]:
    """The report. Every value is measured from outside; -1 stands for "was not seen"."""
    first = first_at_dr(facts.orders, UNCACHED)
    missing = lost(facts.orders, facts.stored)
    failover = {
        "outage_seconds": outage(facts.orders, UNCACHED),
        "outage_seconds_cached": outage(facts.orders, CACHED),
        "promote_seconds": between(facts.promote_started, first),
        "lease_seconds": between(facts.promote_started, _seen(facts.lease_taken)),
        "fence_wait_seconds": span(facts.lease_taken, facts.database_promoted),
        "fence_wait_known_to_seconds": vagueness(facts.lease_taken, facts.database_promoted),
        "checks_seconds": span(facts.database_promoted, facts.marker_seen),
        "health_check_seconds": span(facts.marker_seen, facts.name_moved),
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
        "log": facts.log,
        "standby_restart": facts.standby_restart,
        "walls": facts.walls,
        "failover": failover,
        "engines": engines(facts),
        "old_primary": {
            "write_refused": bool(facts.write_refused) and all(facts.write_refused.values()),
            "reasons": facts.write_refused,
        },
        "dr_up_while_dead": facts.up_while_dead,
        "restore": facts.restore,
        "due_full": facts.due_full,
    }
    compared = comparison.rows(facts.forecast, failover, plan)
    report["comparison"] = [asdict(row) for row in compared]
    report["over_forecast"] = comparison.exceeded(compared)
    report["not_seen"] = comparison.unseen(compared)
    report["problems"] = problems(report, plan)
    return {"ok": not report["problems"], **report}


def engines(facts: Facts) -> dict[str, dict[str, Any]]:
    """Per engine: writes acknowledged to customers, those of them that the DR site lacks, how many the forecast allowed
    for, and what its promotion's own step took."""
    took = {step["name"]: step["seconds"] for step in facts.promotion.get("steps", ())}
    forecast = facts.forecast
    allowed = {
        "postgres": forecast.get("loss", forecast).get("orders_at_most"),
        "redis": (forecast.get("redis") or {}).get("changes_at_most"),
    }
    there = {"postgres": facts.stored, "redis": facts.carts}
    return {
        engine: {
            "acknowledged": len(facts.orders),
            "lost": len(lost(facts.orders, stored)),
            "lost_forecast": -1 if allowed[engine] is None else allowed[engine],
            "promote_seconds": took.get(engine, -1),
        }
        for engine, stored in there.items()
    }


def problems(report: dict[str, Any], plan: Plan) -> list[str]:
    """What keeps the run from being ok, in words."""
    failover, backup, dead = report["failover"], report["backup"], report["dr_up_while_dead"]
    beside = report["restore"]
    fence, allowed = fence_at_least(plan), promotion_at_most(failover, plan)
    wanted = {
        "a second preview proposes changes": report["preview_second"] == dict.fromkeys(STACKS, 0),
        "the backup was not verified": backup.get("verified") is True,
        "the backup was not replicated": backup.get("replicated") is True,
        "no commit's log was seen in the DR bucket": report["log"].get("samples", 0) > 0,
        "not all that only the bucket had of the log was drained": stream_cut.all_of_it(report["log"]),
        "the log did not go on at the DR site": report["log"].get("goes_on_at_dr") is True,
        "the standby did not come back after its Pod was deleted": report["standby_restart"].get("streams") is True,
        "not both databases refused the application past the gate": _hold(report["walls"]),
        "more orders were lost than forecast": 0 <= failover["orders_lost"] <= failover["orders_lost_forecast"],
        "more carts were lost than forecast": _within(report["engines"]["redis"]),
        f"promotion took longer than {allowed:.1f} s": 0 < failover["promote_seconds"] <= allowed,
        "somebody called Route 53 during the promotion": failover["attempts_on_route53"] == 0,
        f"the fence wait was shorter than {fence:.0f} s": failover["fence_wait_seconds"] >= fence,
        "the epoch did not grow by one": failover["epoch_after"] == failover["epoch_before"] + 1,
        "customers of the caching client did not get there": failover["outage_seconds_cached"] > 0,
        "the old primary accepted a write": report["old_primary"]["write_refused"],
        "no setting of dr was changed while production was dead": bool(dead.get("changed")),
        "the services lost their full size": dead.get("replicas_kept") is True,
        "the preview with refresh shows something": dead.get("preview_with_refresh") == 0,
        "no full backup began by itself after the promotion": bool(report["due_full"].get("why"))
        and report["due_full"].get("epoch") == failover["epoch_after"],
        "the restored server lacked orders": beside.get("orders_found", -1) == beside.get("orders_expected"),
        "the restored server was not of the moment before": beside.get("same_as_before") is True,
        "the restored server took a write": bool(beside.get("write_refused")),
        "the dropped table was not put back": beside.get("put_back") is True,
    }
    return [problem for problem, holds in wanted.items() if not holds]


def _within(engine: dict[str, Any]) -> bool:
    return 0 <= engine["lost"] <= engine["lost_forecast"]


def _hold(walls: dict[str, dict[str, str]]) -> bool:
    return {site: each["state"] for site, each in walls.items()} == dict.fromkeys(SITES, "OK")


def show(report: dict[str, Any], facts: Facts) -> None:
    """Timeline, forecast against measured, verdict."""
    _show_timeline(facts)
    _show_comparison(report)
    for problem in report["problems"]:
        console.print(f"NOT OK: {problem}", style="bold red")
    if report["ok"]:
        console.print(verdict(report), style="bold yellow" if _buts(report) else "bold green")


def verdict(report: dict[str, Any]) -> str:
    """The last line of a run whose limits all held: what went past its forecast is never passed over."""
    buts = _buts(report)
    return f"ok, but {'; '.join(buts)}" if buts else "ok: everything above holds"


def _buts(report: dict[str, Any]) -> list[str]:
    said = (("over the forecast", report["over_forecast"]), ("not seen", report["not_seen"]))
    return [f"{what}: {', '.join(rows)}" for what, rows in said if rows]


def _show_timeline(facts: Facts) -> None:
    events = (
        ("dr promote --execute started", facts.promote_started),
        ("lease taken", _seen(facts.lease_taken)),
        ("database promoted", _seen(facts.database_promoted)),
        ("marker in place", _seen(facts.marker_seen)),
        ("public name answers with the DR site", _seen(facts.name_moved)),
        ("first order at DR, client without cache", first_at_dr(facts.orders, UNCACHED)),
        ("first order at DR, client with cache", first_at_dr(facts.orders, CACHED)),
    )
    rows = [(what, f"{at - facts.died:.1f}") for what, at in events if at is not None]
    table("\nTimeline (seconds since the region died)", ("event", "at"), [("region dies", "0.0"), *rows])


def _show_comparison(report: dict[str, Any]) -> None:
    failover = report["failover"]
    bound = failover["orders_lost_forecast"]
    orders = (
        "orders lost (bound of --execute, not of the dry run)",
        bound,
        f"at most {bound}",
        f"{failover['orders_lost']} of {failover['orders_acknowledged']}",
        "",
    )
    redis = report["engines"]["redis"]
    carts = (
        "carts lost (changes at Redis's average rate)",
        redis["lost_forecast"],
        f"at most {redis['lost_forecast']}",
        f"{redis['lost']} of {redis['acknowledged']}",
        "",
    )
    table(
        "\nForecast against measured",
        ("what", "forecast, at most", "judged", "measured", ""),
        [*(Row(**row).cells() for row in report["comparison"]), orders, carts],
    )
    console.print(f"{JUDGED}\n", markup=False)


def _seen(change: Change | None) -> float | None:
    return change.before if change else None
