"""Says what the lab is doing and how long it usually takes; keeps the times for the report."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console

console = Console(highlight=False, soft_wrap=True)


@dataclass
class Progress:
    """One line when a phase begins, one when it ends; `phases` are (name, seconds)."""

    began: float = field(default_factory=time.monotonic)
    phases: list[tuple[str, float]] = field(default_factory=list)

    def at(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.began

    def say(self, text: str, style: str = "") -> None:
        """A line with the run's clock in front."""
        console.print(f"{self.at():6.1f} s  {text}", style=style or None, markup=False)
        sys.stdout.flush()

    @contextmanager
    def phase(self, name: str, what: str, usually: float) -> Iterator[None]:
        """A phase; `usually` is its typical time in seconds on 2 cores."""
        self.say(f"{what} … usually {usually:.0f} s", "bold")
        start = time.monotonic()
        yield
        self.phases.append((name, round(time.monotonic() - start, 2)))
