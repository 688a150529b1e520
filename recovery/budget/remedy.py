"""The smallest change to the plan that makes it keep its objectives: tried, not guessed.

Every candidate is a whole plan, validated and added up again. For each objective not met, candidates come in the order
of how much they change: the same number a little tighter first, then where a copy goes, then the strategy, last an
exception from the objective itself. Assumptions are never changed: writing a smaller number makes nothing smaller.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from pydantic import ValidationError

from recovery.budget.budget import Budget, budget
from recovery.budget.sums import Sum
from recovery.plan.plan import Plan
from recovery.plan.schedules import longest_gap, parse_schedule
from recovery.units import format_duration, parse_duration

Path = tuple[str, ...]
Edits = dict[Path, str]

# Durations people write, longest first: a remedy takes the first that is short enough.
_DURATIONS = [
    timedelta(seconds=seconds)
    for seconds in (
        *(day * 86_400 for day in (7, 3, 2, 1)),
        *(hour * 3600 for hour in (12, 8, 6, 4, 3, 2, 1)),
        *(minute * 60 for minute in (45, 30, 20, 15, 10, 5, 4, 3, 2, 1)),
        *(30, 20, 15, 10, 5, 2, 1),
    )
]
_HOURS, _MINUTES = (12, 8, 6, 4, 3, 2), (30, 20, 15, 12, 10, 6, 5, 4, 3, 2, 1)
_MORE_OFTEN, _OR_LESS = ("schedule", "every"), ("ttl", "duration", "time_limit", "start_deadline")
_SHORTEST_LEASE = timedelta(seconds=10)  # below, one slow answer of the control table closes the gate
_REASON = "write here why the business accepts it"
_MOST_CHANGES = 12


@dataclass(frozen=True, kw_only=True)
class Change:
    """One value of the plan. `words` is the line to write into it."""

    path: str
    old: str
    new: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """Changes that together make the plan keep everything; `complete` is false when even they do not."""

    changes: tuple[Change, ...]
    complete: bool


def remedy(plan: Plan) -> Remedy:
    """The changes, none for a plan that keeps everything."""
    raw, edits = plan.model_dump(mode="json"), cast("Edits", {})
    current = budget(plan)
    for _ in range(_MOST_CHANGES):
        unmet = next(((name, kind) for name, kind, each in current.sums() if not each.met), None)
        if unmet is None:
            break
        found = _smallest(raw, unmet, current)
        if found is None:
            break
        edits.update(found[0])
        raw, current = found[1], found[2]
    original = plan.model_dump(mode="json")
    changes = tuple(_change(original, path, new) for path, new in edits.items())
    return Remedy(changes=changes, complete=current.met)


def _smallest(
    raw: dict[str, Any], unmet: tuple[str, str], before: Budget
) -> tuple[Edits, dict[str, Any], Budget] | None:
    """The first candidate that meets this sum and breaks no other."""
    broken = {(name, kind) for name, kind, each in before.sums() if not each.met}
    worst = next(each for name, kind, each in before.sums() if (name, kind) == unmet)
    for edits in _candidates(raw, unmet, worst):
        changed = _edited(raw, edits)
        try:
            after = budget(Plan.model_validate(changed))
        except ValidationError:
            continue  # a combination the plan's own rules refuse
        still = {(name, kind) for name, kind, each in after.sums() if not each.met}
        if unmet not in still and still <= broken:
            return edits, changed, after
    return None


def _candidates(raw: dict[str, Any], unmet: tuple[str, str], worst: Sum) -> Iterator[Edits]:
    name, kind = unmet
    dataset = name.partition(",")[0]
    if kind == "uptime":
        yield from _tighter_lease(raw)
        yield {("objectives", "uptime"): _share_below(worst)}
        return
    yield from _tighter_copies(raw, dataset) if kind == "loss" else _tighter_moves(raw)
    if kind == "loss":
        for direct in _direct(raw, dataset):
            yield direct
            for edits in _tighter_copies(raw, dataset):
                yield {**direct, **edits}
    if raw["strategy"] == "cold":
        warm: Edits = {("strategy",): "warm"}
        for service, replicas in raw["services"].items():
            if replicas["warm"] == 0:
                warm[("services", service, "warm")] = "1"
        yield warm
    if worst.limit.path.startswith("strategies."):
        yield {("strategies", raw["strategy"]): format_duration(_rounded_up(worst.total))}
    yield _exception(raw, dataset, "rpo" if kind == "loss" else "rto", worst)


def _tighter_copies(raw: dict[str, Any], dataset: str) -> Iterator[Edits]:
    """A log cut more often; a copy made more often, with the time it then has."""
    data = raw["datasets"][dataset]
    if "log" in data:
        yield from _shorter(raw, ("datasets", dataset, "log", "every"))
        return
    for kind in ("snapshot", "full"):
        if kind in data:
            path = ("datasets", dataset, kind)
            yield from _shorter(raw, (*path, "time_limit"))
            for schedule in _more_often(data[kind]["schedule"]):
                yield {(*path, "schedule"): schedule}
                gap = parse_schedule(schedule).shortest_gap
                late, limit = _fitting(gap * 0.4), _fitting(gap * 0.6)
                if late and limit:
                    late = min(late, parse_duration(data[kind]["start_deadline"]))
                    limit = min(limit, parse_duration(data[kind]["time_limit"]))
                    yield {
                        (*path, "schedule"): schedule,
                        (*path, "start_deadline"): format_duration(late),
                        (*path, "time_limit"): format_duration(limit),
                    }
            return


def _tighter_moves(raw: dict[str, Any]) -> Iterator[Edits]:
    """How fast the name and the lease can move."""
    yield from _shorter(raw, ("dns", "ttl"))
    check = raw["dns"]["health_check"]
    quickest: Edits = {}
    if check["failures"] > 1:
        quickest[("dns", "health_check", "failures")] = "1"
        yield dict(quickest)
    if check["interval"] != "10s":
        quickest[("dns", "health_check", "interval")] = "10s"
        yield dict(quickest)
    yield from _tighter_lease(raw)


def _tighter_lease(raw: dict[str, Any]) -> Iterator[Edits]:
    renewal = parse_duration(raw["lease"]["renewal"])
    for edits in _shorter(raw, ("lease", "duration")):
        duration = parse_duration(edits[("lease", "duration")])
        if duration < _SHORTEST_LEASE:
            return
        if duration < renewal * 3 and (third := _fitting(duration / 3)):
            edits[("lease", "renewal")] = format_duration(third)
        yield edits


def _shorter(raw: dict[str, Any], path: Path) -> Iterator[Edits]:
    now = parse_duration(_at(raw, path))
    yield from ({path: format_duration(each)} for each in _DURATIONS if each < now)


def _more_often(schedule: str) -> Iterator[str]:
    """Denser schedules, the least dense first; the minute and the hour stay where they were."""
    minute, hour = schedule.split(" ")[:2]
    minute = minute if minute.isdigit() else "0"
    hour = hour if hour.isdigit() else "2"
    ladder = [f"{minute} {hour} * * *", *(f"{minute} */{n} * * *" for n in _HOURS), f"{minute} * * * *"]
    now = longest_gap((schedule,))
    for each in (*ladder, *(f"*/{n} * * * *" for n in _MINUTES)):
        if longest_gap((each,)) < now:
            yield each


def _direct(raw: dict[str, Any], dataset: str) -> Iterator[Edits]:
    for kind, values in raw["datasets"][dataset].items():
        if isinstance(values, Mapping) and cast("Mapping[str, Any]", values).get("to") == "local":
            yield {("datasets", dataset, kind, "to"): "cloud"}


def _exception(raw: dict[str, Any], dataset: str, name: str, worst: Sum) -> Edits:
    path = ("datasets", dataset, "exception")
    edits: Edits = {(*path, name): format_duration(_rounded_up(worst.total))}
    if not raw["datasets"][dataset].get("exception"):
        edits[(*path, "reason")] = _REASON
    return edits


def _fitting(longest: timedelta) -> timedelta | None:
    return next((each for each in _DURATIONS if each <= longest), None)


def _rounded_up(value: timedelta) -> timedelta:
    """To a whole minute, hour or day: an exception is a promise, not a measurement."""
    for limit, unit in (
        (timedelta(minutes=1), timedelta(seconds=1)),
        (timedelta(hours=2), timedelta(minutes=1)),
        (timedelta(days=3), timedelta(hours=1)),
    ):
        if value <= limit:
            return -(-value // unit) * unit
    return -(-value // timedelta(days=1)) * timedelta(days=1)


def _share_below(worst: Sum) -> str:
    """The highest share of two decimals that these minutes keep."""
    allowed = 1 - worst.total / timedelta(days=30)
    return f"{max(0.01, int(allowed * 10_000) / 100):.2f}%"


def _edited(raw: dict[str, Any], edits: Edits) -> dict[str, Any]:
    result = raw
    for path, new in edits.items():
        result = _with(result, path, new)
    return result


def _with(value: Any, path: Path, new: str) -> dict[str, Any]:
    inner: dict[str, Any] = dict(value or {})
    inner[path[0]] = new if len(path) == 1 else _with(inner.get(path[0]), path[1:], new)
    return inner


def _at(raw: Any, path: Path) -> Any:
    for part in path:
        raw = cast("dict[str, Any]", raw or {}).get(part)
    return raw


def _change(original: dict[str, Any], path: Path, new: str) -> Change:
    old = _at(original, path)
    words = f"{'.'.join(path)}: " + (f'"{new}"' if " " in new else new)
    if path[-1] in _MORE_OFTEN:
        words += " or more often"
    elif path[-1] in _OR_LESS:
        words += " or less"
    before = f"{old * 100:.10g}%" if isinstance(old, float) else str(old or "")
    return Change(path=".".join(path), old=before, new=new, words=words)
