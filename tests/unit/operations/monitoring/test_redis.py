"""What `dr status` says of the DR site's Redis."""

from datetime import timedelta

import pytest

from operations.monitoring.findings import CRITICAL, OK, WARNING
from operations.monitoring.known import Known
from operations.monitoring.redis import judge_redis
from recovery.ports.redis import RedisState
from tests.support.promotion import NOW, PLAN, bundle, lease, redis

RPO = int(PLAN.objectives.rpo.total_seconds())
FOLLOWS = redis(link_up=True, down_seconds=None, silent_seconds=3)
PROMOTED = redis(replica=False, down_seconds=None, appends=True)


def judged(state: RedisState | None, site: str = "prod") -> tuple[int, str]:
    found = judge_redis(state, Known(bundle=bundle(), now=NOW, lease=lease(site=site)))
    return found.level, found.words


@pytest.mark.parametrize(
    ("state", "level", "words"),
    [
        (FOLLOWS, OK, "it follows: valkey 9.1.2, 7 keys, offset 1000"),
        (redis(loading=True), WARNING, "it is loading its data"),
        (redis(offset=0), CRITICAL, "never had production's data"),
        (redis(synchronising=True), WARNING, "being sent everything anew"),
        (redis(down_seconds=60), WARNING, "no link to production's for 1m"),
        (redis(down_seconds=RPO + 1), CRITICAL, "no link to production's for"),
        (redis(link_up=True, down_seconds=None, silent_seconds=21), WARNING, "heard nothing of production's for 21s"),
        (redis(link_up=True, down_seconds=None, silent_seconds=20), OK, "it follows"),
        (PROMOTED, CRITICAL, "the DR site does not hold the lease"),
    ],
)
def test_while_production_is_active_it_has_to_follow(state: RedisState, level: int, words: str) -> None:
    found = judged(state)
    assert found[0] == level and words in found[1]


@pytest.mark.parametrize(
    ("state", "level", "words"),
    [
        (PROMOTED, OK, "it is a primary"),
        (redis(replica=False, appends=False), WARNING, "without an append-only file"),
        (FOLLOWS, CRITICAL, "its Redis still follows"),
    ],
)
def test_while_the_dr_site_is_active_it_has_to_be_a_primary_that_keeps_what_it_has(
    state: RedisState, level: int, words: str
) -> None:
    found = judged(state, "dr")
    assert found[0] == level and words in found[1]


def test_at_a_cold_site_none_waits() -> None:
    assert judged(None)[0] == OK
    assert judged(None, "dr") == (
        WARNING,
        "the strategy is cold, so the Redis that customers use was filled by hand: nobody looks",
    )


def test_the_rpo_is_the_plan_s() -> None:
    assert timedelta(seconds=RPO) == PLAN.objectives.rpo
