"""How far the log is in the bucket, by its keys alone."""

from lab.story.log_lag import end_of_log, quantile
from recovery.copies.log import Line, Range, Segment

SEGMENT = 16 * 1024 * 1024
OLD, NEW = Line(1, "7", 1), Line(2, "7", 2)


def test_the_log_ends_where_the_newest_line_s_last_range_does() -> None:
    whole = Segment(OLD, 0, SEGMENT)
    keys = [whole.key, Range(OLD, SEGMENT, SEGMENT + 9).key, "pointers/postgres/log/00000001.json"]
    assert end_of_log(keys) == SEGMENT + 9
    assert end_of_log([*keys, Range(NEW, 0, 5).key]) == 5
    assert end_of_log([]) == 0


def test_99_of_100_are_within_the_quantile() -> None:
    values = [float(each) for each in range(1, 101)]
    assert (quantile(values, 0.5), quantile(values, 0.99)) == (51.0, 100.0)
    assert quantile([3.0], 0.99) == 3.0
