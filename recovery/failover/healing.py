"""What became undone after a promotion had ended well, and which of its steps put it right.

Only what is provably this run's own is repeated: its journal is complete, the lease is still as it left it, and the
DR database is still the primary that it made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Findings, Unknown
from recovery.failover.history import History
from recovery.failover.moves import Act
from recovery.failover.step import Step, Turn
from recovery.failover.steps.lease import is_ours
from recovery.lease.lease import Lease
from recovery.ports.standby import StandbyState


@dataclass(frozen=True, kw_only=True)
class Healing:
    """Of the finished run `history`. `undone`: step → what is no longer as the run left it. `steps`: what is done
    again, in order, with the proofs that have to come before. `unknown`: step → why nobody can say."""

    history: History
    undone: Mapping[str, str] = field(default_factory=dict[str, str])
    steps: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict[str, str])

    def as_dict(self) -> dict[str, Any]:
        """The JSON form, and what the journal keeps."""
        return {"undone": dict(self.undone), "steps": list(self.steps)}

    def words(self) -> str:
        """What is undone, for people."""
        return "; ".join(self.undone.values()) or "nothing is known to be undone"


def find(bundle: Bundle, history: History, observed: Mapping[str, object], steps: Sequence[Step[Any]]) -> Healing:
    """What a finished run would do again. `observed`: step → what it looks at now, or Unknown, of every step that has
    an effect to repeat."""
    undone: dict[str, str] = {}
    unknown: dict[str, str] = {}
    turn = Turn(bundle=bundle, history=history, clock=0.0, started=0.0)
    for step in steps:
        seen = observed.get(step.name)
        if not step.undone:
            continue
        if isinstance(seen, step.observes):
            if isinstance(step.decide(turn, seen), Act):
                undone[step.name] = step.undone
        else:
            unknown[step.name] = seen.why if isinstance(seen, Unknown) else "not looked at"
    return Healing(history=history, undone=undone, steps=again(undone, steps), unknown=unknown)


def again(undone: Mapping[str, str], steps: Sequence[Step[Any]]) -> tuple[str, ...]:
    """The undone steps, all that come after them, and the proofs that any of these stand on."""
    by_name = {step.name: step for step in steps}

    def before(name: str) -> set[str]:
        direct = set(by_name[name].after)
        return direct.union(*(before(each) for each in direct))

    opened = {step.name for step in steps if step.name in undone or before(step.name) & set(undone)}
    stand_on: set[str] = set[str]().union(*(before(name) for name in opened))
    return tuple(step.name for step in steps if step.name in opened or (step.name in stand_on and step.proof))


def judge_healing(healing: Healing, facts: Facts, found: Findings) -> None:
    """Why a finished run may not touch anything again."""
    lease, standby, run = facts.lease, facts.standby, healing.history.run
    if isinstance(lease, Lease) and not is_ours(lease, healing.history):
        found.no(
            f"run {run} is finished, but the lease is no longer as it left it: site {lease.site}, epoch {lease.epoch}, "
            f"run {lease.holder_run}",
            "see `dr lease show` and find out who moved it before anything is moved again",
        )
    if isinstance(standby, StandbyState) and standby.in_recovery:
        found.no(
            f"run {run} promoted the DR database, but what answers there is a standby again",
            "find out who rebuilt it: the orders taken since the promotion are elsewhere, or lost; see `dr backups`",
        )
    for step, why in healing.unknown.items():
        found.no(
            f"run {run} is finished, but whether its step {step} still stands is not known: {why}",
            "bring back what does not answer, then run this again; see `dr status`",
        )
