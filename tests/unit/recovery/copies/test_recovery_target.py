"""What somebody may ask for, and with which backup it is reached."""

from datetime import UTC, datetime, timedelta

import pytest

from recovery.copies.log import SEGMENT_BYTES as SIZE
from recovery.copies.log import Line, Range, Segment
from recovery.copies.log_way import Log
from recovery.copies.manifest import Manifest
from recovery.copies.recovery_target import Choice, Target, choose, reaches, window
from recovery.errors import Corrupt, Refused
from recovery.lease.lease import format_lsn
from tests.support.manifests import NOON, manifest

ONE = Line(1, "77", 1)
FIRST = manifest("aaaa")
SECOND = manifest(
    "bbbb",
    started=NOON + timedelta(days=1),
    finished=NOON + timedelta(days=1),
    start_position=format_lsn(2 * SIZE),
    stop_position=format_lsn(2 * SIZE + 300),
)


def chosen(to: str, *numbers: int, backups: tuple[Manifest, ...] = (FIRST, SECOND), tail: int = 0) -> Choice:
    """With whole segments of these numbers, and a range at the end."""
    pieces = [Segment(ONE, number * SIZE, (number + 1) * SIZE) for number in numbers]
    last = [Range(ONE, (numbers[-1] + 1) * SIZE, (numbers[-1] + 1) * SIZE + tail)] if tail else []
    log = Log.of([*pieces, *last], {}) if pieces else None
    return choose(Target.parse(to), reaches(backups, log))


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-30T12:00:00Z", datetime(2026, 11, 30, 12, tzinfo=UTC)),
        ("2026-11-30 17:00:00+05:00", datetime(2026, 11, 30, 12, tzinfo=UTC)),
    ],
)
def test_a_time_with_its_zone_is_a_moment(text: str, time: datetime) -> None:
    assert Target.parse(text).time == time


@pytest.mark.parametrize("text", ["2026-11-30T12:00:00", "2026-11-30"])
def test_a_time_without_a_zone_is_refused(text: str) -> None:  # pitfall 14
    with pytest.raises(Refused, match="has no time zone") as refused:
        Target.parse(text)
    assert f"{text}+05:00" in str(refused.value)


@pytest.mark.parametrize("text", ["", "yesterday", "0/", "0/XYZ", "16", "../x", "2026-13-01T00:00:00Z"])
def test_nonsense_is_refused_with_examples(text: str) -> None:
    with pytest.raises(Refused, match="is no point to restore to") as refused:
        Target.parse(text)
    assert "latest" in str(refused.value)


def test_latest_begins_with_the_newest_backup_and_ends_with_the_log() -> None:
    found = chosen("latest", 0, 1, 2, 3, tail=70)
    assert (found.backup.id, found.position, found.end) == (SECOND.id, None, 4 * SIZE + 70)


def test_a_position_begins_with_the_last_backup_that_ended_before_it() -> None:
    assert chosen(format_lsn(2 * SIZE + 299), 0, 1, 2).backup.id == FIRST.id
    assert chosen(format_lsn(2 * SIZE + 300), 0, 1, 2).backup.id == SECOND.id


def test_a_backup_by_its_id_needs_no_log() -> None:
    found = chosen(FIRST.id)
    assert (found.backup.id, found.way) == (FIRST.id, None)


def test_latest_without_any_log_is_the_newest_backup() -> None:
    assert chosen("latest").backup.id == SECOND.id


def test_the_very_end_is_reached_without_a_record_behind_it() -> None:
    found = chosen(format_lsn(3 * SIZE), 0, 1, 2)
    assert (found.position, found.end) == (None, 3 * SIZE)


@pytest.mark.parametrize(
    ("position", "complaint"), [(0x100, "before the end of the oldest"), (3 * SIZE + 1, "after the end of the log")]
)
def test_a_position_outside_the_window_is_refused_with_the_window(position: int, complaint: str) -> None:  # fault 55
    with pytest.raises(Refused, match=complaint) as refused:
        chosen(format_lsn(position), 0, 1, 2)
    assert "from 0/120 (2026-01-01 12:01:00 UTC) to 0/3000000" in str(refused.value)


def test_a_hole_behind_the_newest_backup_is_named_and_latest_refused() -> None:  # pitfall 7
    with pytest.raises(Corrupt, match="a hole: 0/3000000 to 0/4000000 is missing") as error:
        chosen("latest", 0, 1, 2, 4)
    assert "--to 0/3000000" in str(error.value)


def test_what_lies_before_a_hole_can_be_restored_up_to_its_edge() -> None:
    assert chosen(format_lsn(3 * SIZE), 0, 1, 2, 4).end == 3 * SIZE
    assert chosen(format_lsn(2 * SIZE + 500), 0, 1, 2, 4).position == 2 * SIZE + 500


def test_a_hole_between_two_backups_hides_nothing_after_the_second() -> None:
    found = chosen("latest", 0, 2, 3)
    assert (found.backup.id, found.end) == (SECOND.id, 4 * SIZE)
    with pytest.raises(Corrupt, match="a hole: 0/1000000 to 0/2000000"):
        chosen(format_lsn(SIZE + 5), 0, 2, 3)


def test_an_unknown_id_is_refused() -> None:
    with pytest.raises(Refused, match="there is no backup 20200101T000000Z-abcd"):
        chosen("20200101T000000Z-abcd", 0)


def test_the_window_has_a_line_for_every_stretch() -> None:
    log = Log.of([Segment(ONE, 0, SIZE), Segment(ONE, 2 * SIZE, 3 * SIZE)], {})
    lines = window(reaches([FIRST, SECOND], log), datetime(2026, 1, 3, tzinfo=UTC)).splitlines()
    assert lines[1:] == [
        "  from 0/120 (2026-01-01 12:01:00 UTC) to 0/1000000",
        "  from 0/200012C (2026-01-02 12:00:00 UTC) to 0/3000000 (last commit, 2026-01-03 00:00:00 UTC)",
    ]
