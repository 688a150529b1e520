"""How far the log is, and where a shipper goes on."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from recovery.copies.log import Line, Range, Segment, Switch
from recovery.copies.log_position import LogPosition, Start, go_on
from recovery.copies.stretches import reached
from recovery.errors import Corrupt

SEGMENT = 1000
LINE = Line(1, "7", 1)
HERE = LogPosition(
    epoch=2, system="7", timeline=1, segment_bytes=SEGMENT, start=0, end=3000, at=datetime(2026, 1, 1, tzinfo=UTC)
)


def start(timeline: int, ends: dict[int, int], *ancestors: Switch) -> Start:
    return go_on(timeline, ancestors, ends, fresh=9000, segment_bytes=SEGMENT)


def test_the_first_shipper_begins_where_the_server_keeps_its_log() -> None:
    assert start(1, {}) == Start(1, 9000)


def test_a_shipper_goes_on_where_the_bucket_ends_and_not_where_the_slot_is() -> None:
    assert start(1, {1: 4321}) == Start(1, 4321)


def test_what_the_old_primary_did_not_ship_is_taken_from_the_promoted_standby_first() -> None:
    assert start(2, {1: 4321}, Switch(1, 5600)) == Start(1, 4321)


@pytest.mark.parametrize("end", [5600, 5700], ids=["all of it", "more than the standby had"])
def test_a_new_timeline_begins_with_the_segment_of_its_switch(end: int) -> None:
    assert start(2, {1: end}, Switch(1, 5600)) == Start(2, 5000)


def test_an_ancestor_between_is_read_as_well() -> None:
    assert start(3, {1: 5600}, Switch(1, 5600), Switch(2, 7100)) == Start(2, 5000)


def test_log_of_a_timeline_that_is_none_of_the_server_s_past_is_not_gone_on_with() -> None:
    assert start(3, {2: 100}, Switch(1, 5600)) == Start(3, 9000)


def test_the_log_reaches_as_far_as_ranges_go_on_without_a_hole() -> None:
    ranges = [Range(LINE, 2900, 3100), Range(LINE, 3100, 3200), Range(LINE, 3300, 3400)]
    assert reached(3000, ranges) == 3200
    assert reached(3000, ranges[1:]) == 3000
    assert reached(3000, []) == 3000
    assert reached(2000, [Segment(LINE, 2000, 3000), *ranges]) == 3200


def test_a_position_goes_neither_backwards_nor_to_a_lower_epoch() -> None:
    further = replace(HERE, end=4000)
    assert further.may_follow(HERE)
    assert not HERE.may_follow(further)
    assert not replace(further, epoch=1).may_follow(HERE)
    assert replace(HERE, timeline=2, end=2000).may_follow(HERE)


def test_a_position_is_read_back_as_it_was_written() -> None:
    assert LogPosition.from_json(HERE.to_json(), key=HERE.key) == HERE
    with pytest.raises(Corrupt, match=r"00000002\.json is not"):
        LogPosition.from_json(b'{"epoch": 1}', key=HERE.key)
