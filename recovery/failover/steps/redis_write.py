"""Write to Redis through the DR gate: it is open, and the Redis behind it takes writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recovery.failover.bundle import Bundle
from recovery.failover.history import History
from recovery.failover.moves import Move
from recovery.failover.step import Step, Turn
from recovery.failover.steps.redis import STEP as PROMOTED

ANNOUNCE = "announce"


@dataclass(frozen=True, kw_only=True)
class RedisWriteSeen:
    """Whether this process has written through the gate and read it again."""

    announced: bool


class WriteToRedis(Step[RedisWriteSeen]):
    """Repeating it does no harm: it writes the same again. After PostgreSQL's write, not beside it: what proves either
    is known to its process only, so a process that dies before both are in the journal would leave both to the next."""

    name = "redis_write"
    title = "write to Redis through the DR gate"
    after = ("write", "redis")
    observes = RedisWriteSeen
    verbs = {ANNOUNCE: "writing to Redis through the DR gate"}  # noqa: RUF012 - a constant of the class
    longest_pause = 0.05  # customers wait for the gate
    proof = True

    def deadline(self, bundle: Bundle, history: History) -> float:
        return 60

    def decide(self, turn: Turn, seen: RedisWriteSeen) -> Move:
        promoted = turn.history.done.get(PROMOTED.name, {})
        if promoted.get("none") or promoted.get("left"):
            return self.done(left=True)
        return self.done(left=False) if seen.announced else self.act(ANNOUNCE)

    def sentence(self, facts: Mapping[str, Any]) -> str:
        if facts["left"]:
            return "nothing was written to Redis: none was promoted"
        return "a write to Redis went through the DR gate"


STEP = WriteToRedis()
