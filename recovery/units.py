"""Durations, shares and sizes as people write them in the plan: `30s`, `15m`, `4h`, `7d`, `7y`, `99.9%`, `200GB`."""

import re
from datetime import timedelta
from itertools import pairwise
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 365 * 86_400}
PERMANENT = timedelta.max
"""Without an end. It compares like any other duration, but nothing can be added to it."""
# Longer than any archive is kept, and short enough that sums of durations never overflow.
LONGEST = timedelta(days=100 * 365)
# ASCII digits: \d would take every script's.
_DURATION = re.compile(r"([0-9]{1,10})(s|m|h|d|w|y)")
_BYTES = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"([0-9]{1,6})(KB|MB|GB|TB)")
_SHARE = re.compile(r"([0-9]{1,3}(\.[0-9]{1,9})?)%")


def parse_duration(value: object) -> timedelta:
    """`"15m"` → 15 minutes; a year is 365 days. Raises ValueError for anything else and for more than 100 years."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"expected a duration such as 30s, 15m, 4h, 7d or 7y, found {shown(value)}")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds == 0:
        raise ValueError("expected a duration longer than zero")
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"expected a duration of at most {format_duration(LONGEST)}, found {shown(value)}")
    return timedelta(seconds=seconds)


def parse_duration_or_permanent(value: object) -> timedelta:
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


def read_duration(value: timedelta) -> str:
    """For reading: two units at most, rounded up so that nothing looks shorter than it is: `17m 5s`, `26h 45m`,
    and like `format_duration` a year is `1y`."""
    if value == PERMANENT:
        return "permanent"
    exact = value.total_seconds()
    if 0 < exact < 10 and exact != int(exact):
        return f"{exact:.1f}s" if exact >= 0.1 else "0.1s"
    seconds = -int(-exact // 1)
    if seconds and seconds % _SECONDS["y"] == 0:
        return f"{seconds // _SECONDS['y']}y"
    units = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]
    for (unit, size), (below, part) in pairwise(units):
        if seconds >= (size if unit != "d" else 3 * size):  # 27h reads better than 1d 3h
            parts = -(-seconds // part)
            whole, rest = divmod(parts, size // part)
            return f"{whole}{unit} {rest}{below}" if rest else f"{whole}{unit}"
    return f"{seconds}s"


def parse_share(value: object) -> float:
    """`"99.95%"` → 0.9995. Raises ValueError for anything else."""
    if isinstance(value, float) and 0 < value <= 1:
        return value
    match = _SHARE.fullmatch(value) if isinstance(value, str) else None
    share = float(match[1]) / 100 if match else -1.0
    if not 0 < share <= 1:
        raise ValueError(f"expected a share such as 99.9%, found {shown(value)}")
    return share


def parse_size(value: object) -> int:
    """`"200GB"` → bytes; decimal units. Raises ValueError for anything else."""
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    size = int(match[1]) * _BYTES[match[2]] if match else 0
    if size == 0:
        raise ValueError(f"expected a size such as 500MB or 200GB, found {shown(value)}")
    return size


def format_size(value: int) -> str:
    """The shortest exact spelling in decimal units; less than 1 KB is dropped."""
    unit = next((unit for unit in ("TB", "GB", "MB") if value % _BYTES[unit] == 0), "KB")
    return f"{value // _BYTES[unit]}{unit}"


def format_speed(bytes_per_second: float) -> str:
    """195000000 → `195 MB/s`."""
    return f"{bytes_per_second / _BYTES['MB']:.0f} MB/s"


def is_port(text: str) -> bool:
    """A TCP or UDP port, 1 to 65535, in ASCII digits."""
    return text.isascii() and text.isdigit() and 0 < int(text) < 65_536


def shown(value: object) -> str:
    """A wrong value as it stands in a message: never more than a line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_Written = PlainSerializer(format_duration, return_type=str, when_used="json")
Duration = Annotated[timedelta, BeforeValidator(parse_duration), _Written]
DurationOrPermanent = Annotated[timedelta, BeforeValidator(parse_duration_or_permanent), _Written]
Share = Annotated[float, BeforeValidator(parse_share)]
Size = Annotated[int, BeforeValidator(parse_size), PlainSerializer(format_size, return_type=str, when_used="json")]
