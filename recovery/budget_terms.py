"""What a budget is added up from: named terms, each with the ground it stands on, held against a limit of the plan."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from recovery.units import LONGEST, read_duration


@dataclass(frozen=True)
class Fact:
    """Promised or published by somebody else."""

    source: str

    def words(self) -> str:
        """With its source."""
        return f"fact: {self.source}"


@dataclass(frozen=True)
class Measurement:
    """Measured by us."""

    date: str
    how: str

    def words(self) -> str:
        """With its date."""
        return f"measured {self.date}: {self.how}"


@dataclass(frozen=True)
class Assumption:
    """Nobody has measured it. `of` says what is assumed: paths in the plan, or words."""

    of: str

    def words(self) -> str:
        """Marked as what it is."""
        return f"ASSUMED: {self.of}"


@dataclass(frozen=True)
class FromPlan:
    """Decided in the plan."""

    path: str

    def words(self) -> str:
        """With its path."""
        return f"plan: {self.path}"


Basis = Fact | Measurement | Assumption | FromPlan

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-time-control.html (2026-11)
REPLICATION = timedelta(minutes=15)
REPLICATION_SOURCE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-time-control.html"
# Of a month; with global tables, asked in another region when one does not answer, as the guard does.
# https://aws.amazon.com/dynamodb/sla/ (2026-11)
TABLE_UPTIME = 0.99999
TABLE_SOURCE = "https://aws.amazon.com/dynamodb/sla/"
# Standard retrieval from Deep Archive.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html (2026-11)
GLACIER = timedelta(hours=12)
# A 2-core machine, 2026-11.
MEASURED = "2026-11"
CHECK_BYTES_PER_SECOND = 388_000_000
DRAIN = timedelta(seconds=4.9)
PROMOTION = {
    "postgres": (timedelta(seconds=0.2), Measurement(MEASURED, "pg_promote and the first write on 2 cores")),
    "mongo": (timedelta(seconds=30), Assumption("a forced reconfiguration and its election")),
    "redis": (timedelta(seconds=1), Assumption("a replica told to be primary answers at once")),
}
CHECKS = timedelta(seconds=1)
NAME_SERVERS = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class BudgetTerm:
    """One part of a loss or of a time."""

    name: str
    duration: timedelta
    basis: Basis

    @property
    def assumed(self) -> bool:
        """Whether nobody has measured it."""
        return isinstance(self.basis, Assumption)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "name": self.name,
            "seconds": round(self.duration.total_seconds(), 3),
            "basis": self.basis.words(),
            "assumed": self.assumed,
        }


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What the plan allows, and where it says so. `reason` is there when a dataset has its own."""

    duration: timedelta
    path: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Sum:
    """Terms against a limit."""

    terms: tuple[BudgetTerm, ...]
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
            "terms": [term.as_dict() for term in self.terms],
        }


def lasting(seconds: float) -> timedelta:
    """A computed duration; what would take longer than anything the plan can say takes that long."""
    return timedelta(seconds=min(seconds, LONGEST.total_seconds()))


def term(name: str, duration: timedelta, basis: Basis) -> BudgetTerm:
    """Shorter to write in a list of them."""
    return BudgetTerm(name=name, duration=duration, basis=basis)


def terms(*parts: BudgetTerm | Iterable[BudgetTerm]) -> tuple[BudgetTerm, ...]:
    """Terms and lists of terms, in order."""
    return tuple(each for part in parts for each in ((part,) if isinstance(part, BudgetTerm) else part))
