"""The shipper's order: what is stored when, where it goes on, and what ends the log. Pitfalls of a change stream."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from bson import encode

from engines.mongo import log_session, log_stream
from engines.mongo.log_bucket import gaps, position_now
from engines.mongo.log_session import ACCEPTED_SOURCE
from engines.shipping import OtherBytes, Terms
from recovery.copies.log_times import parts
from recovery.copies.mongo_log import GAPS, RANGES, SEGMENTS, Line
from recovery.errors import Failed, LeaseRefused, Refused
from tests.support.change_streams import (
    LINE,
    SOURCE,
    Clock,
    FakeServer,
    at,
    covered_by,
    documents,
    drain,
    follow,
    pieces,
    read,
    session,
    writer,
)
from tests.support.fakes import FakeBucket, held_lease
from tests.support.simulated_log import DyingBucket, Killed

TOKEN = encode({})


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def store() -> FakeBucket:
    return FakeBucket("log")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_every_change_is_stored_once_and_the_log_has_no_hole(
    server: FakeServer, store: FakeBucket, clock: Clock
) -> None:
    made = follow(server, store, clock)
    for number in range(10):
        server.insert(number)
    drain(made, server)
    assert documents(read(store, at(1), at(11))) == [(number + 1, number) for number in range(10)]
    assert covered_by(store).end_from(at(1)) == at(11)
    assert gaps(store) == []


def test_nothing_waits_longer_than_the_plan_says_and_little_is_not_sent_at_once(
    server: FakeServer, store: FakeBucket, clock: Clock
) -> None:
    made = follow(server, store, clock, every=5.0)
    server.insert(1)
    made.step()
    clock.seconds += 3.9
    made.step()
    assert pieces(store) == []
    clock.seconds += 0.2
    made.step()
    assert documents(read(store, at(1), at(2))) == [(1, 1)]


def test_much_is_sent_at_once(server: FakeServer, store: FakeBucket, clock: Clock) -> None:
    made = follow(server, store, clock, every=5.0)
    for number in range(6):
        server.insert(number, noise="x" * 1024 * 1024)
    drain(made, server)
    assert len(pieces(store)) == 1
    assert len(read(store, at(1), at(99))) == 4


def test_a_cut_never_falls_between_events_of_one_cluster_time(
    server: FakeServer, store: FakeBucket, clock: Clock
) -> None:
    server.batch = 1
    made = follow(server, store, clock)
    server.insert(1)
    server.transaction(range(10, 15))
    server.insert(2)
    for _ in range(20):
        made.step()
    time = at(2)
    holding = [each for each in pieces(store) if each.start <= time < each.end]
    assert len(holding) == 1
    assert len(read(store, time, time + 1)) == 5


def test_resume_is_by_the_token_in_the_bucket_alone_wherever_the_shipper_was_killed(clock: Clock) -> None:
    after_all, deaths = 0, 0
    for when in (False, True):
        for number in range(1, 200):
            server, store = FakeServer(), DyingBucket()
            lived = _life(server, store, clock, number, after=when)
            if lived:
                after_all += 1
                break
            deaths += 1
    assert after_all == 2
    assert deaths > 20


def _life(server: FakeServer, store: DyingBucket, clock: Clock, number: int, *, after: bool) -> bool:
    """Whether the shipper came to its end before it was killed at the `number`-th operation of its second session."""
    follow(server, store, clock)
    for each in range(4):
        server.insert(each)
    server.transaction([10, 11])
    store.live()
    store.die_at, store.after = number, after
    survived = True
    try:
        made = follow(server, store, clock)
        clock.seconds += log_session.HEARTBEAT.total_seconds() + 1
        drain(made, server)
        clock.seconds += 3600
        server.insert(5)
        drain(made, server)
    except Killed:
        survived = False
        if server.ticks < 6:
            server.insert(5)
    store.live()
    made = follow(server, store, clock)
    clock.seconds += 3600
    drain(made, server)
    found = documents(read(store, at(1), at(7)))
    assert found == [(1, 0), (2, 1), (3, 2), (4, 3), (5, 10), (5, 11), (6, 5)], (number, after)
    assert covered_by(store).end_from(at(1)) is not None
    assert gaps(store) == []
    return survived


@pytest.mark.parametrize("code", [286, 280, 40585, 40615])
def test_what_the_server_no_longer_has_is_a_gap_and_the_same_token_is_never_tried_twice(
    server: FakeServer, store: FakeBucket, clock: Clock, code: int
) -> None:
    follow(server, store, clock)
    for number in range(5):
        server.insert(number)
    follow(server, store, clock)
    lost = server.insert(5)
    server.insert(6)
    server.forgotten = len(server.log)
    said: list[str] = []
    tried = len(server.tried)
    made = follow(server, store, clock, said=said)
    server.insert(7)
    drain(made, server)
    (gap,) = gaps(store)
    assert gap.start <= at(lost) and gap.end == at(8)
    assert len(server.tried) == tried + 1
    assert documents(read(store, gap.end, at(9))) == [(8, 7)]
    assert any(each.startswith("LOST") for each in said)
    assert code in log_stream.FOR_GOOD
    clean = follow(server, store, clock)
    drain(clean, server)
    assert len(gaps(store)) == 1


def test_a_token_is_stored_while_nothing_happens_and_not_every_few_seconds(
    server: FakeServer, store: FakeBucket, clock: Clock
) -> None:
    made = follow(server, store, clock, every=5.0)
    first = position_now(store)
    moved = 0
    for _ in range(60):
        server.idle()
        clock.seconds += 10
        before = position_now(store)
        made.step()
        moved += position_now(store) != before
    now = position_now(store)
    assert first and now
    assert now.reach == at(61) and now.end == first.end
    assert 8 <= moved <= 10
    assert list(store.objects) == [now.key]
    assert covered_by(store).end_from(at(1)) == at(61)
    server.insert(1)
    clock.seconds += 10
    drain(made, server)
    clock.seconds += 10
    drain(made, server)
    (piece,) = pieces(store)
    assert piece.start == first.end  # it goes on where the last one ended, over the time in which nothing changed


def test_an_event_above_16_mb_comes_in_fragments_and_is_put_together_again(
    server: FakeServer, store: FakeBucket, clock: Clock
) -> None:
    server.batch = 1
    made = follow(server, store, clock)
    server.insert(1)
    server.fragments(2, {"long": "text"})
    server.insert(3)
    for _ in range(12):
        made.step()
    found = read(store, at(1), at(4))
    assert documents(found) == [(1, 1), (2, 2), (3, 3)]
    assert found[1].content["fullDocument"]["long"] == "text"


@pytest.mark.parametrize(("without", "before"), [([1], []), ([2], [(1, 1)]), ([1, 2], [])])
def test_an_event_that_lacks_a_fragment_is_a_gap_not_a_retry(
    server: FakeServer, store: FakeBucket, clock: Clock, without: list[int], before: list[tuple[int, int]]
) -> None:
    """Without its first fragment nobody knows its cluster time: the gap may be that of the event before."""
    made = follow(server, store, clock)
    server.insert(1)
    server.fragments(2, {"long": "text"}, without=without)
    server.insert(3)
    drain(made, server)
    lost = gaps(store)
    assert documents(read(store, at(1), lost[0].start)) == before
    assert documents(read(store, lost[-1].end, at(4))) == [(3, 3)]


def test_an_expired_post_image_is_a_gap(server: FakeServer, store: FakeBucket, clock: Clock) -> None:
    made = follow(server, store, clock)
    server.insert(1)
    server.event("update", documentKey={"_id": 1}, fullDocument=None)
    server.insert(2)
    drain(made, server)
    (gap,) = gaps(store)
    assert (gap.start, gap.end) == (at(2), at(3))
    assert covered_by(store).end_from(at(1)) == at(2)
    assert covered_by(store).end_from(at(3)) == at(4)


def test_a_collection_without_post_images_is_refused_also_when_it_is_made_later(
    server: FakeServer, store: FakeBucket, clock: Clock
) -> None:
    server.refused = "things"
    with pytest.raises(Refused, match="things keeps no post-images"):
        session(server, store, clock).begin()
    assert store.objects == {}
    server.refused = ""
    made = session(server, store, clock, every=5.0)
    made.begin()
    server.insert(1)
    server.event("create", "later")
    server.refused = "later"
    with pytest.raises(Refused, match="later"):
        made.follow()
    assert documents([each for each in read(store, at(1), at(9)) if each.kind == "insert"]) == [(1, 1)]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("modify", {"operationDescription": {"validator": {}}}),
        ("reshardCollection", {}),
        ("refineCollectionShardKey", {}),
        ("importCollection", {}),
        ("nobody knows", {}),
        ("create", {"nsType": "timeseries", "operationDescription": {"timeseries": {"timeField": "t"}}}),
        ("rename", {"to": {"db": "elsewhere", "coll": "x"}}),
    ],
)
def test_what_is_not_replayed_ends_the_log_and_it_begins_anew_behind_it(
    server: FakeServer, store: FakeBucket, clock: Clock, kind: str, content: dict[str, Any]
) -> None:
    said: list[str] = []
    made = follow(server, store, clock, said=said)
    server.insert(1)
    time = server.event(kind, **content)
    server.insert(2)
    drain(made, server)
    (gap,) = gaps(store)
    assert (gap.start, gap.end) == (at(time), at(time) + 1)
    assert b'"why"' in store.objects[gap.key] and store.retained[gap.key]
    position = position_now(store)
    assert position and position.start == gap.end
    assert documents(read(store, at(1), gap.start)) == [(1, 1)]
    assert documents(read(store, gap.end, at(9))) == [(3, 2)]
    assert any(each.startswith("LOST") for each in said)


def test_post_images_that_are_switched_on_are_no_gap(server: FakeServer, store: FakeBucket, clock: Clock) -> None:
    made = follow(server, store, clock)
    server.event("modify", operationDescription={"changeStreamPreAndPostImages": {"enabled": True}})
    drain(made, server)
    assert gaps(store) == []


def test_a_dropped_database_is_followed_on(server: FakeServer, store: FakeBucket, clock: Clock) -> None:
    made = follow(server, store, clock)
    server.insert(1)
    time = server.event("dropDatabase")
    server.event("invalidate", time=time)
    server.insert(2)
    server.batch = 1
    for _ in range(9):
        made.step()
    assert [each.kind for each in read(store, at(1), at(9))] == ["insert", "dropDatabase", "invalidate", "insert"]
    assert gaps(store) == []


def test_a_new_epoch_goes_on_with_no_log_of_before(server: FakeServer, store: FakeBucket, clock: Clock) -> None:
    first = follow(server, store, clock)
    server.insert(1)
    drain(first, server)
    tried = len(server.tried)
    second = follow(server, store, clock, lease=held_lease(epoch=2))
    server.insert(2)
    drain(second, server)
    assert len(server.tried) == tried
    assert documents(read(store, at(2), at(9), Line(2, SOURCE))) == [(2, 2)]
    with pytest.raises(LeaseRefused, match="another shipper has taken over"):
        clock.seconds += 3600
        server.insert(3)
        drain(first, server)


def test_another_replica_set_under_the_same_lease_is_refused_until_it_is_named(
    server: FakeServer, store: FakeBucket, clock: Clock
) -> None:
    follow(server, store, clock)
    server.source = "rs0-another"
    with pytest.raises(Refused, match="rs0-another") as caught:
        session(server, store, clock).begin()
    assert f"{ACCEPTED_SOURCE}=rs0-another" in caught.value.next_step
    named = session(server, store, clock)
    named.terms = Terms(every=timedelta(), lock=timedelta(days=7), environment={ACCEPTED_SOURCE: "rs0-another"})
    named.begin()
    position = position_now(store)
    assert position and position.source == "rs0-another"


def test_ranges_become_a_locked_segment_and_only_then_are_hidden(
    server: FakeServer, store: FakeBucket, clock: Clock
) -> None:
    made = follow(server, store, clock)
    for number in range(30):
        server.insert(number)
    drain(made, server)
    ranges = [each for each in store.objects if each.startswith(RANGES)]
    assert len(ranges) > 20 and not any(key in store.retained for key in ranges)
    clock.seconds += 3601
    made.step()
    (segment,) = [each for each in store.objects if each.startswith(SEGMENTS)]
    assert store.retained[segment] == clock.wall() + timedelta(days=7)
    for _ in range(9):
        made.step()
    assert not any(each.startswith(RANGES) for each in store.objects)
    assert documents(read(store, at(1), at(31))) == [(number + 1, number) for number in range(30)]


def test_other_bytes_under_the_same_name_end_the_shipper(server: FakeServer, store: FakeBucket, clock: Clock) -> None:
    made = follow(server, store, clock)
    place = store.objects.copy()
    server.insert(1)
    drain(made, server)
    (piece,) = pieces(store)
    store.objects = place | {piece.key: b"another server's"}
    with pytest.raises(OtherBytes, match="another content"):
        log = writer(store, clock)
        log.position = position_now(store)
        log.put(piece.end, TOKEN, b"ours")


def test_ranges_that_have_gone_are_a_recorded_gap(server: FakeServer, store: FakeBucket, clock: Clock) -> None:
    made = follow(server, store, clock)
    for number in range(3):
        server.insert(number)
    drain(made, server)
    clock.seconds += 61
    server.idle()
    made.step()
    last = pieces(store)[-1]
    del store.objects[last.key]
    follow(server, store, clock)
    (gap,) = gaps(store)
    assert (gap.start, gap.end) == (last.start, last.end)
    assert parts(gap.start)[0] == parts(gap.end)[0]


def test_nothing_of_the_log_is_written_outside_its_own_prefixes(
    server: FakeServer, store: FakeBucket, clock: Clock
) -> None:
    made = follow(server, store, clock)
    server.insert(1)
    server.event("modify")
    drain(made, server)
    own = (RANGES, SEGMENTS, GAPS, "pointers/mongo/log/")
    assert all(key.startswith(own) for key in store.objects)
    assert all(each.line == LINE for each in pieces(store))


def test_a_shipper_killed_before_its_gap_is_recorded_loses_nothing_of_that_cluster_time(
    server: FakeServer, clock: Clock
) -> None:
    """The cut before it ends where its cluster time begins, and so has to go on from there."""
    store = DyingBucket()
    made = follow(server, store, clock)
    server.insert(1)
    time = server.transaction([10, 11])
    server.event("modify", time=time)
    store.die_at = len(store.operations) + 2  # the range is stored, the gap is not
    with pytest.raises(Killed):
        drain(made, server)
    store.live()
    assert gaps(store) == [] and pieces(store)
    follow(server, store, clock)
    (gap,) = gaps(store)
    assert gap.start == at(time)
    assert documents(read(store, at(1), gap.start)) == [(1, 1)]


def test_ranges_stay_when_their_segment_is_not_what_was_written(
    server: FakeServer, store: FakeBucket, clock: Clock
) -> None:
    made = follow(server, store, clock)
    server.insert(1)
    drain(made, server)
    put = store.put_once

    def wrong(key: str, body: bytes, *, retain_until: datetime | None) -> None:
        put(key, body[:-1], retain_until=retain_until)

    store.put_once = wrong  # pyright: ignore[reportAttributeAccessIssue]
    clock.seconds += 3601
    made.stop = lambda: True
    with pytest.raises(Failed):
        made.step()
    assert [each.part for each in pieces(store)].count("ranges") == 1
    position = position_now(store)
    assert position and position.whole == position.start
