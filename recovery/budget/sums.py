"""What a budget is: sums of named terms, each sum held against a limit of the plan."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from recovery.term import Term
from recovery.units import LONGEST, read_duration


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What the plan allows, and where it says so. `reason` is there when a dataset has its own."""

    duration: timedelta
    path: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Sum:
    """Terms against a limit."""

    terms: tuple[Term, ...]
    limit: Limit

    @property
    def total(self) -> timedelta:
        """The worst case."""
        return sum((term.duration for term in self.terms), timedelta())

    @property
    def met(self) -> bool:
        """Whether the worst case keeps the limit."""
        return self.total <= self.limit.duration

    @property
    def assumed(self) -> bool:
        """Whether it rests on an assumption."""
        return any(term.assumed for term in self.terms)

    @property
    def figure(self) -> str:
        """The total, with a ~ when it rests on an assumption."""
        return f"{'~' if self.assumed else ''}{read_duration(self.total)}"

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "seconds": round(self.total.total_seconds(), 3),
            "met": self.met,
            "assumed": self.assumed,
            "limit": {
                "seconds": self.limit.duration.total_seconds(),
                "path": self.limit.path,
                "reason": self.limit.reason,
            },
            "terms": [
                {"name": term.name, "seconds": term.seconds, "basis": term.source, "assumed": term.assumed}
                for term in self.terms
            ],
        }


def lasting(seconds: float) -> timedelta:
    """A computed duration, cut at the longest one that the plan can say."""
    return timedelta(seconds=min(seconds, LONGEST.total_seconds()))


def terms(*parts: Term | Iterable[Term]) -> tuple[Term, ...]:
    """Terms and lists of terms, in order."""
    return tuple(each for part in parts for each in ((part,) if isinstance(part, Term) else part))
