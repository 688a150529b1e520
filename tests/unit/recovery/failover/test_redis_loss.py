"""What of Redis is lost: in seconds a bound, in changes an estimate; never fine when nobody knows."""

from dataclasses import replace
from datetime import timedelta

import pytest

from recovery.failover.redis_loss import redis_loss
from recovery.ports.redis import RedisState
from tests.support.promotion import NOW, lease, redis

LAG = timedelta(seconds=10)


def ended(seconds_ago: float) -> object:
    """A lease whose last heartbeat was so long ago; it ends 30 s after that."""
    beat = lease().heartbeat
    assert beat
    return lease(heartbeat=replace(beat, at=NOW - timedelta(seconds=seconds_ago)))


@pytest.mark.parametrize(
    ("state", "heartbeat_ago", "seconds"),
    [
        (redis(down_seconds=5), 4, 15.0),  # the link broke 5 s ago, and production may still take carts
        (redis(down_seconds=100), 100, 40.0),  # 30 s of lease after the last heartbeat, and no longer
        (redis(down_seconds=3600), 60, 3580.0),  # it broke long before
        (redis(link_up=True, down_seconds=None, silent_seconds=2), 1, 12.0),
    ],
)
def test_it_is_from_what_it_surely_had_to_what_production_can_have_taken(
    state: RedisState, heartbeat_ago: float, seconds: float
) -> None:
    found = redis_loss(state, ended(heartbeat_ago), lag=LAG, now=NOW)  # type: ignore[arg-type]
    assert found.seconds_at_most == seconds
    assert found.changes_at_most == 2 * seconds
    assert f"at most {int(2 * seconds):,} changes at its average rate, from {seconds:.1f} s" in found.words()


def test_without_a_lease_s_heartbeat_it_ends_now() -> None:
    assert redis_loss(redis(down_seconds=5), None, lag=LAG, now=NOW).seconds_at_most == 15.0


@pytest.mark.parametrize("state", [None, redis(offset=0), redis(down_seconds=-1)])
def test_what_nobody_can_know_is_unknown(state: RedisState | None) -> None:
    found = redis_loss(state, lease(), lag=LAG, now=NOW)
    assert found.seconds_at_most is None and found.words().startswith("Redis: loss UNKNOWN.")


def test_one_that_follows_nobody_loses_nothing() -> None:
    assert redis_loss(redis(replica=False), lease(), lag=LAG, now=NOW).changes_at_most == 0
