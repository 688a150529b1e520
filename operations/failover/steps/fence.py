"""Reads the lease and asks the old site, once, whether it still acknowledges a write."""

from collections.abc import Callable, Mapping

from operations.failover.performer import Performer
from recovery.failover.moves import Act
from recovery.failover.step import Turn
from recovery.failover.steps.fence import ASK, FenceSeen
from recovery.ports.edge import WriteAnswer


class FenceProduction(Performer):
    """Silence proves nothing and ends nothing: the lease's time or its record does."""

    _old_site: WriteAnswer | None = None

    def look(self, turn: Turn) -> FenceSeen:
        lease, asked = self.ports.leases.read(), self._old_site
        return (
            FenceSeen(lease=lease)
            if asked is None
            else FenceSeen(lease=lease, old_site=asked.said, old_site_why=asked.why)
        )

    def verbs(self) -> Mapping[str, Callable[[Turn, Act], None]]:
        return {ASK: self._ask}

    def _ask(self, turn: Turn, act: Act) -> None:
        self._old_site = self.ports.old_site.probe_write()


PERFORMER = FenceProduction
