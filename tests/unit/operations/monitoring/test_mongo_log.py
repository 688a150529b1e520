"""Whether MongoDB's log is current: from what the bucket holds against the clock."""

from datetime import timedelta

import pytest

from operations.monitoring.findings import CRITICAL, OK, WARNING, Judged
from operations.monitoring.mongo_log import judge_mongo_log, look_at_mongo_log
from recovery.copies.log_times import second, written
from recovery.copies.manifest import Manifest
from recovery.lease.lease import Lease
from recovery.plan.loading import load_plan
from tests.support.change_streams import LINE, Clock, FakeServer, at, drain, follow, pieces
from tests.support.fakes import FakeBucket, held_lease
from tests.support.manifests import manifest
from tests.support.plans import ROOT

PLAN = load_plan(ROOT / "recovery.yaml")


@pytest.fixture
def store() -> FakeBucket:
    """A log of four changes."""
    server, bucket, clock = FakeServer(), FakeBucket("log"), Clock()
    made = follow(server, bucket, clock)
    for number in range(4):
        server.insert(number)
        drain(made, server)
    return bucket


def dump(count: int) -> Manifest:
    """One that began and ended there."""
    made = manifest()
    source = made.source.model_copy(update={"epoch": 1, "system_identifier": LINE.source})
    position = written(at(count))
    return made.model_copy(
        update={"dataset": "mongo", "source": source, "start_position": position, "stop_position": position}
    )


def judged(
    store: FakeBucket,
    *,
    after: timedelta = timedelta(seconds=5),
    lease: Lease | None = None,
    full: Manifest | None = None,
) -> Judged:
    now = second(at(5)) + after
    return judge_mongo_log(
        PLAN, look_at_mongo_log(store), lease=lease or held_lease(), full=full, namespace="production", now=now
    )


def test_a_log_that_moves_on_is_fine(store: FakeBucket) -> None:
    found = judged(store, full=dump(1))
    assert (found.level, found.words) == (
        OK,
        f"up to {written(at(5))} ({second(at(5)):%Y-%m-%d %H:%M:%S} UTC), epoch 1",
    )


@pytest.mark.parametrize(("minutes", "level"), [(1, OK), (5, WARNING), (16, CRITICAL)])
def test_a_log_that_stands_still_is_told_also_when_nothing_changes(store: FakeBucket, minutes: int, level: str) -> None:
    assert judged(store, after=timedelta(minutes=minutes)).level == level


def test_without_any_log_status_says_so() -> None:
    assert judged(FakeBucket("log")).level == WARNING


def test_44_a_hole_is_critical_whatever_comes_after_it(store: FakeBucket) -> None:
    del store.objects[pieces(store)[1].key]
    found = judged(store)
    assert found.level == CRITICAL and "there is nothing from" in found.words


def test_a_log_that_did_not_go_on_after_a_takeover_is_critical(store: FakeBucket) -> None:
    found = judged(store, lease=held_lease("dr", epoch=2))
    assert found.level == CRITICAL and "nothing since the takeover" in found.words


def test_a_gap_is_critical_until_a_dump_has_begun_after_it() -> None:
    server, bucket, clock = FakeServer(), FakeBucket("log"), Clock()
    made = follow(server, bucket, clock)
    time = server.event("modify")
    drain(made, server)
    found = judged(bucket, full=dump(time - 1))
    assert found.level == CRITICAL and "cannot be replayed" in found.words
    assert "backup-mongo-due" in found.next_step
    assert judged(bucket, full=dump(time)).level == OK


def test_a_log_that_began_after_the_newest_dump_is_told_until_there_is_another(store: FakeBucket) -> None:
    early = dump(1).model_copy(update={"start_position": "1.1"})
    found = judged(store, full=early)
    assert found.level == WARNING and "leads on from no dump" in found.words


def test_the_finding_is_there_only_where_the_stacks_ship_it() -> None:
    from operations.monitoring.status import MONGO_LOG
    from recovery.plan.datasets import SHIPPED_TODAY

    assert MONGO_LOG == ("mongo", "log")
    assert MONGO_LOG not in SHIPPED_TODAY  # then the shipper's component has to be declared with it
