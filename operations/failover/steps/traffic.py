"""Puts the marker."""

from collections.abc import Callable, Mapping

from operations.failover.performer import Performer
from recovery.failover.moves import Act
from recovery.failover.step import Turn
from recovery.failover.steps.traffic import PUT, MarkerSeen


class MoveTraffic(Performer):
    """Resolvers with a cache are asked just before, as customers have asked theirs: then what is measured is true."""

    def look(self, turn: Turn) -> MarkerSeen:
        return MarkerSeen(present=self.ports.marker.present())

    def verbs(self) -> Mapping[str, Callable[[Turn, Act], None]]:
        return {PUT: self._put}

    def _put(self, turn: Turn, act: Act) -> None:
        self.ports.look_up()
        self.ports.marker.put(turn.history.run, turn.history.epoch)


PERFORMER = MoveTraffic
