"""What a promotion says while it runs: a sentence for every step."""

import time
from typing import Any

from operations.failover.preparation import Prepared
from recovery.failover.moves import Act, Done, Move, Wait
from recovery.failover.step import Step
from scripts.output import say

_REPEAT_SECONDS = 5.0


class Progress:
    """Tells what happens, with seconds since the start; a wait is repeated every few seconds, not every look."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._said: dict[tuple[str, str], float] = {}

    def __call__(self, step: Step[Any], move: Move) -> None:
        now = time.monotonic()
        line = f"{now - self._started:7.2f} s  {step.name:9} "
        waiting = step.name, ""
        if isinstance(move, Done):
            say(f"{line}done: {step.sentence(move.facts)}", "green")
        elif isinstance(move, Wait) and now - self._said.get(waiting, self._started) >= _REPEAT_SECONDS:
            self._said[waiting] = now
            say(f"{line}waiting: {move.why}")
        elif isinstance(move, Act) and (step.name, move.verb) not in self._said:
            self._said[step.name, move.verb] = now
            say(f"{line}{step.verbs[move.verb]}")


def announce(prepared: Prepared) -> None:
    """The first line of an execution."""
    if prepared.healing:
        say(f"Run {prepared.run} is finished, and is put right again: {prepared.healing.words()}")
    else:
        say(f"Run {prepared.run}: {prepared.forecast.loss.words()}")
