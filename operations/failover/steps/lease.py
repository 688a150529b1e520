"""Takes the lease in the control table."""

from collections.abc import Callable, Mapping

from operations.failover.performer import Performer
from recovery.failover.moves import Act
from recovery.failover.step import Turn
from recovery.failover.steps.lease import TAKE, LeaseSeen
from recovery.lease.lease import Lease


class TakeLease(Performer):
    """Replaces exactly the lease that was last seen."""

    _lease: Lease | None = None

    def look(self, turn: Turn) -> LeaseSeen:
        self._lease = self.ports.leases.read()
        return LeaseSeen(lease=self._lease)

    def verbs(self) -> Mapping[str, Callable[[Turn, Act], None]]:
        return {TAKE: self._take}

    def _take(self, turn: Turn, act: Act) -> None:
        if self._lease is None:
            return
        terms = turn.bundle.plan.lease
        taken = self._lease.successor("dr", turn.history.run, lease=terms.duration, margin=terms.margin)
        self.ports.leases.take(self._lease, taken)


PERFORMER = TakeLease
