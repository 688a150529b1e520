"""Asks the standby for its promotion."""

from collections.abc import Callable, Mapping

from operations.failover.performer import Performer
from recovery.failover.moves import Act
from recovery.failover.step import Turn
from recovery.failover.steps.postgres import PROMOTE, RESUME, StandbySeen


class PromotePostgres(Performer):
    """A primary stays one, however often it is asked."""

    def look(self, turn: Turn) -> StandbySeen:
        return StandbySeen(state=self.ports.standby.state())

    def verbs(self) -> Mapping[str, Callable[[Turn, Act], None]]:
        return {
            RESUME: lambda turn, act: self.ports.standby.resume_replay(),
            PROMOTE: lambda turn, act: self.ports.standby.promote(),
        }


PERFORMER = PromotePostgres
