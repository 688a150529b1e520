"""How a promotion looks: the plan and its cost before, a line for every step during, a timeline after."""

import time
from collections.abc import Sequence
from typing import Any

from recovery.bundle import Bundle
from recovery.forecast import Forecast
from recovery.journal import Entry
from recovery.moves import STEPS, Act, Done, History, Move, Step, Wait
from recovery.preflight import Verdict
from scripts.output import console, say, table

_REPEAT_SECONDS = 5.0


class Progress:
    """Tells what happens, with seconds since the start; a wait is repeated every few seconds, not every look."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._said: dict[str, float] = {}

    def __call__(self, step: Step | None, move: Move) -> None:
        now = time.monotonic()
        passed = f"{now - self._started:7.2f} s"
        if isinstance(move, Done):
            facts = ", ".join(f"{key} {value}" for key, value in move.facts.items() if not isinstance(value, list))
            say(f"{passed}  {move.step:9} done{': ' + facts if facts else ''}", "green")
        elif isinstance(move, Wait) and now - self._said.get(move.step, self._started) >= _REPEAT_SECONDS:
            self._said[move.step] = now
            say(f"{passed}  {move.step:9} waiting: {move.why}")
        elif isinstance(move, Act) and move.verb not in self._said:
            self._said[move.verb] = now
            say(f"{passed}  {move.step:9} {move.verb}")


def print_plan(bundle: Bundle, forecast: Forecast, verdict: Verdict, history: History) -> None:
    """What `--execute` would do, what it would take and cost, and what speaks against it."""
    done = history.done
    table(
        f"Promotion of the DR site in {bundle.region}" + (f", run {history.run}" if history.run else ""),
        ("step", "what", "state"),
        [(step.name, step.title, "done" if step.name in done else "open") for step in STEPS],
    )
    print_forecast(forecast)
    for warning in verdict.warnings:
        console.print(f"Warning: {warning}", markup=False)


def print_forecast(forecast: Forecast) -> None:
    """The terms, the sums, the loss."""
    rows = [
        (term.name, f"{term.seconds:.1f} s", term.source + (" (beside the fence wait)" if term.parallel else ""))
        for term in forecast.terms
    ]
    rows.append(("first order at DR", f"{forecast.total_seconds:.1f} s", "the sum"))
    rows.append(("… from a DNS cache", f"{forecast.total_seconds + forecast.cache_seconds:.1f} s", "plus the TTL"))
    table("\nForecast", ("term", "at most", "source"), rows)
    console.print(f"\n{forecast.loss.words()}", markup=False)


def timeline(entries: Sequence[Entry], seconds: float) -> None:
    """After a run: what each step took."""
    rows = [(e.step, f"{float(e.data.get('seconds', 0)):.2f} s", e.at) for e in entries if e.kind == "done"]
    table("\nTimeline", ("step", "took", "done at"), rows)
    console.print(f"\nThe DR site is active. This process took {seconds:.1f} s.", markup=False)


def result(
    bundle: Bundle, history: History, forecast: dict[str, Any], *, seconds: float, resumed: bool
) -> dict[str, Any]:
    """The `--json` result. `health_check_seconds` is the plan's; how long the name took is under `name`."""
    check = bundle.plan.dns.health_check
    lease, fence = history.done.get("lease", {}), history.done.get("fence", {})
    return {
        "run": history.run,
        "resumed": resumed,
        "steps": [
            {"name": step.name, "seconds": history.done[step.name].get("seconds", 0.0)}
            for step in STEPS
            if step.name in history.done
        ],
        "epoch_before": lease.get("epoch_before"),
        "epoch_after": lease.get("epoch_after"),
        "fence_wait_seconds": fence.get("waited_seconds"),
        "fence_ended_by": fence.get("ended_by"),
        "health_check_seconds": check.interval.total_seconds() * check.failures,
        "resolvers": history.done.get("name", {}).get("resolvers", {}),
        "promote_seconds": round(seconds, 3),
        "forecast": forecast,
        "overrides": [{"name": k, "value": v} for k, v in dict(history.begun.get("overrides", {})).items()],
    }
