"""The log's objects become days, and what is missing between them becomes a parent that nobody has."""

from datetime import UTC, datetime, timedelta

from recovery.copies.catalog import Copy
from recovery.copies.log import GAPS, SEGMENT_BYTES, Gap, History, Line, Piece, Range, Segment
from recovery.copies.log_position import LogPosition
from recovery.copies.postgres_log_days import log_days
from recovery.ports.buckets import StoredObject

LINE = Line(1, "77", 1)
MORNING = datetime(2026, 11, 30, 6, tzinfo=UTC)
DAY = timedelta(days=1)


def segment(number: int, line: Line = LINE) -> Segment:
    return Segment(line, number * SEGMENT_BYTES, (number + 1) * SEGMENT_BYTES)


def item(piece: Piece | Gap | History, days: float = 0) -> StoredObject:
    return StoredObject(key=piece.key, bytes=7, etag="e", modified=MORNING + days * DAY)


def days_of(*items: StoredObject, positions: tuple[LogPosition, ...] = ()) -> list[Copy]:
    return list(log_days(items, positions).copies)


def test_a_day_is_what_came_on_it_and_continues_the_one_before() -> None:
    first, second = days_of(item(segment(1)), item(segment(2), 0.1), item(segment(3), 1))
    assert (first.id, first.parent, first.position) == ("2026-11-30 of timeline 1, epoch 1", None, 3 * SEGMENT_BYTES)
    assert (first.started, first.finished) == (MORNING, MORNING + DAY / 10)
    assert (second.parent, second.epoch, second.source) == (first.id, 1, "77")


def test_a_range_beside_its_segment_is_no_hole_and_goes_with_it() -> None:
    found = log_days([item(segment(1)), item(Range(LINE, SEGMENT_BYTES, SEGMENT_BYTES + 9)), item(segment(2))], ())
    ((_, objects),) = found.objects.items()
    assert len(objects) == 3 and [each.parent for each in found.copies] == [None]


def test_log_counts_as_no_older_than_what_is_before_it() -> None:
    """Or one day would end in the middle of another."""
    one, two = days_of(item(segment(1)), item(segment(2), 1), item(segment(3)))
    assert (one.position, two.position, two.started) == (2 * SEGMENT_BYTES, 4 * SEGMENT_BYTES, MORNING + DAY)


def test_a_hole_begins_a_day_whose_parent_is_what_is_missing() -> None:
    first, second = days_of(item(segment(1)), item(segment(3)))
    assert (second.parent, second.id) == ("0/2000000 to 0/3000000", f"{first.id} (2)")


def test_a_recorded_gap_explains_a_hole_as_far_as_it_goes() -> None:
    whole = Gap(LINE, 2 * SEGMENT_BYTES, 3 * SEGMENT_BYTES)
    assert [each.parent for each in days_of(item(segment(1)), item(whole), item(segment(3)))] == [None]
    part = Gap(LINE, 2 * SEGMENT_BYTES + 16, 3 * SEGMENT_BYTES)
    assert [each.parent for each in days_of(item(segment(1)), item(part), item(segment(3)))] == [
        None,
        "0/2000000 to 0/2000010",
    ]


def test_the_log_goes_on_over_epochs_of_one_timeline_and_not_over_timelines() -> None:
    second_epoch, second_timeline = Line(2, "77", 1), Line(2, "77", 2)
    one, two, three = days_of(item(segment(1)), item(segment(2, second_epoch)), item(segment(9, second_timeline)))
    assert (two.parent, two.epoch, three.parent) == (one.id, 2, None)
    assert days_of(item(segment(1)), item(segment(3, second_epoch)))[1].parent == "0/2000000 to 0/3000000"


def test_histories_and_records_of_gaps_belong_to_no_day_and_strangers_neither() -> None:
    stranger = StoredObject(key=f"{GAPS}readme", bytes=1, etag="e", modified=MORNING)
    assert days_of(item(History(Line(1, "77", 2))), item(Gap(LINE, 1, 2)), stranger) == []


def position(end: int, segment_bytes: int = SEGMENT_BYTES) -> LogPosition:
    return LogPosition(
        epoch=1, system="77", timeline=1, segment_bytes=segment_bytes, start=0, end=end, at=MORNING + DAY
    )


def test_the_position_names_the_day_that_holds_the_end_of_whole_segments() -> None:
    items = [item(segment(1)), item(segment(2), 1)]
    held = log_days(items, [position(3 * SEGMENT_BYTES)])
    assert held.latest and held.latest.folder == held.copies[-1].folder
    lost = log_days(items, [position(4 * SEGMENT_BYTES)])
    assert lost.latest and lost.latest.folder not in lost.objects and lost.latest.finished == MORNING + DAY


def test_segments_of_another_size_are_known_by_their_position() -> None:
    size = 1024 * 1024
    small = Segment(LINE, 300 * size, 301 * size)
    (found,) = days_of(item(small), positions=(position(0, size),))
    assert found.position == 301 * size
