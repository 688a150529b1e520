"""Asks the DR edge for every service, and the cluster for their Pods."""

from collections.abc import Collection, Mapping

from operations.failover.performer import Performer
from recovery.failover.bundle import Bundle
from recovery.failover.step import Turn
from recovery.failover.steps.services import AnswersSeen
from recovery.ports.edge import ServiceAnswer


class VerifyServices(Performer):
    """Changes nothing."""

    def look(self, turn: Turn) -> AnswersSeen:
        listing = self.asker.begin(self.ports.cluster.deployments)
        answers = self._ask(turn.bundle.plan.services)
        return AnswersSeen(answers=answers, deployments=listing.result())

    def preview(self, bundle: Bundle) -> Mapping[str, ServiceAnswer | str]:
        """What the DR edge answers before a promotion."""
        return self._ask(bundle.plan.services)

    def _ask(self, services: Collection[str]) -> dict[str, ServiceAnswer | str]:
        return self.asker.services({service: (self.ports.dr_edge, service) for service in services})


PERFORMER = VerifyServices
