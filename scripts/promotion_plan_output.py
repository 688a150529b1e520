"""What a promotion would do, take and lose, and what speaks against it."""

from typing import Any

from operations.failover.failover import Failover
from operations.failover.preparation import Prepared
from recovery.errors import EXIT_REFUSED
from recovery.failover.forecast import Forecast
from recovery.failover.healing import Healing
from recovery.failover.history import History
from recovery.failover.restoring import Restoring
from recovery.failover.step import Step
from scripts.output import ExitWith, console, emit_json, errors, say, table
from scripts.promotion_restore_output import print_restore, restore_facts


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
                "restore": restore_facts(prepared.facts),
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


def _print_plan(failover: Failover, prepared: Prepared) -> None:
    history, healing = prepared.history, prepared.healing
    table(
        f"Promotion of the DR site in {failover.bundle.region}" + (f", run {history.run}" if history.run else ""),
        ("step", "what", "state"),
        [(step.name, step.title, _state(step, history, healing)) for step in failover.steps],
    )
    if healing and healing.undone:
        console.print(f"\nFinished, but no longer as this run left it: {healing.words()}.", markup=False)
        console.print(f"--execute does again, in this order: {', '.join(healing.steps)}.", markup=False)
    else:
        if isinstance(prepared.facts.restoring, Restoring):
            print_restore(prepared.facts.restoring)
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
    if forecast.redis:
        console.print(forecast.redis.words(), markup=False)
