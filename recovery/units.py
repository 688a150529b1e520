"""Durations and shares as people write them in the plan: `30s`, `15m`, `4h`, `7d`, `7y`, `99.9%`."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 365 * 86_400}
PERMANENT = timedelta.max
"""A term without an end. It compares like any other, but nothing can be added to it."""
_DURATION = re.compile(r"(\d+)(s|m|h|d|w|y)")


def parse_duration(value: object) -> timedelta:
    """`"15m"` → 15 minutes; a year is 365 days. Raises ValueError for anything else."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"expected a duration such as 30s, 15m, 4h, 7d or 7y, found {value!r}")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds == 0:
        raise ValueError("expected a duration longer than zero")
    return timedelta(seconds=seconds)


def parse_term(value: object) -> timedelta:
    """A duration, or `permanent` → PERMANENT. Raises ValueError for anything else."""
    if value in ("permanent", PERMANENT):
        return PERMANENT
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ValueError(f"{error}; or `permanent`") from None


def format_duration(value: timedelta) -> str:
    """The shortest exact spelling: 15 minutes → `15m`. Sub-second parts are dropped."""
    if value == PERMANENT:
        return "permanent"
    seconds = int(value.total_seconds())
    for unit in ("y", "d", "h", "m"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds}s"


def parse_share(value: object) -> float:
    """`"99.95%"` → 0.9995. Raises ValueError for anything else."""
    if isinstance(value, float) and 0 < value <= 1:
        return value
    text = value.removesuffix("%") if isinstance(value, str) and value.endswith("%") else ""
    try:
        share = float(text) / 100
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise ValueError(f"expected a share such as 99.9%, found {value!r}")
    return share


Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration, return_type=str, when_used="json")
]
Term = Annotated[
    timedelta, BeforeValidator(parse_term), PlainSerializer(format_duration, return_type=str, when_used="json")
]
Share = Annotated[float, BeforeValidator(parse_share)]
