"""What a monitor finds: levels, as its exit codes are, and sentences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from recovery.errors import DrError

OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3
WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_WORST_FIRST = (CRITICAL, UNKNOWN, WARNING, OK)


class Judged(NamedTuple):
    """How bad something is, in words, and what to do about it where that is known."""

    level: int
    words: str
    next_step: str = ""


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, and how it was judged."""

    name: str
    level: int
    words: str
    next_step: str = ""


def finding_of(name: str, judge: Callable[[], Judged]) -> Finding:
    """What `judge` says. What cannot be asked is UNKNOWN, in the error's own words."""
    try:
        return Finding(name, *judge())
    except DrError as error:
        return Finding(name, UNKNOWN, error.what, error.next_step)


def worst(findings: Sequence[Finding]) -> int:
    """The level that counts: what is certainly broken comes before what is not known."""
    return next(level for level in _WORST_FIRST if any(finding.level == level for finding in findings))
