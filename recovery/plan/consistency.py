"""Rules between fields of the plan.

They read the raw values without those already found wrong, so that one misspelt field does not hide other problems. A
rule is checked when every value that it needs is there and valid.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any, cast

from recovery.plan.schedules import clock_trap, parse_schedule
from recovery.units import format_duration, parse_duration, parse_duration_or_permanent, read_duration

Path = tuple[str, ...]
Problem = tuple[Path, str]

# Multi-Region strong consistency works only inside one of these sets.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html (2026-11)
MRSC_REGION_SETS = (
    frozenset({"us-east-1", "us-east-2", "us-west-2"}),
    frozenset({"eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1"}),
    frozenset({"ap-northeast-1", "ap-northeast-2", "ap-northeast-3"}),
)


class Values:
    """The plan's valid values, by path."""

    def __init__(self, value: object, wrong: Collection[Path]) -> None:
        self._value = value
        self._wrong = wrong

    def at(self, *path: str) -> Any:
        """The value, None when it is absent or wrong."""
        if any(path[: len(each)] == each for each in self._wrong):
            return None
        found: object = self._value
        for part in path:
            if not isinstance(found, Mapping):
                return None
            found = cast("Mapping[str, object]", found).get(part)
        return found

    def names(self, *path: str) -> list[str]:
        """The keys of a mapping; none when it is no mapping."""
        found = self.at(*path)
        return [str(name) for name in cast("Mapping[object, object]", found)] if isinstance(found, Mapping) else []

    def duration(self, *path: str) -> timedelta | None:
        """A duration, None when it is absent or wrong."""
        found = self.at(*path)
        return None if found is None else parse_duration(found)

    def backups(self) -> Iterator[Path]:
        """Everything that has a schedule."""
        for dataset in self.names("datasets"):
            for kind in self.names("datasets", dataset):
                if self.at("datasets", dataset, kind, "schedule") is not None:
                    yield ("datasets", dataset, kind)


def broken_rules(value: object, wrong: Collection[Path]) -> Iterator[Problem]:
    """Every rule that `value` breaks, with the path to change. `wrong`: paths whose values are invalid."""
    if isinstance(value, Mapping) and () not in wrong:
        values = Values(cast("Mapping[str, object]", value), wrong)
        for rule in _RULES:
            yield from rule(values)


def _regions(values: Values) -> Iterator[Problem]:
    places = [(("sites", site, "region"), values.at("sites", site, "region")) for site in ("prod", "dr", "witness")]
    found = [region for _, region in places if region is not None]
    if len(set(found)) < len(found):
        again = next(path for number, (path, region) in enumerate(places) if region and region in found[:number])
        yield again, "production, DR and witness must be three different regions"
    elif len(found) == 3 and not any(set(found) <= allowed for allowed in MRSC_REGION_SETS):
        sets = "; ".join(", ".join(sorted(each)) for each in MRSC_REGION_SETS)
        yield ("sites",), f"regions {', '.join(found)} are not in one DynamoDB strong-consistency set: {sets}"


def _lease(values: Values) -> Iterator[Problem]:
    renewal, duration = values.duration("lease", "renewal"), values.duration("lease", "duration")
    if renewal and duration and renewal * 3 > duration:
        yield (
            ("lease", "renewal"),
            "renewal must be at most a third of duration, so that one slow answer closes nothing",
        )


def _name(values: Values) -> Iterator[Problem]:
    name, zone = values.at("dns", "name"), values.at("dns", "zone")
    if not name or not zone:
        return
    if name == zone:
        yield (
            ("dns", "name"),
            f"{name} is the zone itself, where no CNAME can stand beside the zone's own records; use a name below it, "
            f"such as api.{zone}",
        )
    elif not name.endswith(f".{zone}"):
        yield ("dns", "zone"), f"{name} does not lie in it"


def _retention(values: Values) -> Iterator[Problem]:
    for dataset in values.names("datasets"):
        for kind in values.names("datasets", dataset):
            path = ("datasets", dataset, kind, "keep")
            found = [values.at(*path, column) for column in ("local", "cloud", "archive")]
            terms = [parse_duration_or_permanent(each) for each in found if each is not None]
            if terms != sorted(terms):
                yield path, "expected local <= cloud <= archive"


def _services(values: Values) -> Iterator[Problem]:
    for name in values.names("services"):
        warm, full = values.at("services", name, "warm"), values.at("services", name, "full")
        if warm is not None and full is not None and int(warm) > int(full):
            yield ("services", name), "warm must not exceed full"
        least = values.at("services", name, "least")
        if least is not None and full is not None and int(least) > int(full):
            yield (
                ("services", name, "least"),
                f"expected at most full, {full}: traffic would wait for Pods nobody asks for",
            )
        if warm is not None and int(warm) == 0 and values.at("strategy") == "warm":
            yield ("services", name, "warm"), "expected at least 1 with strategy warm; only a cold site stands at 0"


def _strategy(values: Values) -> Iterator[Problem]:
    if values.at("strategy") == "hot":
        yield (
            ("strategy",),
            "hot is reserved: two sites that take orders at once need databases that both write, and UltraMarket's "
            "have one writer; expected warm or cold",
        )
    times = [(name, values.duration("strategies", name)) for name in ("hot", "warm", "cold")]
    known = [(name, time) for name, time in times if time is not None]
    for (faster, short), (slower, long) in pairwise(known):
        if short > long:
            yield ("strategies", slower), f"expected at least {format_duration(short)}, the time of {faster}"


def _overlap(values: Values) -> Iterator[Problem]:
    for path in values.backups():
        late, limit = values.duration(*path, "start_deadline"), values.duration(*path, "time_limit")
        gap = parse_schedule(values.at(*path, "schedule")).shortest_gap
        if late and limit and late + limit > gap:
            yield (
                (*path, "schedule"),
                f"runs overlap: one may start {read_duration(late)} late and take {read_duration(limit)}, the next is "
                f"due after {read_duration(gap)}; expected start_deadline + time_limit of at most {read_duration(gap)}",
            )


def _clocks(values: Values) -> Iterator[Problem]:
    zone = values.at("time_zone")
    if zone is None:
        return
    for path in values.backups():
        if trap := clock_trap(values.at(*path, "schedule"), zone):
            yield (*path, "schedule"), trap


def _exceptions(values: Values) -> Iterator[Problem]:
    for dataset in values.names("datasets"):
        path = ("datasets", dataset, "exception")
        if values.at(*path) is None:
            continue
        granted = {name: values.duration(*path, name) for name in ("rpo", "rto")}
        if not any(values.at(*path, name) is not None for name in granted) and not _wrong_below(values, path):
            yield path, "expected an rpo, an rto or both, with the reason"
        for name, duration in granted.items():
            objective = values.duration("objectives", name)
            if duration and objective and duration <= objective:
                yield (
                    (*path, name),
                    f"no exception: it is not weaker than objectives.{name}, {format_duration(objective)}; expected "
                    "more than that, or nothing",
                )


def _wrong_below(values: Values, path: Path) -> bool:
    return any(values.at(*path, name) is None for name in values.names(*path))


_RULES: tuple[Callable[[Values], Iterator[Problem]], ...] = (
    _regions,
    _lease,
    _name,
    _retention,
    _services,
    _strategy,
    _overlap,
    _clocks,
    _exceptions,
)
