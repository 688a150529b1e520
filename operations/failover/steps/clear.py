"""Empties the ConfigMap with the standby's order."""

from collections.abc import Callable, Mapping

from operations.failover.performer import Performer
from recovery.copies.standby_set import StandbySetState
from recovery.failover.moves import Act
from recovery.failover.step import Turn
from recovery.failover.steps.clear import CLEAR, OrderSeen


class ClearOrder(Performer):
    """Of the version that was last seen."""

    _seen: StandbySetState | None = None

    def look(self, turn: Turn) -> OrderSeen:
        self._seen = self.ports.standby_set.state()
        return OrderSeen(cluster=self._seen)

    def verbs(self) -> Mapping[str, Callable[[Turn, Act], None]]:
        return {CLEAR: self._clear}

    def _clear(self, turn: Turn, act: Act) -> None:
        if self._seen:
            self.ports.standby_set.write_order(None, version=self._seen.version)


PERFORMER = ClearOrder
