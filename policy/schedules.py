"""Schedules, compared by how often they fire in a year and by their longest pause."""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

from cronsim import CronSim, CronSimError

from policy.comparisons import said
from policy.rule import Change, Kind
from policy.values import MISSING, Value
from policy.verdict import Judgement, Verdict
from policy.walk import unjudged

_FROM, _DAYS = datetime(2026, 1, 1, tzinfo=UTC), 365
_DAY = timedelta(days=1)


def schedule() -> Kind:
    """A cron schedule: fewer runs a year, or a longer pause between two, is weaker."""

    def compare(change: Change, reason: str) -> list[Judgement]:
        if change.new is MISSING or change.new == "":
            return said(change, Verdict.WEAKER, f"schedule emptied: {reason}")
        old, new = _read(change.old), _read(change.new)
        if new is None or (old is None and change.old not in (MISSING, "")):
            return [unjudged((), change.old, change.new, f"{reason}; not a schedule")]
        runs, pause = new
        before, longest = old or (0, _DAY * _DAYS)
        facts = f"{before} runs a year become {runs}, the longest pause {_hours(longest)} becomes {_hours(pause)}"
        if runs < before or pause > longest:
            return said(change, Verdict.WEAKER, f"{facts}: {reason}")
        if runs > before or pause < longest:
            return said(change, Verdict.STRONGER, facts)
        return said(change, Verdict.NEUTRAL, "as often as before, at another time")

    return Kind("schedule", compare)


def _read(value: Value) -> tuple[int, timedelta] | None:
    return runs_and_pause(value) if isinstance(value, str) else None


@cache
def runs_and_pause(cron: str) -> tuple[int, timedelta] | None:
    """How often `cron` fires in a year, and its longest pause; None when it is none. Never firing is (0, a year)."""
    fields = cron.split()
    if len(fields) != 5:
        return None
    try:
        # A schedule for every minute fires half a million times a year: the hours of one day and the days of the
        # year are counted apart.
        times = [at - _FROM for at in _until(f"{fields[0]} {fields[1]} * * *", _FROM + _DAY)]
        days = _until(f"0 0 {fields[2]} {fields[3]} {fields[4]}", _FROM + _DAY * _DAYS, one_more=True)
    except (CronSimError, ValueError):
        return None
    if not times or len(days) < 2:
        return 0, _DAY * _DAYS
    within_a_day = [later - earlier for earlier, later in pairwise(times)]
    overnight = [(later + times[0]) - (earlier + times[-1]) for earlier, later in pairwise(days)]
    return len(times) * (len(days) - 1), max([*within_a_day, *overnight])


def _until(cron: str, end: datetime, *, one_more: bool = False) -> list[datetime]:
    found: list[datetime] = []
    try:
        for at in CronSim(cron, _FROM - timedelta(minutes=1)):
            if at >= end:
                found += [at] if one_more and found else []
                break
            found.append(at)
    except StopIteration:  # it never fires
        return found
    return found


def _hours(pause: timedelta) -> str:
    minutes = round(pause / timedelta(minutes=1))
    if minutes % 1440 == 0:
        return f"{minutes // 1440} d"
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
