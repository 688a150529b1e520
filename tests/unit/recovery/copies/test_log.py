"""The log's keys, their order, and what is missing between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.copies.log import (
    SEGMENT_BYTES,
    Gap,
    History,
    Line,
    Range,
    Segment,
    Switch,
    all_of,
    chain,
    parse_history,
    parse_key,
    parse_wal_name,
    segment_start,
    wal_name,
)
from recovery.copies.stretches import Run, holes, runs

LINE = Line(epoch=1, system="7441234567890123456", timeline=1)
LATER = Line(epoch=2, system=LINE.system, timeline=1)
MIB = 1024 * 1024
POSITIONS = st.integers(min_value=0, max_value=2**63)


def pieces(*bounds: tuple[int, int], line: Line = LINE) -> list[Range]:
    return [Range(line, start, end) for start, end in bounds]


def test_keys_are_those_of_the_layout() -> None:
    wal = 0x1_02000000
    assert Range(LINE, wal + 5, wal + 9).key == (
        "postgres/log/ranges/00000001/7441234567890123456/00000001/0000000102000005-0000000102000009.zst"
    )
    assert Segment(LINE, wal, wal + SEGMENT_BYTES).key == (
        "postgres/log/segments/00000001/7441234567890123456/00000001/000000010000000100000002.zst"
    )
    assert History(Line(2, "7", 0x1A)).key == "postgres/log/segments/00000002/7/0000001A/0000001A.history"
    assert Gap(LINE, 0, 1).key == (
        "postgres/log/gaps/00000001/7441234567890123456/00000001/0000000000000000-0000000000000001.json"
    )


@given(
    POSITIONS, st.integers(min_value=1, max_value=SEGMENT_BYTES), st.integers(1, 2**32 - 1), st.integers(1, 10**8 - 1)
)
def test_what_is_written_as_a_key_is_read_back(start: int, length: int, timeline: int, epoch: int) -> None:
    line = Line(epoch, "7441234567890123456", timeline)
    first = segment_start(start)
    for each in (
        Range(line, start, start + length),
        Gap(line, start, start + length),
        Segment(line, first, first + SEGMENT_BYTES),
        History(line),
    ):
        assert parse_key(each.key) == each


@given(st.lists(st.tuples(st.integers(1, 99_999_999), st.integers(1, 2**32 - 1), POSITIONS), min_size=2))
def test_keys_sort_as_epoch_timeline_and_position_do(wanted: list[tuple[int, int, int]]) -> None:
    ranges = [Range(Line(epoch, "7", timeline), start, start + 1) for epoch, timeline, start in wanted]
    assert sorted(ranges, key=lambda each: each.key) == sorted(ranges, key=lambda each: (each.line, each.start))


@pytest.mark.parametrize(
    "key",
    [
        "postgres/full/00000001/7/20260101T000000Z-ab/manifest.json",
        "postgres/log/ranges/00000001/7/00000001/0000000000000002-0000000000000001.zst",
        "postgres/log/ranges/00000001/7/00000001/0000000000000001-0000000000000002.json",
        "postgres/log/ranges/00000001/7/00000001/0000000000000001-0000000000000002.zst/x",
        "postgres/log/segments/00000001/7/00000001/000000020000000000000001.zst",
        "postgres/log/segments/00000001/7/00000001/0000000100000000FFFFFFFF.zst",
        "postgres/log/segments/00000001/7/00000001/000000010000000000000001",
        "postgres/log/segments/00000001/7/00000001/00000002.history",
        "postgres/log/segments/1/7/00000001/00000001.history",
    ],
)
def test_a_stranger_among_the_keys_is_none_of_the_log(key: str) -> None:
    assert parse_key(key) is None


@pytest.mark.parametrize("size", [MIB, SEGMENT_BYTES, 1024 * MIB])
@given(position=POSITIONS)
def test_a_wal_file_s_name_tells_where_it_starts(size: int, position: int) -> None:
    assert parse_wal_name(wal_name(3, position, size), size) == (3, segment_start(position, size))


def test_ranges_that_touch_or_overlap_are_one_run() -> None:
    assert runs(pieces((4, 6), (0, 2), (2, 4), (5, 9), (12, 13))) == [Run(0, 9), Run(12, 13)]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 10))), st.integers(0, 30), st.integers(31, 70))
def test_what_is_covered_and_what_is_missing_are_the_whole(bounds: list[tuple[int, int]], start: int, end: int) -> None:
    some = pieces(*((first, first + length) for first, length in bounds))
    covered = {each for piece in some for each in range(piece.start, piece.end)}
    missing = {each for hole in holes(some, start, end) for each in range(hole.start, hole.end)}
    assert missing == set(range(start, end)) - covered


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 10))), st.integers(0, 30), st.integers(31, 70))
def test_a_chain_goes_on_without_a_hole_and_takes_every_byte_once(
    bounds: list[tuple[int, int]], start: int, end: int
) -> None:
    some = pieces(*((first, first + length) for first, length in bounds))
    position = start
    for held in chain(all_of(some), start, end):
        assert held.start == position
        assert held.piece.start <= held.start < held.end <= held.piece.end
        position = held.end
    missing = holes(some, start, end)
    assert position == (missing[0].start if missing else end)


def test_a_segment_comes_before_ranges_and_a_higher_epoch_before_a_lower_one() -> None:
    whole = Segment(LINE, 0, SEGMENT_BYTES)
    newer = Range(LATER, 0, 10)
    assert [each.piece for each in chain(all_of([newer, whole]), 0, SEGMENT_BYTES)] == [whole]
    assert [each.piece for each in chain(all_of([*pieces((0, 10)), newer]), 0, 10)] == [newer]


def test_a_history_names_where_each_ancestor_ended() -> None:
    text = "1\t0/3000158\tno recovery target specified\n\n# a comment\n2\t0/40000A0\tbefore 2026\n"
    assert parse_history(text) == (Switch(1, 0x3000158), Switch(2, 0x40000A0))


@pytest.mark.parametrize("text", ["one 0/1", "1", "2 0/5 x\n1 0/6 x", "1 0/5 x\n2 0/4 x"])
def test_what_is_no_history_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"history|invalid literal"):
        parse_history(text)
