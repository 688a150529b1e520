"""The shipper's order of things, on a simulated server and bucket: what is where whenever it is ended."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from engines.log_store import packed, unpacked
from engines.postgres import wal_session
from engines.postgres.wal_bucket import position_now
from engines.shipping import OtherBytes
from recovery.copies.log import GAPS, RANGES, Line, Range, Segment, Switch, parse_key
from recovery.copies.log_position import LogPosition
from recovery.copies.stretches import Run, runs
from recovery.errors import LeaseRefused, Refused
from recovery.lease.lease import Heartbeat
from tests.support.fakes import FakeBucket, held_lease
from tests.support.simulated_log import NOW, SEGMENT, SYSTEM, DyingBucket, Killed, SimulatedServer, session
from tests.support.soak import sample

LOG = b"".join(number.to_bytes(4, "big") for number in range(3 * SEGMENT // 8))  # a segment and a half
WHOLE = len(LOG) - len(LOG) % SEGMENT
LINE = Line(1, SYSTEM, 1)

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.fixture(autouse=True)
def several_ranges_a_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal_session, "MOST_BYTES", 400_000)


@pytest.fixture
def server() -> Iterator[SimulatedServer]:
    made = SimulatedServer(LOG)
    yield made
    made.shut_down()


def pieces(store: FakeBucket) -> list[Range | Segment]:
    found = [parse_key(key, SEGMENT) for key in list(store.objects)]
    return [each for each in found if isinstance(each, Range | Segment)]


def content(store: FakeBucket, timeline: int = 1) -> bytes:
    mine = sorted((each for each in pieces(store) if each.line.timeline == timeline), key=lambda each: each.start)
    return b"".join(unpacked(store.objects[each.key], each.key) for each in mine)


def shipped(store: DyingBucket) -> bool:
    """All of it is there, whole segments as segments, no range beside the segment that holds it."""
    found = pieces(store)
    return runs(found) == [Run(0, len(LOG))] and sum(each.end - each.start for each in found) == len(LOG)


def ship(server: SimulatedServer, store: DyingBucket) -> None:
    """Until all is shipped, or the process is killed."""

    def done() -> bool:
        position = next((store.objects[key] for key in sorted(list(store.objects)) if key.startswith("pointers/")), b"")
        return store.dead or (f'"end": {WHOLE}'.encode() in position and shipped(store))

    try:
        session(server, store).run(done)
    except Killed:
        assert store.dead


def require_all(server: SimulatedServer, store: DyingBucket) -> None:
    assert shipped(store)
    assert content(store) == LOG
    whole = [each for each in pieces(store) if isinstance(each, Segment)]
    assert [(each.start, each.end) for each in whole] == [(0, SEGMENT)]
    assert set(store.retained) >= {each.key for each in whole}
    assert not [key for key in store.objects if key.startswith(GAPS)]
    assert max(server.confirmed) <= len(LOG)


def test_the_log_becomes_whole_locked_segments_and_the_rest_lies_in_unlocked_ranges(server: SimulatedServer) -> None:
    store = DyingBucket()
    ship(server, store)
    require_all(server, store)
    assert not [key for key in store.retained if key.startswith(RANGES)]
    assert position_now(store) and position_now(store).end == WHOLE  # type: ignore[union-attr]


def _operations() -> int:
    """How many a run that is not disturbed takes."""
    store, server = DyingBucket(), SimulatedServer(LOG)
    ship(server, store)
    server.shut_down()
    return len(store.operations)


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_killed_at_any_operation_of_the_bucket_nothing_is_lost_or_doubled_and_the_next_run_completes(
    after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal_session, "MOST_BYTES", 400_000)
    for number in sample([*range(1, _operations() + 1)], one_in=2, turn=after):
        server, store = SimulatedServer(LOG), DyingBucket()
        store.die_at, store.after = number, after
        ship(server, store)
        stored = runs(pieces(store))
        durable = stored[0].end if stored and stored[0].start == 0 else 0
        assert max(server.confirmed, default=0) <= durable, f"operation {number}: confirmed beyond what is stored"
        store.live()
        ship(server, store)
        require_all(server, store)
        server.shut_down()


def test_10_the_same_place_with_other_bytes_stops_the_shipper_and_equal_bytes_are_accepted(
    server: SimulatedServer,
) -> None:
    begun = LogPosition(epoch=1, system=SYSTEM, timeline=1, segment_bytes=SEGMENT, start=0, end=0, at=NOW)
    same = Range(LINE, 400_000, 800_000)
    store = DyingBucket()
    store.objects[begun.key] = begun.to_json()
    store.objects[same.key] = packed(LOG[400_000:800_000], 3)  # by another version of the compressor, say
    ship(server, store)
    require_all(server, store)

    other, again = DyingBucket(), SimulatedServer(LOG)
    other.objects[begun.key] = begun.to_json()
    other.objects[same.key] = packed(bytes(400_000), 3)
    with pytest.raises(OtherBytes, match="two servers have written the same place"):
        ship(again, other)
    assert max(again.confirmed) <= 400_000
    again.shut_down()


def promoted(switch: int) -> SimulatedServer:
    """The standby after a promotion: its timeline 2 began at `switch`, and it has all of timeline 1 up to there."""
    made = SimulatedServer(LOG, timeline=2, history=(Switch(1, switch),))
    made.old_logs[1] = LOG[:switch]
    return made


def until_shipped(server: SimulatedServer, store: FakeBucket, epoch: int, timeline: int, end: int) -> None:
    def done() -> bool:
        found = runs(each for each in pieces(store) if each.line.timeline == timeline)
        return bool(found) and found[-1].end >= end

    while not done():
        session(server, store, lease=held_lease("dr", epoch)).run(done)


def test_9_the_history_is_stored_before_the_first_range_of_its_timeline() -> None:
    store, standby = DyingBucket(), promoted(SEGMENT + 5000)
    until_shipped(standby, store, 2, 2, len(LOG))
    writes = [each.split()[1] for each in store.operations if each.startswith(("put", "replace"))]
    history = writes.index(Line(2, SYSTEM, 2).history_key)
    assert [key for key in writes[:history] if "/00000002/0000" in key and key.startswith(RANGES)] == []
    assert store.retained[Line(2, SYSTEM, 2).history_key] > NOW
    standby.shut_down()


def test_9_no_range_is_stored_while_the_history_cannot_be() -> None:
    class NoHistory(DyingBucket):
        def put_once(self, key: str, body: bytes, *, retain_until: object) -> None:
            raise Refused("no")

    store, standby = NoHistory(), promoted(SEGMENT + 5000)
    with pytest.raises(Refused):
        until_shipped(standby, store, 2, 2, len(LOG))
    assert pieces(store) == []
    standby.shut_down()


def test_9_history_of_a_timeline_above_the_lease_s_is_refused(server: SimulatedServer) -> None:
    store = DyingBucket()
    server.timeline = 2
    seen = Heartbeat(at=NOW, lsn=0, commits_per_second=0, timeline=1)
    with pytest.raises(Refused, match="promoted without the lease"):
        session(server, store, lease=replace(held_lease(), heartbeat=seen)).run(lambda: True)
    assert store.objects == {}


def test_the_promoted_standby_stores_what_the_old_primary_did_not_before_its_own_timeline() -> None:
    store, old = DyingBucket(), SimulatedServer(LOG[: SEGMENT + 3000])
    session(old, store).run(lambda: runs(pieces(store)) == [Run(0, SEGMENT + 3000)])
    standby = promoted(SEGMENT + 5000)
    until_shipped(standby, store, 2, 2, len(LOG))
    first = [each for each in pieces(store) if each.line.timeline == 1]
    assert runs(first) == [Run(0, SEGMENT + 5000)], "no hole before the switch"
    second = [each for each in pieces(store) if each.line.timeline == 2]
    assert runs(second) == [Run(SEGMENT, len(LOG))]
    tail = [each.key for each in first if isinstance(each, Range)]
    assert tail
    assert set(tail) <= set(store.retained), "what no segment will ever hold is locked where it lies"
    for each in (old, standby):
        each.shut_down()


def test_68_a_shipper_of_a_lower_epoch_is_refused_and_moves_nothing_back(server: SimulatedServer) -> None:
    store, standby = DyingBucket(), promoted(SEGMENT + 5000)
    until_shipped(standby, store, 2, 2, len(LOG))
    before = dict(store.objects)
    with pytest.raises(LeaseRefused, match="another shipper has taken over"):
        session(server, store).run(lambda: False)
    assert store.objects == before
    standby.shut_down()


def test_11_a_lost_slot_is_a_recorded_gap_a_new_slot_and_a_word_to_people(server: SimulatedServer) -> None:
    store, said = DyingBucket(), list[str]()
    session(server, store).run(lambda: runs(pieces(store)) == [Run(0, len(LOG))])
    server.log += LOG
    server.restart, server.kept_from = None, 2 * SEGMENT  # as max_slot_wal_keep_size does it
    assert session(server, store, said=said).run(lambda: False) == "end"
    gap = f"{LINE.folder(GAPS)}{len(LOG):016X}-{2 * SEGMENT:016X}.json"
    assert gap in store.objects
    assert gap in store.retained
    assert any("LOST" in each for each in said)
    session(server, store).run(lambda: runs(pieces(store))[-1].end == len(server.log))
    assert runs(pieces(store))[-1] == Run(2 * SEGMENT, len(server.log))


def test_47_a_server_without_a_cap_for_slots_is_refused(server: SimulatedServer) -> None:
    server.cap = None
    with pytest.raises(Refused, match="max_slot_wal_keep_size"):
        session(server, DyingBucket()).run(lambda: True)
    assert not server.has_slot
