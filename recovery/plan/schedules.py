"""Cron schedules as the plan uses them: what Kubernetes accepts, the longest and shortest wait between two starts,
and the starts that a clock change takes away or doubles.

A schedule is days times moments of a day, so gaps are found from days, not by stepping through a year of starts.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from recovery.units import shown

# Looked at from here: five years hold a leap day; two years hold every clock change of a zone twice. A fixed start
# keeps the plan's verdict free of the clock.
_START = date(2026, 1, 1)
_DAYS = 5 * 366
_CLOCK_DAYS = 2 * 366
_LONGEST_WAIT = timedelta(days=366)
# What Kubernetes' parser and ours both read alike; it knows no L, # or 7 for Sunday.
# https://pkg.go.dev/github.com/robfig/cron/v3#hdr-CRON_Expression_Format (2026-11)
_FIELDS = re.compile(r"[0-9A-Za-z*/,-]+( [0-9A-Za-z*/,-]+){4}")
_DAY = timedelta(days=1)
_MINUTES = 24 * 60


@dataclass(frozen=True)
class Schedule:
    """A parsed schedule: the days it starts on, and the minutes of such a day."""

    text: str
    days: tuple[int, ...]  # since _START
    minutes: tuple[int, ...]  # of a day

    @property
    def starts_a_year(self) -> int:
        """How often it starts in the 365 days that are looked at first."""
        return len(self.minutes) * sum(day < 365 for day in self.days)

    @property
    def longest_gap(self) -> timedelta:
        """The longest wait from one start to the next."""
        inside = max((later - earlier for earlier, later in pairwise(self.minutes)), default=0)
        apart = max((later - earlier for earlier, later in pairwise(self.days)), default=_DAYS)
        return timedelta(minutes=max(inside, apart * _MINUTES + self.minutes[0] - self.minutes[-1]))

    @property
    def shortest_gap(self) -> timedelta:
        """The shortest wait from one start to the next; a day or more counts as a day."""
        waits = [later - earlier for earlier, later in pairwise(self.minutes)]
        if any(later - earlier == 1 for earlier, later in pairwise(self.days)):
            waits.append(self.minutes[0] + _MINUTES - self.minutes[-1])
        return timedelta(minutes=min(waits, default=_MINUTES))


@cache
def parse_schedule(text: str) -> Schedule:
    """The schedule. Raises ValueError, worded, for what is none, never starts, or starts less than once a year."""
    if not _FIELDS.fullmatch(text) or len(text) > 200:
        raise ValueError(f"expected five cron fields such as '0 2 * * *', found {shown(text)}")
    _, _, month_days, _, week_days = text.split(" ")
    if "*" not in (month_days, week_days):
        raise ValueError(
            f"expected * for the day of the month or the day of the week, found {shown(text)}: cron starts when either "
            "matches, which nearly nobody means"
        )
    try:
        cron, schedule = _read(text)
    except (CronSimError, ValueError) as error:
        reason = str(error)
        if "day-of-month" in reason and re.fullmatch(r"(29|30|31)", month_days):
            raise ValueError(f"this schedule never starts: no such month has a day {month_days}") from None
        raise ValueError(f"not a cron schedule: {shown(text)} ({reason})") from None
    if "L" in (month_days + week_days).upper():
        raise ValueError(f"not a cron schedule: {shown(text)} (Kubernetes knows no L)")
    if 7 in cron.weekdays and week_days != "*":
        raise ValueError(f"not a cron schedule: {shown(text)} (Kubernetes writes Sunday 0, not 7)")
    if not schedule.days:
        raise ValueError(f"this schedule never starts within five years: {shown(text)}")
    if schedule.longest_gap > _LONGEST_WAIT:
        first = _START + schedule.days[0] * _DAY
        raise ValueError(f"this schedule starts on {first} only and not once a year: {shown(text)}")
    return schedule


@cache
def any_schedule(text: str) -> Schedule | None:
    """What cron makes of five fields, also where a plan would refuse them; None when they are no schedule. One that
    never starts has no `days`."""
    fields = text.split()
    try:
        return _read(" ".join(fields))[1] if len(fields) == 5 else None
    except (CronSimError, ValueError):
        return None


def _read(text: str) -> tuple[CronSim, Schedule]:
    cron = CronSim(text, datetime(2026, 1, 1, tzinfo=UTC))
    minutes = tuple(hour * 60 + minute for hour in sorted(cron.hours) for minute in sorted(cron.minutes))
    return cron, Schedule(text, _days(text.split(" ", 2)[2]), minutes)


@cache
def _days(day_fields: str) -> tuple[int, ...]:
    """The days that the last three fields name; most schedules of a plan share them."""
    cron = CronSim(f"0 0 {day_fields}", datetime(2026, 1, 1, tzinfo=UTC))
    # For Kubernetes `*/2` is a restriction like any other: beside a day of the week either may match.
    # https://github.com/robfig/cron/blob/v3.0.1/parser.go (getRange; 2026-11)
    month_days, _, week_days = day_fields.split(" ")
    cron.day_and = not {"*", "*/1"}.isdisjoint([*month_days.split(","), *week_days.split(",")])
    days = ((number, _START + number * _DAY) for number in range(_DAYS))
    return tuple(number for number, day in days if day.month in cron.months and cron.match_day(day))


@cache
def longest_gap(texts: tuple[str, ...]) -> timedelta:
    """The longest wait from a start of any of these schedules to the next start of any."""
    if len(texts) == 1:
        return parse_schedule(texts[0]).longest_gap
    by_day: dict[int, list[Schedule]] = {}
    for schedule in map(parse_schedule, texts):
        for day in schedule.days:
            by_day.setdefault(day, []).append(schedule)
    # Few kinds of day make up all days: first start, last start, and the longest wait between.
    kinds: dict[tuple[str, ...], tuple[int, int, int]] = {}
    longest, before = 0, None
    for day, schedules in sorted(by_day.items()):
        key = tuple(schedule.text for schedule in schedules)
        if key not in kinds:
            moments = sorted({minute for schedule in schedules for minute in schedule.minutes})
            waits = (later - earlier for earlier, later in pairwise(moments))
            kinds[key] = (moments[0], moments[-1], max(waits, default=0))
        first, last, inside = kinds[key]
        night = 0 if before is None else day * _MINUTES + first - before
        longest, before = max(longest, inside, night), day * _MINUTES + last
    return timedelta(minutes=longest)


def first_start(text: str, zone: str, after: datetime) -> datetime:
    """The first start after `after`, in the zone's own time."""
    return next(CronSim(text, after.astimezone(ZoneInfo(zone))))


