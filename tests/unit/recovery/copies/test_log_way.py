"""Which bytes of the log lead on from a backup: over timelines, with overlaps, up to a hole or the end."""

import pytest

from recovery.copies.log import SEGMENT_BYTES as SIZE
from recovery.copies.log import Line, Piece, Range, Segment, wal_name
from recovery.copies.log_way import Log, Way, way
from recovery.copies.stretches import Run
from recovery.errors import Corrupt, Refused
from recovery.lease.lease import format_lsn
from tests.support.manifests import manifest

ONE, TWO = Line(1, "77", 1), Line(2, "77", 2)


def segment(number: int, line: Line = ONE) -> Segment:
    return Segment(line, number * SIZE, (number + 1) * SIZE)


def piece(start: int, end: int, number: int = 0, line: Line = ONE) -> Range:
    return Range(line, number * SIZE + start, number * SIZE + end)


def after(pieces: list[Piece], histories: dict[Line, str] | None = None) -> Way:
    """Behind a backup in the first segment."""
    return way(manifest(), Log.of(pieces, histories or {}))


def keys(found: Way, name: str) -> list[str]:
    return [each.piece.key for each in found.parts(name)[0]]


def test_the_log_goes_on_until_its_last_byte() -> None:
    found = after([segment(0), segment(1), piece(0, 100, 2), piece(100, 700, 2)])
    assert (found.end, found.hole) == (2 * SIZE + 700, None)
    assert found.names(0) == [wal_name(1, number * SIZE) for number in range(3)]


def test_a_segment_comes_before_its_ranges() -> None:
    found = after([piece(0, 100), piece(100, SIZE), segment(0)])
    assert keys(found, wal_name(1, 0)) == [segment(0).key]


def test_ranges_that_overlap_are_read_without_a_seam() -> None:
    parts, reached, wanted = after([piece(0, 100), piece(50, 200), piece(150, 300)]).parts(wal_name(1, 0))
    assert [(each.start, each.end) for each in parts] == [(0, 100), (100, 200), (200, 300)]
    assert reached == wanted == 300


def test_a_missing_range_with_a_later_one_present_is_a_hole_and_not_the_end() -> None:  # pitfall 7
    found = after([segment(0), segment(2)])
    assert (found.end, found.hole) == (SIZE, Run(SIZE, 2 * SIZE))


def test_what_is_missing_before_the_backup_does_not_matter() -> None:
    found = after([piece(0x120, 700)])
    assert (found.end, found.hole) == (700, None)


def test_log_that_begins_after_the_backup_is_a_hole() -> None:
    found = after([piece(0x200, 700)])
    assert (found.end, found.hole) == (0x120, Run(0x120, 0x200))


SWITCH = SIZE + 500
HISTORY = {TWO: f"1\t{format_lsn(SWITCH)}\tno recovery target specified\n"}


def test_an_old_timeline_is_followed_up_to_where_the_next_one_left_it_and_no_further() -> None:  # pitfall 8
    found = after([segment(0), segment(1), segment(2), piece(500, 900, 1, TWO)], HISTORY)
    assert (found.timeline, found.end, found.hole) == (2, SIZE + 900, None)
    assert found.names(0) == [wal_name(1, 0), wal_name(2, SIZE)]
    # The new timeline's first file begins with what its parent wrote.
    parts, reached, _ = found.parts(wal_name(2, SIZE))
    assert [(each.piece.key, each.start, each.end) for each in parts] == [
        (segment(1).key, SIZE, SWITCH),
        (piece(500, 900, 1, TWO).key, SWITCH, SIZE + 900),
    ]
    assert reached == SIZE + 900
    # Its parent's file of the same segment ends at the switch.
    assert found.parts(wal_name(1, SIZE))[1] == SWITCH
    assert found.parts(wal_name(1, 2 * SIZE))[0] == []


def test_the_new_timelines_own_copy_of_its_first_segment_will_do() -> None:
    found = after([segment(0), piece(0, 900, 1, TWO)], HISTORY)
    assert (found.end, found.hole) == (SIZE + 900, None)
    assert keys(found, wal_name(2, SIZE)) == [piece(0, 900, 1, TWO).key]


def test_what_a_fenced_site_wrote_after_the_switch_belongs_to_nobody() -> None:
    found = after([segment(0), segment(1), segment(2), segment(3)], HISTORY)
    assert (found.timeline, found.end, found.hole) == (2, SWITCH, None)


def test_a_timeline_without_its_history_cannot_be_followed() -> None:  # fault 53
    with pytest.raises(Corrupt, match=r"timeline 2 and not its history, 00000002\.history"):
        after([segment(0), segment(1), segment(1, TWO)])


def test_a_damaged_history_is_told_as_such() -> None:
    with pytest.raises(Corrupt, match=r"00000002\.history in the log: line 1"):
        after([segment(0), segment(1, TWO)], {TWO: "nonsense\n"})


def test_a_backup_made_on_a_fenced_timeline_after_the_switch_leads_nowhere() -> None:
    late = manifest(start_position=format_lsn(SWITCH + 8), stop_position=format_lsn(SWITCH + 80))
    with pytest.raises(Refused, match="timeline 2 does not descend"):
        way(late, Log.of([segment(1), segment(2), segment(1, TWO)], HISTORY))


def test_a_higher_epoch_is_believed_first() -> None:
    again = Line(2, "77", 1)
    found = after([segment(0), segment(0, again)])
    assert keys(found, wal_name(1, 0)) == [segment(0, again).key]


def test_a_way_cut_short_forgets_what_is_behind() -> None:
    found = after([segment(0), segment(2)]).until(700)
    assert (found.end, found.hole) == (700, None)
    assert found.parts(wal_name(1, 0))[1] == 700
