"""What of Redis a promotion loses for good: it is replicated later, and how far production got nobody knows."""

import math
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from recovery.lease.lease import Lease
from recovery.ports.redis import RedisState
from recovery.units import read_duration


@dataclass(frozen=True, kw_only=True)
class RedisLoss:
    """Changes that production may have accepted and the replica never heard of. None: nobody can know."""

    seconds_at_most: float | None
    changes_at_most: int | None
    why: str

    def words(self) -> str:
        """For a person."""
        if self.seconds_at_most is None:
            return f"Redis: loss UNKNOWN. {self.why}"
        changes = "an unknown number of" if self.changes_at_most is None else f"at most {self.changes_at_most:,}"
        return f"Redis: {changes} changes at its average rate, from {self.seconds_at_most:.1f} s; {self.why}."

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {**asdict(self), "words": self.words()}


def redis_loss(state: RedisState | None, lease: Lease | None, *, lag: timedelta, now: datetime) -> RedisLoss:
    """From the last moment at which the replica surely had everything to the last at which production can have taken
    a change. `lag`: how far it is behind as a rule, by the plan."""
    if state is None:
        return RedisLoss(seconds_at_most=None, changes_at_most=None, why="the DR site's Redis did not answer")
    if not state.replica:
        return RedisLoss(seconds_at_most=0.0, changes_at_most=0, why="the DR site's Redis follows nobody")
    if not state.offset:
        return RedisLoss(seconds_at_most=None, changes_at_most=None, why="it has never had production's data")
    heard = None if not state.link_up else state.silent_seconds
    gone = state.down_seconds if not state.link_up else None
    if gone is not None and gone < 0:
        return RedisLoss(seconds_at_most=None, changes_at_most=None, why="it does not know since when it has no link")
    if gone is not None:
        last, said = now - timedelta(seconds=gone), f"its link broke {read_duration(timedelta(seconds=gone))} ago"
    else:
        last = now - timedelta(seconds=heard or 0)
        said = f"its link is up, and it heard of production {read_duration(timedelta(seconds=heard or 0))} ago"
    heartbeat = lease.heartbeat if lease else None
    end = now
    if lease and heartbeat:
        end = min(now, heartbeat.at + timedelta(seconds=lease.lease_seconds))
    seconds = max(0.0, (end - last).total_seconds()) + lag.total_seconds()
    return RedisLoss(seconds_at_most=seconds, changes_at_most=math.ceil(state.commands_per_second * seconds), why=said)
