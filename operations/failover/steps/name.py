"""Asks for a service by the public name, through each resolver."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from operations.failover.asking import Asker
from operations.failover.performer import Performer
from recovery.failover.answers import wrong
from recovery.failover.bundle import Bundle
from recovery.failover.facts import Unknown
from recovery.failover.step import Turn
from recovery.failover.steps.name import ResolversSeen
from recovery.failover.steps.traffic import PUT
from recovery.failover.steps.traffic import STEP as TRAFFIC

if TYPE_CHECKING:
    from operations.failover.ports import Ports


class VerifyName(Performer):
    """Changes nothing."""

    def __init__(self, ports: "Ports", asker: Asker, clock: Callable[[], float]) -> None:
        super().__init__(ports, asker, clock)
        self._after: dict[str, float] = {}

    def look(self, turn: Turn) -> ResolversSeen:
        services = turn.bundle.plan.services
        service = "order" if "order" in services else next(iter(services))
        answers = self.asker.services({name: (edge, service) for name, edge in self.ports.resolvers.items()})
        moved = turn.issued_at(TRAFFIC.name, PUT)
        passed = round(self.clock() - (turn.started if moved is None else moved), 3)
        for name, answer in answers.items():
            if not wrong(name, answer, turn.history.epoch):
                self._after.setdefault(name, passed)
        return ResolversSeen(answers=answers, after=dict(self._after))

    def preview(self, bundle: Bundle) -> Mapping[str, Unknown | None]:
        """Which resolvers cannot be asked, and why."""
        asked = {name: self.asker.begin_known(check) for name, check in self.ports.check_resolvers.items()}
        return {name: found if isinstance(found := each.result(), Unknown) else None for name, each in asked.items()}


PERFORMER = VerifyName
