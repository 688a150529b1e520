"""Writes the standby's order, ends its damaged Pod, leaves its disk, starts it anew, and asks what came up."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from operations.failover.asking import Asker, known
from operations.failover.performer import Performer
from recovery.copies.standby_set import StandbySetState
from recovery.failover.moves import Act
from recovery.failover.restoring import Ordered
from recovery.failover.step import Turn
from recovery.failover.steps.restore import END, RELEASE, START, WRITE, RestoreSeen, left_behind

if TYPE_CHECKING:
    from operations.failover.ports import Ports


class RestoreStandby(Performer):
    """Each effect is of exactly what was last seen."""

    def __init__(self, ports: "Ports", asker: Asker, clock: Callable[[], float]) -> None:
        super().__init__(ports, asker, clock)
        self._seen: StandbySetState | None = None

    def look(self, turn: Turn) -> RestoreSeen:
        self._seen = seen = self.ports.standby_set.state()
        found = Ordered.of(turn.history)
        old = seen.order is None or (found and left_behind(seen.claim, found.order))
        if old or seen.pod is None or seen.pod.stage not in ("starting", "ready"):
            return RestoreSeen(cluster=seen, server=None)
        lease = self.ports.leases.read()
        recorded = lease.system_identifier if lease else ""
        return RestoreSeen(cluster=seen, server=known(self.ports.standby.state), recorded=recorded)

    def verbs(self) -> Mapping[str, Callable[[Turn, Act], None]]:
        return {
            WRITE: self._write,
            END: lambda turn, act: self.ports.standby_set.scale(0),
            RELEASE: self._release,
            START: lambda turn, act: self.ports.standby_set.scale(1),
        }

    def _write(self, turn: Turn, act: Act) -> None:
        found = Ordered.of(turn.history)
        if self._seen and found:
            self.ports.standby_set.write_order(found.order, version=self._seen.version)

    def _release(self, turn: Turn, act: Act) -> None:
        found = Ordered.of(turn.history)
        claim = left_behind(self._seen.claim, found.order) if self._seen and found else None
        if claim:
            self.ports.standby_set.release(claim)


PERFORMER = RestoreStandby
