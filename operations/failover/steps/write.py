"""Writes through the DR gate."""

from collections.abc import Callable, Mapping

from operations.failover.performer import Performer
from recovery.failover.bundle import Bundle
from recovery.failover.moves import Act
from recovery.failover.step import Turn
from recovery.failover.steps.write import ANNOUNCE, GateState, WriteSeen


class WriteThroughGate(Performer):
    """A commit that was acknowledged is the proof."""

    _announced = False

    def look(self, turn: Turn) -> WriteSeen:
        return WriteSeen(announced=self._announced)

    def verbs(self) -> Mapping[str, Callable[[Turn, Act], None]]:
        return {ANNOUNCE: self._announce}

    def preview(self, bundle: Bundle) -> GateState:
        """What the gate's address does with a connection."""
        return self.ports.gate.knock()

    def _announce(self, turn: Turn, act: Act) -> None:
        self.ports.gate.announce(turn.history.epoch, turn.history.run)
        self._announced = True


PERFORMER = WriteThroughGate
