"""Hold the lease, so that the DR gate may open: what is behind it takes writes now."""

from collections.abc import Mapping
from typing import Any

from recovery.failover.bundle import Bundle
from recovery.failover.history import History
from recovery.failover.moves import Move
from recovery.failover.step import Step, Turn
from recovery.failover.steps.lease import LeaseSeen, is_ours, not_ours

HOLD = "hold"


class HoldLease(Step[LeaseSeen]):
    """taken → held, by the run that took it."""

    name = "hold"
    title = "hold the lease, so that the gate may open"
    after = ("postgres", "redis")
    observes = LeaseSeen
    verbs = {HOLD: "holding the lease"}  # noqa: RUF012 - a constant of the class
    undone = "the lease is ours and says `taken` again, so the DR gate stays closed"

    def deadline(self, bundle: Bundle, history: History) -> float:
        return 60

    def decide(self, turn: Turn, seen: LeaseSeen) -> Move:
        lease = seen.lease
        if lease is None or not is_ours(lease, turn.history):
            return self.stop(*not_ours(lease))
        return self.done(epoch=lease.epoch) if lease.state == "held" else self.act(HOLD)

    def sentence(self, facts: Mapping[str, Any]) -> str:
        return f"the DR site holds the lease in epoch {facts['epoch']}: its gate may open"


STEP = HoldLease()
