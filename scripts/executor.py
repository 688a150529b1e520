"""Performs what `recovery.promotion` decides: look, write the intent down, act, look again, until nothing is open."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from recovery.bundle import Bundle
from recovery.errors import Ambiguous, DrError, Failed, Refused, Unreachable
from recovery.lease import Lease
from recovery.moves import Act, Done, History, Move, Seen, Step, Stop, Wait
from recovery.ports import (
    Cluster,
    Edge,
    LeaseStore,
    Marker,
    OldSite,
    ServiceAnswer,
    StandbyDatabase,
    WriteGate,
)
from recovery.promotion import backoff, decide, open_steps, wrong
from scripts.journal_file import Journal


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Everything a promotion touches."""

    leases: LeaseStore
    standby: StandbyDatabase
    gate: WriteGate
    cluster: Cluster
    dr_edge: Edge
    old_site: OldSite
    marker: Marker
    resolvers: Mapping[str, Edge]
    look_up: Callable[[], None]  # let resolvers with a cache fill it, as customers' have


class Executor:
    """One process's part of a run. `check` raises when it must end early; `tell` gets progress for people."""

    def __init__(
        self,
        bundle: Bundle,
        ports: Ports,
        journal: Journal,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        check: Callable[[], None],
        tell: Callable[[Step | None, Move], None],
    ) -> None:
        self._bundle, self._ports, self._journal = bundle, ports, journal
        self._clock, self._sleep, self._check, self._tell = clock, sleep, check, tell
        self._seen = Seen(clock=clock(), started={})
        self._due: dict[str, float] = {}
        self._intended: set[str] = set()
        self._moved_at = clock()  # when the marker was put
        self._pool = ThreadPoolExecutor(max_workers=12, thread_name_prefix="look")

    def run(self) -> History:
        """Go on until every step is done. Raises Refused before any effect, else Failed; both are resumable."""
        try:
            while not (history := self._journal.history()).finished:
                self._check()
                self._turn(history)
        finally:
            self._pool.shutdown(wait=False)
        return history

    def _turn(self, history: History) -> None:
        now = self._clock()
        steps = open_steps(history)
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
            self._make(step, move)
            if done:  # said only when it is in the journal
                self._tell(step, move)
        pause = min((self._due.get(step.name, 0.0) for step in steps), default=0.0) - self._clock()
        if pause > 0:
            self._sleep(pause)

    def _make(self, step: Step, move: Move) -> None:
        if isinstance(move, Wait):
            self._due[step.name] = self._clock() + move.seconds
        elif isinstance(move, Done):
            seconds = round(self._clock() - self._seen.started[step.name], 3)
            self._journal.write("done", step.name, {**move.facts, "seconds": seconds})
        elif isinstance(move, Stop):
            self._stop(move)
        else:
            self._act(step, move)

    def _stop(self, move: Stop) -> None:
        self._journal.write("stop", move.step, {"what": move.what, "next_step": move.next_step})
        kind = Refused if move.refused else Failed
        raise kind(move.what, next_step=move.next_step)

    def _act(self, step: Step, move: Act) -> None:
        self._check()
        if move.verb not in self._intended:
            self._journal.write("intent", step.name, {"verb": move.verb, **move.facts})
            self._intended.add(move.verb)
        try:
            self._effects()[move.verb](move)
        except (Unreachable, Ambiguous) as error:
            self._failed(step, error)
        except DrError as error:
            if step.name != "scale":  # the databases need no services; the services' own step waits for them
                refused = isinstance(error, Refused) and step.name == "lease"
                self._stop(Stop(step=step.name, what=error.what, next_step=error.next_step, refused=refused))
            self._failed(step, error)
        else:
            self._due.pop(step.name, None)
            self._seen = replace(self._seen, issued=self._seen.issued | {move.verb})

    def _failed(self, step: Step, error: DrError) -> None:
        failures = self._seen.failures.get(step.name, 0) + 1
        self._seen = replace(
            self._seen,
            failures={**self._seen.failures, step.name: failures},
            errors={**self._seen.errors, step.name: error.what},
        )
        self._due[step.name] = self._clock() + backoff(step, self._seen)

    # --- effects, by verb; each may be repeated without harm

    def _effects(self) -> dict[str, Callable[[Act], None]]:
        return {
            "take": self._take,
            "scale": self._scale,
            "ask the old site": self._ask_old_site,
            "resume_replay": lambda act: self._ports.standby.resume_replay(),
            "promote": lambda act: self._ports.standby.promote(),
            "hold": lambda act: self._hold(),
            "announce": lambda act: self._announce(),
            "put_marker": lambda act: self._put_marker(),
        }

    def _take(self, act: Act) -> None:
        terms, seen = self._bundle.plan.lease, self._seen.lease
        if seen is None:
            return
        taken = seen.successor("dr", self._journal.run, lease=terms.duration, margin=terms.margin)
        self._ports.leases.take(seen, taken)
        self._seen = replace(self._seen, ours_since=self._clock())

    def _scale(self, act: Act) -> None:
        for name, replicas in act.facts["replicas"].items():
            self._ports.cluster.scale(name, int(replicas))

    def _ask_old_site(self, act: Act) -> None:
        accepted = self._ports.old_site.accepts_write(self._journal.run)
        answer = "silent" if accepted is None else "accepted" if accepted else "refused"
        self._seen = replace(self._seen, old_site=answer)

    def _hold(self) -> None:
        self._ports.leases.hold(self._journal.history().epoch, self._journal.run)

    def _announce(self) -> None:
        self._ports.gate.announce(self._journal.history().epoch, self._journal.run)
        self._seen = replace(self._seen, announced=True)

    def _put_marker(self) -> None:
        self._ports.look_up()
        self._ports.marker.put(self._journal.run, self._journal.history().epoch)
        self._moved_at = self._clock()

    # --- observations, by step

    def _look(self, step: Step, history: History) -> None:
        try:
            found = self._found(step.name, history)
        except DrError as error:
            troubles = {**self._seen.troubles, step.name: error.what}
            failures = {**self._seen.failures, step.name: self._seen.failures.get(step.name, 0) + 1}
            self._seen = replace(self._seen, troubles=troubles, failures=failures)
            return
        troubles = {name: why for name, why in self._seen.troubles.items() if name != step.name}
        self._seen = replace(self._seen, troubles=troubles, **found)

    def _found(self, name: str, history: History) -> dict[str, Any]:
        ports = self._ports
        if name in ("lease", "fence", "hold"):
            return self._lease(ports.leases.read(), history)
        if name == "scale":
            return {"deployments": ports.cluster.deployments()}
        if name == "postgres":
            return {"standby": ports.standby.state()}
        if name == "services":
            listing = self._pool.submit(ports.cluster.deployments)
            answers = self._ask({service: (ports.dr_edge, service) for service in self._bundle.plan.services})
            return {"services": answers, "deployments": listing.result()}
        if name == "traffic":
            return {"marker": ports.marker.present()}
        if name == "name":
            return self._resolved(history)
        return {}

    def _lease(self, lease: Lease | None, history: History) -> dict[str, Any]:
        ours = lease is not None and lease.site == "dr" and lease.holder_run == self._journal.run
        since = self._seen.ours_since
        # A restarted process knows nothing of the time before: its wait starts with its first look.
        return {"lease": lease, "ours_since": self._clock() if ours and since is None else since}

    def _resolved(self, history: History) -> dict[str, Any]:
        service = "order" if "order" in self._bundle.plan.services else next(iter(self._bundle.plan.services))
        answers = self._ask({name: (edge, service) for name, edge in self._ports.resolvers.items()})
        passed = round(self._clock() - self._moved_at, 3)
        good = {name: passed for name, answer in answers.items() if not wrong(name, answer, history.epoch)}
        return {"resolvers": answers, "resolved_after": {**good, **self._seen.resolved_after}}

    def _ask(self, questions: Mapping[str, tuple[Edge, str]]) -> dict[str, ServiceAnswer | str]:
        return dict(zip(questions, self._pool.map(_answer, questions.values()), strict=True))


def _answer(question: tuple[Edge, str]) -> ServiceAnswer | str:
    edge, service = question
    try:
        return edge.ask(service)
    except DrError as error:
        return error.what
