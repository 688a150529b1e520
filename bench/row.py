"""One line of `.lab/bench.json`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """Ours beside a reference, measured in turn in one run. `ratio` is ours / reference; `goal` says what is wanted."""

    name: str
    ours: float
    reference: float
    goal: str

    @property
    def ratio(self) -> float:
        return round(self.ours / self.reference, 3)

    def as_dict(self) -> dict[str, object]:
        """As it is written."""
        return {
            "name": self.name,
            "ours": self.ours,
            "reference": self.reference,
            "ratio": self.ratio,
            "goal": self.goal,
        }