@dataclass(frozen=True)
class ClockChange:
    """Clocks of a zone go from `start` to `end` on `day`: these local minutes do not exist, or come twice."""

    day: date
    start: int  # minutes of the day
    end: int
    skipped: bool


@cache
def clock_changes(zone: str) -> tuple[ClockChange, ...]:
    """Every clock change of two years, in order. Asia/Tashkent has none."""
    place = ZoneInfo(zone)
    changes: list[ClockChange] = []
    midnight = time(0)
    offsets = [
        datetime.combine(_START + n * _DAY, midnight, place).utcoffset() or timedelta(0) for n in range(_CLOCK_DAYS + 1)
    ]
    for number, (before, after) in enumerate(pairwise(offsets)):
        if before == after:
            continue
        start = datetime.combine(_START + number * _DAY, midnight, place).astimezone(UTC)
        # The first minute of the day with the new offset.
        low, high = 0, _MINUTES + 180
        while low < high:
            middle = (low + high) // 2
            if (start + timedelta(minutes=middle)).astimezone(place).utcoffset() == before:
                low = middle + 1
            else:
                high = middle
        old = (start + timedelta(minutes=low)).astimezone(UTC).replace(tzinfo=None) + before
        new = old + (after - before)
        first, last = min(old, new), max(old, new)
        from_minute = first.hour * 60 + first.minute
        changes.append(
            ClockChange(first.date(), from_minute, from_minute + (last - first) // timedelta(minutes=1), new > old)
        )
    return tuple(changes)


def clock_trap(text: str, zone: str) -> str:
    """How a clock change spoils this schedule, with its date; empty when none does.

    Kubernetes does not start what is due in a skipped hour, and starts twice in a repeated one
    (https://pkg.go.dev/github.com/robfig/cron/v3#hdr-Time_zones, 2026-11). A schedule of every hour only goes on.
    """
    schedule = parse_schedule(text)
    if len({minute // 60 for minute in schedule.minutes}) == 24:
        return ""
    for change in clock_changes(zone):
        due = [minute for minute in schedule.minutes if change.start <= minute < change.end]
        if not due or (change.day - _START).days not in schedule.days:
            continue
        from_to = f"{_clock(change.start)} to {_clock(change.end)}"
        what = f"does not start on {change.day}" if change.skipped else f"starts twice on {change.day}"
        why = f"clocks in {zone} skip {from_to}" if change.skipped else f"{from_to} comes twice in {zone}"
        return f"{_clock(due[0])} {what}: {why}; choose another hour"
    return ""


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"
