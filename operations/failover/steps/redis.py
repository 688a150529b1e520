"""Asks the DR site's Redis what it has, and to follow nobody any more."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from operations.failover.asking import Asker, known
from operations.failover.performer import Performer
from recovery.failover.bundle import Bundle
from recovery.failover.facts import Unknown
from recovery.failover.moves import Act
from recovery.failover.step import Turn
from recovery.failover.steps.redis import KEEP, PROMOTE, RedisSeen
from recovery.ports.redis import RedisReplica, RedisState

if TYPE_CHECKING:
    from operations.failover.ports import Ports


class PromoteRedis(Performer):
    """A primary stays one, however often it is asked."""

    def __init__(self, ports: "Ports", asker: Asker, clock: Callable[[], float]) -> None:
        super().__init__(ports, asker, clock)
        self._at: tuple[str, int] = ("", -1)
        self._since = 0.0

    def look(self, turn: Turn) -> RedisSeen:
        redis = self.ports.redis
        state = known(redis.state) if redis else None
        if not isinstance(state, RedisState):
            return RedisSeen(state=state)
        now, at = self.clock(), (state.history, state.offset)
        if at != self._at:
            self._at, self._since = at, now
        return RedisSeen(state=state, steady=now - self._since)

    def verbs(self) -> Mapping[str, Callable[[Turn, Act], None]]:
        return {PROMOTE: lambda turn, act: self._redis.promote(), KEEP: lambda turn, act: self._redis.keep()}

    def preview(self, bundle: Bundle) -> RedisState | Unknown | None:
        """What a promotion would find."""
        return known(self.ports.redis.state) if self.ports.redis else None

    @property
    def _redis(self) -> RedisReplica:
        assert self.ports.redis is not None  # noqa: S101  an effect is asked for only of one that was seen
        return self.ports.redis


PERFORMER = PromoteRedis
