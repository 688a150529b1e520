"""Where the log is cut into ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.postgres.wal_cutting import Cut, Cutter
from recovery.errors import Failed

SEGMENT = 1000


def cutter(start: int = 0, *, most: int = 400, marks: tuple[int, ...] = ()) -> Cutter:
    return Cutter(start, segment_bytes=SEGMENT, most_bytes=most, most_seconds=1.0, marks=marks)


def bounds(cuts: list[Cut]) -> list[tuple[int, int]]:
    return [(cut.start, cut.end) for cut in cuts]


def test_nothing_is_cut_when_nothing_comes() -> None:
    idle = cutter()
    assert idle.due_at is None
    assert idle.due(1e9) == []
    assert idle.rest() == []


def test_a_range_is_cut_when_its_first_byte_is_old_enough() -> None:
    some = cutter()
    some.add(0, memoryview(b"ab"), 10.0)
    some.add(2, memoryview(b"c"), 10.9)
    assert some.due(10.99) == []
    assert some.due(11.0) == [Cut(0, 3, b"abc")]
    assert some.due_at is None


def test_a_range_is_cut_by_size_and_at_the_end_of_a_segment() -> None:
    some = cutter(300)
    assert bounds(some.add(300, memoryview(bytes(1000)), 0.0)) == [(300, 700), (700, 1000)]
    assert bounds(some.rest()) == [(1000, 1300)]


def test_log_that_does_not_follow_is_never_taken() -> None:
    some = cutter(10)
    with pytest.raises(Failed, match="0/A was next"):
        some.add(11, memoryview(b"a"), 0.0)


def test_what_is_stored_already_is_cut_as_it_was_before() -> None:
    again = cutter(100, marks=(150, 250))
    assert bounds(again.add(100, memoryview(bytes(60)), 0.0)) == [(100, 150)]
    assert again.due(99.0) == [], "the rest of a range that is stored is waited for"
    assert bounds(again.add(160, memoryview(bytes(100)), 99.0)) == [(150, 250)]
    assert bounds(again.due(200.0)) == [(250, 260)]


@given(
    st.integers(0, 2500),
    st.lists(st.tuples(st.integers(1, 900), st.booleans()), max_size=30),
    st.sets(st.integers(0, 5000), max_size=4),
)
def test_no_byte_is_lost_doubled_or_across_a_segment_s_end(
    start: int, chunks: list[tuple[int, bool]], marks: set[int]
) -> None:
    some = cutter(start, marks=tuple(marks))
    cuts: list[Cut] = []
    position, sent = start, b""
    for number, (size, wait) in enumerate(chunks):
        body = bytes([number % 251]) * size
        cuts += some.add(position, memoryview(body), 0.0)
        position, sent = position + size, sent + body
        if wait:
            cuts += some.due(10.0)
    cuts += some.rest()
    assert b"".join(cut.body for cut in cuts) == sent
    ends = [start, *(cut.end for cut in cuts)]
    assert [cut.start for cut in cuts] == ends[:-1]
    for cut in cuts:
        assert 0 < len(cut.body) == cut.end - cut.start <= 400
        assert cut.start // SEGMENT == (cut.end - 1) // SEGMENT
        assert not [mark for mark in marks if cut.start < mark < cut.end]
