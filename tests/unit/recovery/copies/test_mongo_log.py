"""Keys of MongoDB's log, what they cover, and where a time leads."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.copies.log_times import place, written
from recovery.copies.manifest import Manifest, Part, Source
from recovery.copies.mongo_log import Covered, Gap, Line, Piece, chain, parse_key
from recovery.copies.mongo_log_days import log_days
from recovery.copies.mongo_log_position import MongoLogPosition
from recovery.copies.mongo_log_way import Wanted, begins_late, choose, lost_since, open_gaps, reach_of, window
from recovery.copies.stretches import Run
from recovery.errors import Refused
from recovery.ports.buckets import StoredObject

LINE = Line(3, "rs0-1")
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
BASE = int(NOW.timestamp())


def at(seconds: int, count: int = 0) -> int:
    return place(BASE + seconds, count)


def dump(start: int, stop: int, *, line: Line = LINE, name: str = "a") -> Manifest:
    """Begun and ended so many seconds after NOW."""
    started = NOW + timedelta(seconds=start)
    return Manifest(
        dataset="mongo",
        kind="full",
        id=f"{started:%Y%m%dT%H%M%SZ}-{name}",
        started=started,
        finished=NOW + timedelta(seconds=stop),
        source=Source(site="prod", epoch=line.epoch, system_identifier=line.source, server_version="8.0"),
        start_position=written(place(BASE + start)),
        stop_position=written(place(BASE + stop)),
        parts=(Part(key="k", bytes=1, sha256="0" * 64, raw_bytes=1),),
        tools={},
        plan_digest="",
        retain_until=NOW,
    )


def covered(*bounds: tuple[int, int], gaps: tuple[tuple[int, int], ...] = (), still: Run | None = None) -> Covered:
    pieces = [Piece(LINE, at(start), at(end)) for start, end in bounds]
    lost = [Gap(LINE, at(start), at(end)) for start, end in gaps]
    return Covered(line=LINE, pieces=pieces, gaps=lost, still=still)


@pytest.mark.parametrize(
    "thing",
    [Piece(LINE, at(1), at(2)), Piece(LINE, at(1), at(2), "segments"), Gap(LINE, at(1), at(2))],
)
def test_keys_say_what_they_are_and_sort_as_time_does(thing: Piece | Gap) -> None:
    assert parse_key(thing.key) == thing
    keys = [Piece(LINE, at(each, 5 - each), at(each + 1)).key for each in range(5)]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    "key",
    [
        "mongo/log/ranges/00000003/rs0/0000000000000002-0000000000000001.zst",
        "mongo/log/ranges/00000003/rs0/0000000000000001-0000000000000002.json",
        "mongo/log/gaps/00000003/rs0/0000000000000001-0000000000000002.zst",
        "mongo/full/00000003/rs0/x/manifest.json",
        "postgres/log/ranges/00000003/1/00000001/0000000000000001-0000000000000002.zst",
    ],
)
def test_other_keys_are_nothing_of_the_log(key: str) -> None:
    assert parse_key(key) is None


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20), st.booleans()), max_size=20), st.integers(0, 60))
def test_every_place_is_read_once_and_nothing_behind_a_hole(cuts: list[tuple[int, int, bool]], start: int) -> None:
    pieces = [Piece(LINE, a, a + length, "segments" if whole else "ranges") for a, length, whole in cuts]
    found = chain(pieces, start, 100)
    position = start
    for each in found:
        assert each.start == position and each.start >= each.piece.start and each.end <= each.piece.end
        position = each.end
    assert not any(each.start <= position < each.end for each in pieces)


def test_a_segment_is_read_before_its_ranges() -> None:
    ranges = [Piece(LINE, 0, 5), Piece(LINE, 5, 10)]
    found = chain([*ranges, Piece(LINE, 0, 10, "segments")], 0, 10)
    assert [each.piece.part for each in found] == ["segments"]


def test_a_dump_serves_once_the_log_has_passed_its_end_also_when_nothing_changed() -> None:
    backup = dump(10, 20)
    assert "before it did" in reach_of(backup, covered((0, 15))).problem
    idle = covered((0, 15), still=Run(at(15), at(30)))
    assert reach_of(backup, idle).problem == ""
    assert reach_of(backup, idle).end == at(30)
    assert "does not hold" in reach_of(backup, covered((11, 30))).problem
    assert "does not hold" in reach_of(backup, covered((0, 9), (12, 40))).problem
    assert "no log of its server" in reach_of(backup, None).problem


def test_nothing_is_claimed_behind_a_range_that_has_gone() -> None:
    assert covered((0, 10), still=Run(at(15), at(30))).end_from(at(5)) == at(10)


def test_a_gap_ends_what_a_dump_leads_to_and_a_later_dump_goes_on() -> None:
    log = covered((0, 100), gaps=((50, 60),))
    known = [reach_of(each, log) for each in (dump(10, 20), dump(55, 58, name="b"), dump(65, 70, name="c"))]
    assert [each.end for each in known] == [at(50), 0, at(100)]
    assert "2026-11-30 12:00:20" in window(known) and window(known).count("from") == 2
    with pytest.raises(Refused, match="hole or a gap") as caught:
        choose(Wanted.parse("2026-11-30T12:00:55Z"), known, [log])
    assert "what can be restored" in caught.value.next_step


def test_a_time_becomes_a_cluster_time_first() -> None:
    assert Wanted.parse("2026-11-30T12:00:07.9Z").position == at(7)
    assert Wanted.parse("2026-11-30T17:00:07+05:00").position == at(7)
    assert Wanted.parse(f"{BASE + 7}.3").position == at(7, 4)
    with pytest.raises(Refused, match="no time zone"):
        Wanted.parse("2026-11-30T12:00:07")
    with pytest.raises(Refused, match="PostgreSQL's log"):
        Wanted.parse("0/3000148")


def test_the_newest_dump_before_the_moment_is_taken() -> None:
    log = covered((0, 100))
    known = [reach_of(each, log) for each in (dump(10, 20), dump(30, 40, name="b"))]
    assert choose(Wanted.parse("2026-11-30T12:00:35Z"), known, [log]).backup.id.endswith("-a")
    found = choose(Wanted.parse("latest"), known, [log])
    assert found.backup.id.endswith("-b") and found.position == at(100)
    assert [(each.start, each.end) for each in found.held] == [(at(30, 1), at(100))]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-11-30T12:00:05Z", "before the end of the oldest dump"),
        ("2026-11-30T12:02:00Z", "after the end of the log"),
    ],
)
def test_outside_the_window_is_refused_with_the_window(text: str, words: str) -> None:
    log = covered((0, 100))
    with pytest.raises(Refused, match=words) as caught:
        choose(Wanted.parse(text), [reach_of(dump(10, 20), log)], [log])
    assert "from " in caught.value.next_step and " to " in caught.value.next_step


def test_what_a_fenced_site_wrote_is_nobodys_data() -> None:
    old, new = covered((0, 100)), Covered(line=Line(4, "rs1"), pieces=[Piece(Line(4, "rs1"), at(0), at(100))])
    known = [reach_of(dump(30, 40), old), reach_of(dump(10, 20, line=Line(4, "rs1"), name="b"), new)]
    assert choose(Wanted.parse("latest"), known, [old, new]).backup.source.epoch == 4


def test_a_dump_alone_is_of_the_moment_at_its_end() -> None:
    log = covered((0, 100))
    backup = dump(10, 20)
    assert choose(Wanted.parse(backup.id), [reach_of(backup, log)], [log]).position == at(20, 1)
    with pytest.raises(Refused, match="of no single moment"):
        choose(Wanted.parse(backup.id), [reach_of(backup, None)], [])


def position(start: int, end: int, *, line: Line = LINE, whole: int | None = None) -> MongoLogPosition:
    return MongoLogPosition(
        epoch=line.epoch,
        source=line.source,
        start=at(start),
        whole=at(end if whole is None else whole),
        end=at(end),
        reach=at(end),
        token="",
        at=NOW,
    )


def test_a_lost_log_makes_a_full_due() -> None:
    gap = Gap(LINE, at(50), at(60))
    assert open_gaps([gap], None) == (gap,)
    assert "cannot be replayed" in lost_since(dump(10, 20), position(60, 70), [gap])
    assert lost_since(dump(65, 66), position(60, 70), [gap]) == ""
    assert begins_late(position(60, 70), dump(10, 20))
    assert "begins at" in lost_since(dump(10, 20), position(60, 70), [])
    assert lost_since(dump(10, 20), position(0, 70), []) == ""
    assert "of server rs9" in lost_since(dump(10, 20), position(0, 70, line=Line(3, "rs9")), [])


def item(thing: Piece | Gap, day: int) -> StoredObject:
    return StoredObject(key=thing.key, bytes=1, etag="", modified=NOW + timedelta(days=day))


def test_a_day_of_the_log_goes_as_one_and_a_hole_shows() -> None:
    whole = [
        Piece(LINE, at(0), at(10), "segments"),
        Piece(LINE, at(10), at(20), "segments"),
        Piece(LINE, at(20), at(30)),
    ]
    found = log_days([item(each, day) for day, each in enumerate(whole)], [position(0, 30, whole=20)])
    assert [(each.id, each.parent, each.position) for each in found.copies] == [
        ("2026-11-30 of epoch 3", None, at(10)),
        ("2026-12-01 of epoch 3", "2026-11-30 of epoch 3", at(20)),
        ("2026-12-02 of epoch 3", "2026-12-01 of epoch 3", at(30)),
    ]
    assert found.latest and found.latest.folder == found.copies[1].folder
    holed = log_days([item(whole[0], 0), item(whole[2], 1)], [])
    assert holed.copies[1].parent == f"{written(at(10))} to {written(at(20))}"
    explained = log_days([item(whole[0], 0), item(whole[2], 1), item(Gap(LINE, at(10), at(20)), 1)], [])
    assert explained.copies[1].parent == explained.copies[0].id


def test_an_idle_log_whose_days_are_over_misses_nothing() -> None:
    found = log_days([], [position(0, 20)])
    assert found.latest and found.latest.finished == NOW + timedelta(seconds=20)
    assert log_days([], [position(0, 0)]).latest is None
