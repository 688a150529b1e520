"""Says in the control table that the DR site holds the lease."""

from collections.abc import Callable, Mapping

from operations.failover.performer import Performer
from recovery.failover.moves import Act
from recovery.failover.step import Turn
from recovery.failover.steps.hold import HOLD
from recovery.failover.steps.lease import LeaseSeen


class HoldLease(Performer):
    """Only the run that took the lease may."""

    def look(self, turn: Turn) -> LeaseSeen:
        return LeaseSeen(lease=self.ports.leases.read())

    def verbs(self) -> Mapping[str, Callable[[Turn, Act], None]]:
        return {HOLD: self._hold}

    def _hold(self, turn: Turn, act: Act) -> None:
        self.ports.leases.hold(turn.history.epoch, turn.history.run)


PERFORMER = HoldLease
