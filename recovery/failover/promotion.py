"""The promotion as a pure state machine: (plan, journal, what is seen, clock) → the next moves. It performs nothing.

A step is done when the world says so, not when its effect was sent: every turn looks first, and an effect is asked for
only while it is not seen. So the same rules start a promotion, resume one, and find nothing to do in a finished one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recovery.failover.bundle import Bundle
from recovery.failover.history import History
from recovery.failover.moves import Done, Move, Stop
from recovery.failover.step import Step, Turn
from recovery.failover.steps import STEPS
from recovery.failover.steps.restore import STEP as RESTORE


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the executor knows this turn. `clock` is monotonic seconds of this process, and so is what is compared."""

    clock: float
    started: Mapping[str, float] = field(default_factory=dict[str, float])  # when each open step was first looked at
    issued: Mapping[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    troubles: Mapping[str, str] = field(default_factory=dict[str, str])  # step → what did not answer
    failures: Mapping[str, int] = field(default_factory=dict[str, int])  # step → how often in a row
    errors: Mapping[str, str] = field(default_factory=dict[str, str])  # step → how its effect failed last
    of: Mapping[str, object] = field(default_factory=dict[str, object])  # step → what it looks at

    def turn(self, step: str, bundle: Bundle, history: History) -> Turn:
        """What one step is told."""
        started = self.started.get(step, self.clock)
        return Turn(bundle=bundle, history=history, clock=self.clock, started=started, issued=self.issued)


def open_steps(history: History, steps: Sequence[Step[Any]] = STEPS) -> tuple[Step[Any], ...]:
    """Steps whose time has come. What is restored first comes alone: the preflight judges it before the others."""
    done = history.done
    found = tuple(step for step in steps if step.name not in done and all(name in done for name in step.after))
    return (RESTORE,) if RESTORE in found else found


def decide(
    bundle: Bundle, history: History, seen: Seen, steps: Collection[Step[Any]] | None = None
) -> tuple[Move, ...]:
    """One move for each of `steps` (default: every open one). What did not answer is asked again, less and less often,
    until the step's deadline."""
    return tuple(_decide(step, bundle, history, seen) for step in (open_steps(history) if steps is None else steps))


def _decide(step: Step[Any], bundle: Bundle, history: History, seen: Seen) -> Move:
    turn = seen.turn(step.name, bundle, history)
    trouble = seen.troubles.get(step.name)
    observed = seen.of.get(step.name)
    if trouble:
        move: Move = step.wait(trouble, backoff(step, seen))
    elif not isinstance(observed, step.observes):
        move = step.wait("not looked at yet", 0.05)
    else:
        move = step.decide(turn, observed)
    if turn.spent <= step.deadline(bundle, history) or isinstance(move, Done | Stop):
        return move
    why = getattr(move, "why", "") or seen.errors.get(step.name) or f"{getattr(move, 'verb', '')} shows no effect"
    return step.stop(
        f"gave up waiting to {step.title}: {why}",
        "remove the cause, then run `dr promote --execute` again: it resumes here",
    )


def backoff(step: Step[Any], seen: Seen) -> float:
    """Seconds to the next attempt: quick where customers wait for the answer, slower each time."""
    return min(step.longest_pause, 0.02 * 2 ** min(seen.failures.get(step.name, 1), 10))
