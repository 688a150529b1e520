"""Schedules, compared by how often they fire in a year and by their longest pause."""

from collections.abc import Sequence
from datetime import timedelta

from policy.rule import Change, kind
from policy.values import MISSING, Value
from policy.verdict import Judgement, Verdict
from recovery.plan.schedules import any_schedule
from recovery.units import format_duration

_YEAR = timedelta(days=365)


def _never(value: Value) -> Verdict | None:
    """A new schedule has to fire: five fields that name no day at all do not."""
    found = runs_and_pause(value)
    if found is not None and found[0]:
        return None
    return Verdict.WEAKER if isinstance(value, str) and len(value.split()) in (0, 5) else Verdict.UNJUDGED


@kind(born=_never)
def schedule(change: Change, reason: str) -> Sequence[Judgement]:
    """A cron schedule: fewer runs a year, or a longer pause between two, is weaker."""
    if change.new in (MISSING, ""):
        return change.said(Verdict.WEAKER, f"schedule emptied: {reason}")
    old, new = runs_and_pause(change.old), runs_and_pause(change.new)
    if new is None or (old is None and change.old not in (MISSING, "")):
        return change.said(Verdict.UNJUDGED, f"{reason}; not a schedule")
    runs, pause = new
    before, longest = old or (0, _YEAR)
    pauses = f"the longest pause {format_duration(longest)} becomes {format_duration(pause)}"
    facts = f"{before} runs a year become {runs}, {pauses}"
    if runs < before or pause > longest:
        return change.said(Verdict.WEAKER, f"{facts}: {reason}")
    if runs > before or pause < longest:
        return change.said(Verdict.STRONGER, facts)
    return change.said(Verdict.NEUTRAL, "as often as before, at another time")


@kind()
def time_zone(change: Change, reason: str) -> Sequence[Judgement]:
    """There must be one; which one does not matter to how often something runs."""
    if change.new in (MISSING, ""):
        return change.said(Verdict.WEAKER, reason)
    return change.said(Verdict.NEUTRAL, "the same runs at another hour")


def runs_and_pause(cron: Value) -> tuple[int, timedelta] | None:
    """How often `cron` fires in a year, and its longest pause, a year at most; None when it is none."""
    found = any_schedule(cron) if isinstance(cron, str) else None
    return None if found is None else (found.starts_a_year, min(found.longest_gap, _YEAR))
