"""Sets the Deployments' scale subresource."""

from collections.abc import Callable, Mapping

from operations.failover.performer import Performer
from recovery.failover.bundle import Bundle
from recovery.failover.moves import Act
from recovery.failover.step import Turn
from recovery.failover.steps.scale import SCALE, ServicesSeen


class ScaleServices(Performer):
    """Setting the same number again changes nothing."""

    asks_cluster = True

    def look(self, turn: Turn) -> ServicesSeen:
        return ServicesSeen(deployments=self.ports.cluster.deployments())

    def verbs(self) -> Mapping[str, Callable[[Turn, Act], None]]:
        return {SCALE: self._scale}

    def preview(self, bundle: Bundle) -> bool:
        """Whether the cluster would let us."""
        return self.ports.cluster.may_scale()

    def _scale(self, turn: Turn, act: Act) -> None:
        for name, replicas in act.facts["replicas"].items():
            self.ports.cluster.scale(name, int(replicas))


PERFORMER = ScaleServices
