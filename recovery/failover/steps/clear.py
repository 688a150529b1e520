"""Take the restore's order away, last of all: from then on the standby's disk is filled as it always was."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recovery.copies.standby_set import StandbySetState
from recovery.failover.bundle import Bundle
from recovery.failover.history import History
from recovery.failover.moves import Move
from recovery.failover.restoring import Ordered
from recovery.failover.step import Step, Turn

CLEAR = "clear_order"


@dataclass(frozen=True, kw_only=True)
class OrderSeen:
    """The standby's set."""

    cluster: StandbySetState


class ClearOrder(Step[OrderSeen]):
    """Only this run's order; whatever else stands there is somebody's."""

    name = "clear"
    title = "take the restore's order away"
    after = ("name",)
    observes = OrderSeen
    verbs = {CLEAR: "taking the restore's order away"}  # noqa: RUF012 - a constant of the class

    def deadline(self, bundle: Bundle, history: History) -> float:
        return 60

    def decide(self, turn: Turn, seen: OrderSeen) -> Move:
        found = Ordered.of(turn.history)
        if found is None or seen.cluster.order != found.order:
            return self.done()
        return self.act(CLEAR)

    def sentence(self, facts: Mapping[str, Any]) -> str:
        return "the restore's order is taken away"


STEP = ClearOrder()
