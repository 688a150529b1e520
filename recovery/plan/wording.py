"""Schedules in words."""

from itertools import pairwise

from recovery.plan.schedules import parse_schedule

_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MOST_TIMES = 6


def schedule_words(text: str) -> str:
    """`0 2 * * *` → `daily at 02:00`. What has no short wording is given as it stands."""
    minutes = parse_schedule(text).minutes
    inside = {later - earlier for earlier, later in pairwise(minutes)}
    night = minutes[0] + 24 * 60 - minutes[-1]
    days = _days(text)
    if days is None:
        return text
    if inside == {night}:
        every = _every(night)
        return f"{days} {every}".strip() if minutes[0] == 0 else f"{days} {every} from {_clock(minutes[0])}".strip()
    if len(inside) == 1 and len(minutes) > 2:
        return f"{days} {_every(*inside)}, {_clock(minutes[0])} to {_clock(minutes[-1])}".strip()
    if len(minutes) <= _MOST_TIMES:
        return f"{days or 'daily'} at {', '.join(_clock(minute) for minute in minutes)}"
    return text


def _every(minutes: int) -> str:
    if minutes == 60:
        return "hourly"
    return f"every {minutes // 60} h" if minutes % 60 == 0 else f"every {minutes} min"


def _days(text: str) -> str | None:
    """Which days, empty for every day; None when there is no short wording."""
    _, _, month_day, month, week_day = text.split(" ")
    if (month_day, month, week_day) == ("*", "*", "*"):
        return ""
    if week_day.isdigit() and (month_day, month) == ("*", "*"):
        return f"{_WEEKDAYS[int(week_day)]}s"
    if month_day.isdigit() and (month, week_day) == ("*", "*"):
        return f"on day {month_day} of every month"
    if month_day.isdigit() and month.isdigit() and week_day == "*":
        return f"every {month_day} {_MONTHS[int(month) - 1]}"
    return None


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
