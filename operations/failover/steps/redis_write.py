"""Writes to Redis through the DR gate."""

from collections.abc import Callable, Mapping

from operations.failover.performer import Performer
from recovery.failover.moves import Act
from recovery.failover.step import Turn
from recovery.failover.steps.redis_write import ANNOUNCE, RedisWriteSeen


class WriteToRedis(Performer):
    """What was read again is the proof."""

    _announced = False

    def look(self, turn: Turn) -> RedisWriteSeen:
        return RedisWriteSeen(announced=self._announced)

    def verbs(self) -> Mapping[str, Callable[[Turn, Act], None]]:
        return {ANNOUNCE: self._announce}

    def _announce(self, turn: Turn, act: Act) -> None:
        gate = self.ports.redis_gate
        assert gate is not None  # noqa: S101  nothing is written where none was promoted
        gate.announce(turn.history.epoch, turn.history.run)
        self._announced = True


PERFORMER = WriteToRedis
