"""What a promotion did: a timeline for people, the same for programs."""

from collections.abc import Sequence
from typing import Any

from operations.failover.failover import Failover
from operations.failover.preparation import Outcome, Prepared
from recovery.failover.healing import Healing
from recovery.failover.history import History
from recovery.failover.journal import Entry
from recovery.failover.steps.fence import STEP as FENCE
from recovery.failover.steps.lease import STEP as LEASE
from recovery.failover.steps.name import STEP as NAME
from recovery.failover.steps.redis import STEP as REDIS
from scripts.output import console, emit_json, say, table


def nothing_to_do(failover: Failover, prepared: Prepared, *, json: bool) -> None:
    """The run is finished and everything is as it left it."""
    history = prepared.history
    if json:
        forecast = dict(history.begun.get("forecast", {}))
        emit_json(result(failover, history, forecast, seconds=0, resumed=True, healing=None))
    say(f"The DR site is active already: run {prepared.run} finished in epoch {history.epoch}. Nothing to do.", "green")
    for name, why in (prepared.healing.unknown if prepared.healing else {}).items():
        say(f"Warning: whether step {name} is still as it was left is not known: {why}")


def ended(failover: Failover, prepared: Prepared, outcome: Outcome, seconds: float, *, json: bool) -> None:
    """What an execution did."""
    forecast = prepared.forecast.as_dict()
    if json:
        value = result(
            failover, outcome.history, forecast, seconds=seconds, resumed=outcome.resumed, healing=outcome.healed
        )
        emit_json(value)
    else:
        _timeline(failover, outcome.entries, seconds)


def _timeline(failover: Failover, entries: Sequence[Entry], seconds: float) -> None:
    """What each step took and left, the last time it was done."""
    done = {entry.step: entry for entry in entries if entry.kind == "done"}
    rows = [
        (step.name, f"{float(done[step.name].data.get('seconds', 0)):.2f} s", done[step.name].at,
         step.sentence(done[step.name].data))
        for step in failover.steps if step.name in done
    ]  # fmt: skip
    table("\nTimeline", ("step", "took", "done at", "what"), rows)
    console.print(f"\nThe DR site is active. This process took {seconds:.1f} s.", markup=False)


def result(
    failover: Failover,
    history: History,
    forecast: dict[str, Any],
    *,
    seconds: float,
    resumed: bool,
    healing: Healing | None,
) -> dict[str, Any]:
    """The `--json` result. `health_check_seconds` is the plan's; how long the name took is under `name`."""
    check = failover.bundle.plan.dns.health_check
    lease, fence = history.done.get(LEASE.name, {}), history.done.get(FENCE.name, {})
    return {
        "run": history.run,
        "resumed": resumed,
        "steps": [
            {
                "name": step.name,
                "seconds": history.done[step.name].get("seconds", 0.0),
                "words": step.sentence(history.done[step.name]),
            }
            for step in failover.steps
            if step.name in history.done
        ],
        "epoch_before": lease.get("epoch_before"),
        "epoch_after": lease.get("epoch_after"),
        "fence_wait_seconds": fence.get("waited_seconds"),
        "fence_ended_by": fence.get("ended_by"),
        "health_check_seconds": check.interval.total_seconds() * check.failures,
        "resolvers": history.done.get(NAME.name, {}).get("resolvers", {}),
        "redis": history.done.get(REDIS.name),
        "promote_seconds": round(seconds, 3),
        "forecast": forecast,
        "healed": healing.as_dict() if healing else None,
        "overrides": [{"name": k, "value": v} for k, v in dict(history.begun.get("overrides", {})).items()],
    }
