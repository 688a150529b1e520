"""Durations as people read them."""

from datetime import timedelta

import pytest

from recovery.units import format_duration, read_duration

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (365 * DAY, "1y"),
        (7 * 365 * DAY, "7y"),
        (30 * DAY, "30d"),
        (timedelta(hours=27), "27h"),
        (timedelta(minutes=15), "15m"),
        (timedelta.max, "permanent"),
    ],
)
def test_a_duration_of_the_plan_reads_in_sentences_as_it_does_in_the_plan(value: timedelta, words: str) -> None:
    assert read_duration(value) == words == format_duration(value)


def test_what_is_no_whole_year_stays_in_days() -> None:
    assert read_duration(400 * DAY) == "400d"
