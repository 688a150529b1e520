"""Redis in a promotion: promoted once, after the fence and before the gate, or the run stops and says why."""

from dataclasses import replace
from pathlib import Path

import pytest

from recovery.errors import Failed
from recovery.failover.facts import Findings, Unknown
from recovery.failover.moves import Done, Stop, Wait
from recovery.failover.overrides import NO_REDIS
from recovery.failover.steps.redis import STEP
from recovery.failover.steps.redis_write import STEP as WRITE
from tests.support.preflight import facts
from tests.support.promotion import Crash, Site, bundle, process, redis

WITHOUT = {NO_REDIS: "yes"}


def order(site: Site) -> list[str]:
    return [step.name for step, move in site.told if isinstance(move, Done)]


def test_redis_is_promoted_after_the_fence_and_before_the_gate_and_proven_by_a_write(tmp_path: Path) -> None:
    site = Site()
    done = process(site, tmp_path).history().done
    assert not site.redis.replica and site.redis_kept
    assert (site.count("promote redis"), site.count("announce to redis")) == (1, 1)
    steps = order(site)
    assert steps.index("fence") < steps.index("redis") < steps.index("hold") < steps.index("redis_write")
    assert steps.index("redis_write") < steps.index("services")
    assert {**done["redis"], "seconds": 0} == {
        "history": "a" * 40,
        "offset": 1000,
        "keys": 7,
        "link_up": False,
        "down_seconds": 5,
        "left": "",
        "seconds": 0,
    }
    assert STEP.sentence(done["redis"]) == (
        "Redis is a primary, with 7 keys, from offset 1000 whose link broke 5 s before"
    )
    assert WRITE.sentence(done["redis_write"]) == "a write to Redis went through the DR gate"


def test_what_it_has_is_in_the_journal_before_it_is_promoted(tmp_path: Path) -> None:
    journal = process(Site(), tmp_path)
    (intent,) = [each for each in journal.entries if each.kind == "intent" and each.data.get("verb") == "promote"
                 and each.step == "redis"]  # fmt: skip
    assert (intent.data["offset"], intent.data["history"]) == (1000, "a" * 40)


@pytest.mark.parametrize("fuse", range(60))
def test_killed_anywhere_a_promotion_goes_on_and_redis_is_kept(fuse: int, tmp_path: Path) -> None:  # fault 1
    site = Site(fuse=fuse)
    try:
        process(site, tmp_path)
    except Crash:
        site.fuse = None
        process(site, tmp_path)
    assert not site.redis.replica and site.redis_kept


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (redis(offset=0, keys=0), "has never had production's data"),
        (redis(keys=0), "is empty"),
        (redis(loading=True), "is loading its data"),
        (redis(synchronising=True, link_up=True), "is being sent everything anew"),
    ],
)
def test_redis_replica_link_down_or_empty_stops_it_and_an_override_says_what_is_missing(
    state: object, why: str, tmp_path: Path
) -> None:  # fault 19
    site = Site(redis=state)  # type: ignore[arg-type]
    with pytest.raises(Failed, match=why):
        process(site, tmp_path)
    assert site.count("promote redis") == 0 and site.count("hold") == 0 and not site.marker
    stopped = next(move for _, move in site.told if isinstance(move, Stop))
    assert f"--{NO_REDIS}" in stopped.next_step
    other = Site(redis=state)  # type: ignore[arg-type]
    done = process(other, tmp_path / "other", overrides=WITHOUT).history().done
    assert why in done["redis"]["left"] and "NOT promoted" in STEP.sentence(done["redis"])
    assert WRITE.sentence(done["redis_write"]) == "nothing was written to Redis: none was promoted"
    assert other.marker and other.count("promote redis") == 0


def test_one_that_does_not_answer_stops_it_and_it_goes_on_when_it_does(tmp_path: Path) -> None:
    site = Site(down={"redis"})
    with pytest.raises(Failed, match="does not answer"):
        process(site, tmp_path)
    assert not site.marker
    site.down.clear()
    process(site, tmp_path)
    assert site.marker and not site.redis.replica


def test_a_primary_that_this_run_did_not_make_stops_it(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="is a primary already, and the journal does not say that this run promoted it"):
        process(Site(redis=redis(replica=False, down_seconds=None)), tmp_path)


def test_production_that_still_sends_is_waited_for_and_not_for_ever(tmp_path: Path) -> None:
    site = Site(redis=redis(link_up=True, down_seconds=None, silent_seconds=0))
    process(site, tmp_path)
    waits = [move.why for step, move in site.told if step.name == "redis" and isinstance(move, Wait)]
    assert waits and set(waits) == {"production's Redis still sends changes"}
    assert not site.redis.replica


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (Unknown("Redis at r:6379 does not answer"), "cannot be asked: Redis at r:6379 does not answer"),
        (redis(keys=0), "the DR site's Redis is empty"),
        (redis(offset=0), "the DR site's Redis has never had production's data"),
    ],
)
def test_what_would_stop_it_is_said_before_any_effect(seen: object, said: str) -> None:
    for overrides in ({}, WITHOUT):
        found = Findings(overrides=overrides)
        STEP.obstacles(bundle(), replace(facts(), previews={"redis": seen}), found)
        told = [reason.what for reason in found.reasons] if not overrides else found.warnings
        assert len(told) == 1 and said in told[0]
        assert [reason.override for reason in found.reasons] == ([] if overrides else [NO_REDIS])


@pytest.mark.parametrize("seen", [None, redis(), redis(replica=False)])
def test_one_that_can_be_promoted_or_is_no_site_s_is_nothing_to_talk_of(seen: object) -> None:
    found = Findings()
    STEP.obstacles(bundle(), replace(facts(), previews={"redis": seen}), found)
    assert not found.reasons and not found.warnings
