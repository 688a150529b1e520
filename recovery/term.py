"""A part of a time or of a loss: its name, how long it is, and why anybody should believe that."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Fact:
    """Promised or published by somebody else."""

    source: str

    def words(self) -> str:
        """With its source."""
        return f"fact: {self.source}"


@dataclass(frozen=True)
class Measurement:
    """Measured by us, in a month such as 2026-11."""

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


@dataclass(frozen=True)
class SeenNow:
    """Read or timed by the command that says it."""

    what: str

    def words(self) -> str:
        """What was looked at."""
        return f"seen now: {self.what}"


Basis = Fact | Measurement | Assumption | FromPlan | SeenNow


@dataclass(frozen=True)
class Number:
    """A number from outside the plan; the unit is in the name of the constant that holds it."""

    value: float
    basis: Fact | Measurement | Assumption


@dataclass(frozen=True)
class Term:
    """One part of a sum. `parallel`: it runs beside the fence wait of a promotion and adds only what exceeds it."""

    name: str
    duration: timedelta
    basis: Basis
    parallel: bool = False

    @property
    def seconds(self) -> float:
        """To the millisecond."""
        return round(self.duration.total_seconds(), 3)

    @property
    def source(self) -> str:
        """The basis in words."""
        return self.basis.words()

    @property
    def assumed(self) -> bool:
        """Whether nobody has measured it."""
        return isinstance(self.basis, Assumption)
