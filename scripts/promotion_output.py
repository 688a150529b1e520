"""How a promotion looks: the plan and its cost before, a sentence for every step during, a timeline after."""

import time
from collections.abc import Sequence
from typing import Any

from operations.failover.failover import Failover
from operations.failover.preparation import Outcome, Prepared
from recovery.errors import EXIT_REFUSED
from recovery.failover.forecast import Forecast
from recovery.failover.healing import Healing
from recovery.failover.history import History
from recovery.failover.journal import Entry
from recovery.failover.moves import Act, Done, Move, Wait
from recovery.failover.step import Step
from recovery.failover.steps.fence import STEP as FENCE
from recovery.failover.steps.lease import STEP as LEASE
from recovery.failover.steps.name import STEP as NAME
from scripts.output import ExitWith, console, emit_json, errors, say, table

_REPEAT_SECONDS = 5.0


class Progress:
    """Tells what happens, with seconds since the start; a wait is repeated every few seconds, not every look."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._said: dict[tuple[str, str], float] = {}

    def __call__(self, step: Step[Any], move: Move) -> None:
        now = time.monotonic()
        line = f"{now - self._started:7.2f} s  {step.name:9} "
        waiting = step.name, ""
        if isinstance(move, Done):
            say(f"{line}done: {step.sentence(move.facts)}", "green")
        elif isinstance(move, Wait) and now - self._said.get(waiting, self._started) >= _REPEAT_SECONDS:
            self._said[waiting] = now
            say(f"{line}waiting: {move.why}")
        elif isinstance(move, Act) and (step.name, move.verb) not in self._said:
            self._said[step.name, move.verb] = now
            say(f"{line}{step.verbs[move.verb]}")


def dry_run(failover: Failover, prepared: Prepared, *, json: bool) -> None:
    """What `--execute` would do, what it would take and cost, and what speaks against it. Raises ExitWith then."""
    healing = prepared.healing
    if json:
        done = prepared.history.done.keys() - set(healing.steps if healing else ())
        emit_json(
            {
                "run": prepared.run,
                "dry_run": True,
                "may_go": prepared.verdict.may_go,
                "steps": [{"name": s.name, "title": s.title, "done": s.name in done} for s in failover.steps],
                "forecast": prepared.forecast.as_dict(),
                "reasons": [vars(reason) for reason in prepared.verdict.reasons],
                "warnings": list(prepared.verdict.warnings),
                "healing": healing.as_dict() if healing else None,
            }
        )
    else:
        _print_plan(failover, prepared)
    refuse(prepared)
    say("\nNothing was changed. Run it again with --execute to do it.", "bold")


def refuse(prepared: Prepared) -> None:
    """Ends the command when something speaks against it. Raises ExitWith."""
    if not prepared.verdict.may_go:
        errors.print(f"dr: refused, nothing was changed:\n{prepared.verdict.words()}", markup=False)
        raise ExitWith(EXIT_REFUSED)


def announce(prepared: Prepared) -> None:
    """The first line of an execution."""
    if prepared.healing:
        say(f"Run {prepared.run} is finished, and is put right again: {_undone(prepared.healing)}")
    else:
        say(f"Run {prepared.run}: {prepared.forecast.loss.words()}")


def nothing_to_do(failover: Failover, prepared: Prepared, *, json: bool) -> None:
    """The run is finished and everything is as it left it."""
    history = prepared.history
    if json:
        forecast = dict(history.begun.get("forecast", {}))
        emit_json(result(failover, history, forecast, seconds=0, resumed=True, healing=None))
    say(f"The DR site is active already: run {prepared.run} finished in epoch {history.epoch}. Nothing to do.", "green")
    for name, why in (prepared.healing.unknown if prepared.healing else {}).items():
        say(f"Warning: whether step {name} is still as it was left is not known: {why}")


def after(failover: Failover, prepared: Prepared, outcome: Outcome, seconds: float, *, json: bool) -> None:
    """What an execution did."""
    forecast = prepared.forecast.as_dict()
    if json:
        value = result(
            failover, outcome.history, forecast, seconds=seconds, resumed=outcome.resumed, healing=outcome.healed
        )
        emit_json(value)
    else:
        _timeline(failover, outcome.entries, seconds)


def _print_plan(failover: Failover, prepared: Prepared) -> None:
    history, healing = prepared.history, prepared.healing
    table(
        f"Promotion of the DR site in {failover.bundle.region}" + (f", run {history.run}" if history.run else ""),
        ("step", "what", "state"),
        [(step.name, step.title, _state(step, history, healing)) for step in failover.steps],
    )
    if healing and healing.undone:
        console.print(f"\nFinished, but no longer as this run left it: {_undone(healing)}.", markup=False)
        console.print(f"--execute does again, in this order: {', '.join(healing.steps)}.", markup=False)
    else:
        _print_forecast(prepared.forecast)
    for warning in prepared.verdict.warnings:
        console.print(f"Warning: {warning}", markup=False)


def _state(step: Step[Any], history: History, healing: Healing | None) -> str:
    if healing and step.name in healing.undone:
        return "undone"
    if healing and step.name in healing.unknown:
        return "not known"
    if healing and step.name in healing.steps:
        return "again"
    return "done" if step.name in history.done else "open"


def _undone(healing: Healing) -> str:
    return "; ".join(healing.undone.values()) or "nothing is known to be undone"


def _print_forecast(forecast: Forecast) -> None:
    """The terms, the sums, the loss."""
    rows = [
        (term.name, f"{term.seconds:.1f} s", term.source + (" (beside the fence wait)" if term.parallel else ""))
        for term in forecast.terms
    ]
    rows.append(("first order at DR", f"{forecast.total_seconds:.1f} s", "the sum"))
    rows.append(("… from a DNS cache", f"{forecast.total_seconds + forecast.cache_seconds:.1f} s", "plus the TTL"))
    table("\nForecast", ("term", "at most", "source"), rows)
    console.print(f"\n{forecast.loss.words()}", markup=False)


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
        "promote_seconds": round(seconds, 3),
        "forecast": forecast,
        "healed": healing.as_dict() if healing else None,
        "overrides": [{"name": k, "value": v} for k, v in dict(history.begun.get("overrides", {})).items()],
    }
