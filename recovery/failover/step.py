"""What one step of a promotion is: its place, its patience, its rules and its words. A file each in `steps/`.

The other half, which looks and acts, is `operations/failover/steps/NAME.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Findings
from recovery.failover.history import History
from recovery.failover.moves import Act, Done, Move, Stop, Wait

S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One look at one step by one process. Times are monotonic seconds of this process."""

    bundle: Bundle
    history: History
    clock: float
    started: float  # when this process first looked at the step
    issued: Mapping[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])

    @property
    def spent(self) -> float:
        """Seconds this process has spent on the step."""
        return self.clock - self.started

    def issued_at(self, step: str, verb: str) -> float | None:
        """When this process had performed it; None when it has not."""
        return self.issued.get((step, verb))


class Step(ABC, Generic[S]):
    """S is what the step looks at (`observes`)."""

    name: str
    title: str  # "gave up waiting to TITLE"
    after: tuple[str, ...] = ()  # steps that must be done first
    observes: type[S]
    verbs: Mapping[str, str] = {}  # what it may ask for → what that is, for people
    longest_pause: float = 2.0  # seconds between two looks at what does not answer
    patient: bool = False  # what refuses it is asked again until its deadline: only a later step needs it
    # Both only matter after the end. Sentence for an effect of ours that is undone: it may be repeated then.
    undone: str = ""
    proof: bool = False  # it changes nothing that could be undone, and proves what a later step relies on

    @abstractmethod
    def deadline(self, bundle: Bundle, history: History) -> float:
        """Seconds a process spends on it before it gives up, resumably."""

    @abstractmethod
    def decide(self, turn: Turn, seen: S) -> Move:
        """The next move."""

    @abstractmethod
    def sentence(self, facts: Mapping[str, Any]) -> str:
        """What a person is told when it is done, from what `Done` said."""

    def obstacles(self, bundle: Bundle, facts: Facts, found: Findings) -> None:
        """Whatever can be seen beforehand and would stop this step."""
        return

    def act(self, verb: str, **facts: Any) -> Act:
        """Ask for an effect. Raises KeyError for a verb that the step did not declare."""
        if verb not in self.verbs:
            raise KeyError(verb)
        return Act(step=self.name, verb=verb, facts=facts)

    def done(self, **facts: Any) -> Done:
        """Seen to be done."""
        return Done(step=self.name, facts=facts)

    def wait(self, why: str, seconds: float) -> Wait:
        """Look again later."""
        return Wait(step=self.name, why=why, seconds=seconds)

    def stop(self, what: str, next_step: str, *, refused: bool = False) -> Stop:
        """End the run here."""
        return Stop(step=self.name, what=what, next_step=next_step, refused=refused)
