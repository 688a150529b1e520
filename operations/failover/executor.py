"""Performs what `recovery.failover` decides: look, write the intent down, act, look again, until nothing is open."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from operations.failover.journal import Journal
from operations.failover.performer import Performer
from operations.failover.ports import Ports as Ports  # `dr status` knows it from here
from recovery.errors import Ambiguous, DrError, Failed, Refused, Unreachable
from recovery.failover.bundle import Bundle
from recovery.failover.history import History
from recovery.failover.moves import Act, Done, Move, Stop, Wait
from recovery.failover.promotion import Seen, backoff, decide, open_steps
from recovery.failover.step import Step

Tell = Callable[[Step[Any], Move], None]


class Executor:
    """One process's part of a run. `check` raises when it must end early; `tell` gets progress for people."""

    def __init__(
        self,
        bundle: Bundle,
        steps: Sequence[Step[Any]],
        performers: Mapping[str, Performer],
        journal: Journal,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        check: Callable[[], None],
        tell: Tell,
    ) -> None:
        self._bundle, self._steps, self._performers, self._journal = bundle, steps, performers, journal
        self._clock, self._sleep, self._check, self._tell = clock, sleep, check, tell
        self._seen = Seen(clock=clock())
        self._due: dict[str, float] = {}
        self._intended: set[tuple[str, str]] = set()

    def run(self) -> History:
        """Go on until every step is done. Raises Refused before any effect, else Failed; both are resumable."""
        while steps := open_steps(history := self._journal.history(), self._steps):
            self._check()
            self._turn(history, steps)
        return history

    def _turn(self, history: History, steps: Sequence[Step[Any]]) -> None:
        now = self._clock()
        started = {step.name: self._seen.started.get(step.name, now) for step in steps}
        self._seen = replace(self._seen, clock=now, started=started)
        due = [step for step in steps if self._due.get(step.name, 0.0) <= now]
        for step in due:
            self._look(step, history)
        self._seen = replace(self._seen, clock=self._clock())
        for step, move in zip(due, decide(self._bundle, history, self._seen, due), strict=True):
            done = isinstance(move, Done)
            if not done:
                self._tell(step, move)
            self._make(step, move, history)
            if done:  # said only when it is in the journal
                self._tell(step, move)
        pause = min((self._due.get(step.name, 0.0) for step in steps), default=0.0) - self._clock()
        if pause > 0:
            self._sleep(pause)

    def _make(self, step: Step[Any], move: Move, history: History) -> None:
        if isinstance(move, Wait):
            self._due[step.name] = self._clock() + move.seconds
        elif isinstance(move, Done):
            seconds = round(self._clock() - self._seen.started[step.name], 3)
            self._journal.write("done", step.name, {**move.facts, "seconds": seconds})
        elif isinstance(move, Stop):
            self._stop(move)
        else:
            self._act(step, move, history)

    def _stop(self, move: Stop) -> None:
        try:
            self._journal.write("stop", move.step, {"what": move.what, "next_step": move.next_step})
        except Failed as error:  # why the run ends matters more than where it could not be written
            raise Failed(f"{move.what}; moreover, {error.what}", next_step=move.next_step) from None
        kind = Refused if move.refused else Failed
        raise kind(move.what, next_step=move.next_step)

    def _act(self, step: Step[Any], move: Act, history: History) -> None:
        self._check()
        key = step.name, move.verb
        if key not in self._intended:
            self._journal.write("intent", step.name, {"verb": move.verb, **move.facts})
            self._intended.add(key)
        try:
            perform = self._performers[step.name].verbs()[move.verb]
            perform(self._seen.turn(step.name, self._bundle, history), move)
        except (Unreachable, Ambiguous) as error:
            self._failed(step, error)
        except DrError as error:
            if not step.patient:
                # Before any effect was meant nothing has changed, and a refusal leaves it so.
                refused = isinstance(error, Refused) and not history.done and not history.intents
                self._stop(step.stop(error.what, error.next_step, refused=refused))
            self._failed(step, error)
        else:
            self._due.pop(step.name, None)
            self._seen = replace(self._seen, issued={**self._seen.issued, key: self._clock()})

    def _failed(self, step: Step[Any], error: DrError) -> None:
        failures = self._seen.failures.get(step.name, 0) + 1
        self._seen = replace(
            self._seen,
            failures={**self._seen.failures, step.name: failures},
            errors={**self._seen.errors, step.name: error.what},
        )
        self._due[step.name] = self._clock() + backoff(step, self._seen)

    def _look(self, step: Step[Any], history: History) -> None:
        seen = self._seen
        try:
            found = self._performers[step.name].look(seen.turn(step.name, self._bundle, history))
        except DrError as error:
            troubles = {**seen.troubles, step.name: error.what}
            failures = {**seen.failures, step.name: seen.failures.get(step.name, 0) + 1}
            self._seen = replace(seen, troubles=troubles, failures=failures)
            return
        troubles = {name: why for name, why in seen.troubles.items() if name != step.name}
        self._seen = replace(seen, troubles=troubles, of={**seen.of, step.name: found})
