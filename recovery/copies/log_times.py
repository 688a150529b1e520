"""Places in MongoDB's log: cluster times, a second and a number that counts within it, as one number that sorts as they
do.

https://www.mongodb.com/docs/manual/reference/bson-types/#timestamps
"""

import re
from datetime import UTC, datetime

_WRITTEN = re.compile(r"([0-9]{1,10})\.([0-9]{1,10})")


def place(seconds: int, count: int = 0) -> int:
    """As one number."""
    return (seconds << 32) + count


def parts(at: int) -> tuple[int, int]:
    """The second, and the count within it."""
    return at >> 32, at & 0xFFFFFFFF


def parse_place(text: str) -> int:
    """`1764500000.7`. Raises ValueError for what is none."""
    found = _WRITTEN.fullmatch(text)
    if not found or max(int(found[1]), int(found[2])) >= 2**32:
        raise ValueError(f"{text!r} is no cluster time")
    return place(int(found[1]), int(found[2]))


def written(at: int) -> str:
    """As `parse_place` reads it, and as a dump's manifest has it."""
    seconds, count = parts(at)
    return f"{seconds}.{count}"


def second(at: int) -> datetime:
    """In which it lies, by the clock of the deployment."""
    return datetime.fromtimestamp(at >> 32, UTC)


def shown(at: int) -> str:
    """For people."""
    return f"{written(at)} ({second(at):%Y-%m-%d %H:%M:%S} UTC)"
