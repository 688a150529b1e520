"""Schedules: the gaps between starts, what a clock change does to them, and how they read."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import perf_counter

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from recovery.plan.schedules import clock_changes, clock_trap, first_start, longest_gap, parse_schedule
from recovery.plan.wording import schedule_words


def test_the_first_start_is_told_in_the_schedule_s_own_zone() -> None:
    before = datetime(2026, 11, 21, 20, 59, tzinfo=UTC)  # 01:59 in Tashkent
    due = [first_start("0 2 * * *", "Asia/Tashkent", before + late) for late in (timedelta(), timedelta(minutes=1))]
    assert [each.isoformat() for each in due] == ["2026-11-22T02:00:00+05:00", "2026-11-23T02:00:00+05:00"]


@pytest.mark.parametrize(
    ("text", "longest", "shortest"),
    [
        ("0 2 * * *", timedelta(days=1), timedelta(days=1)),
        ("*/5 * * * *", timedelta(minutes=5), timedelta(minutes=5)),
        ("0 6,10,14,18,22 * * *", timedelta(hours=8), timedelta(hours=4)),
        ("0 4 * * 0", timedelta(days=7), timedelta(days=1)),
        ("*/10 9-17 * * 1-5", timedelta(days=2, hours=15, minutes=10), timedelta(minutes=10)),
        ("0 1 1 * *", timedelta(days=31), timedelta(days=1)),
    ],
)
def test_the_longest_and_the_shortest_wait(text: str, longest: timedelta, shortest: timedelta) -> None:
    schedule = parse_schedule(text)
    assert (schedule.longest_gap, schedule.shortest_gap) == (longest, shortest)


def test_two_schedules_together_leave_shorter_gaps() -> None:
    assert longest_gap(("0 6,10,14,18,22 * * *", "0 2 * * *")) == timedelta(hours=4)
    assert longest_gap(("0 2 * * *", "0 4 * * *")) == timedelta(hours=22)
    assert longest_gap(("0 2 * * 1", "0 2 * * 4")) == timedelta(days=4)


_minute = st.one_of(st.integers(0, 59).map(str), st.sampled_from(["*/7", "*/15", "0,30", "5-10"]))
_hour = st.one_of(st.just("*"), st.integers(0, 23).map(str), st.sampled_from(["*/6", "8-17", "3,15"]))
_week_day = st.one_of(st.just("*"), st.integers(0, 6).map(str), st.sampled_from(["1-5", "0,3"]))


@given(_minute, _hour, _week_day)
def test_gaps_are_those_of_a_year_of_starts(minute: str, hour: str, week_day: str) -> None:
    text = f"{minute} {hour} * * {week_day}"
    starts = CronSim(text, datetime(2026, 1, 1, tzinfo=UTC))
    moments = [next(starts) for _ in range(500)]
    waits = [later - earlier for earlier, later in pairwise(moments)]
    schedule = parse_schedule(text)
    if moments[-1] - moments[0] > timedelta(days=14):
        assert schedule.longest_gap == max(waits)
    assert schedule.longest_gap >= max(waits)
    assert schedule.shortest_gap == min(min(waits), timedelta(days=1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 2 31 2 *", "never starts: no such month has a day 31"),
        ("0 2 30 2 *", "never starts: no such month has a day 30"),
        ("0 2 29 2 *", "starts on 2028-02-29 only and not once a year"),
        ("0 2 1 * 1", "cron starts when either matches"),
        ("0 2 * * 7", "Kubernetes writes Sunday 0"),
        ("0 2 L * *", "Kubernetes knows no L"),
        ("0 2 * * 5#2", "expected five cron fields"),
        ("@daily", "expected five cron fields"),
        ("0 26 * * *", "Bad hour"),
        ("* * * *", "expected five cron fields"),
        ("0  2 * * *", "expected five cron fields"),
        ("0 2 * * *\n", "expected five cron fields"),
        ("\u0660 2 * * *", "expected five cron fields"),
        ("1" * 300 + " * * * *", "expected five cron fields"),
    ],
)
def test_what_is_no_schedule_says_why(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_schedule(text)


def test_a_start_in_the_hour_that_berlin_skips_is_named_with_its_date() -> None:
    assert clock_trap("30 2 * * *", "Europe/Berlin") == (
        "02:30 does not start on 2026-03-29: clocks in Europe/Berlin skip 02:00 to 03:00; choose another hour"
    )


def test_a_start_in_the_hour_that_comes_twice_is_named_with_its_date() -> None:
    assert clock_trap("30 1 * * *", "America/New_York") == (
        "01:30 starts twice on 2026-11-01: 01:00 to 02:00 comes twice in America/New_York; choose another hour"
    )


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("30 2 * * *", "Asia/Tashkent"),
        ("0 3 * * *", "Europe/Berlin"),
        ("*/5 * * * *", "Europe/Berlin"),
        ("0 2 * * 1", "Europe/Berlin"),  # clocks change on Sundays
        ("30 2 * * *", "UTC"),
    ],
)
def test_a_start_that_no_clock_change_meets_is_fine(text: str, zone: str) -> None:
    assert clock_trap(text, zone) == ""


def test_zones_with_half_hours_and_midnight_changes_are_understood() -> None:
    (first, *_) = clock_changes("Australia/Lord_Howe")
    assert first.end - first.start == 30
    assert clock_changes("Asia/Tashkent") == ()
    assert any(change.skipped and change.start == 0 for change in clock_changes("Asia/Beirut"))


def test_clock_changes_of_a_zone_are_found_in_no_time() -> None:
    clock_changes.cache_clear()
    started = perf_counter()
    clock_changes("Europe/Berlin")
    assert perf_counter() - started < 0.5  # about 5 ms; a slow machine is no failure


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 2 * * *", "daily at 02:00"),
        ("*/5 * * * *", "every 5 min"),
        ("0 * * * *", "hourly"),
        ("15 * * * *", "hourly from 00:15"),
        ("0 */4 * * *", "every 4 h"),
        ("0 6,10,14,18,22 * * *", "every 4 h, 06:00 to 22:00"),
        ("0 4 * * 0", "Sundays at 04:00"),
        ("0 1 1 * *", "on day 1 of every month at 01:00"),
        ("0 1 1 1 *", "every 1 Jan at 01:00"),
        ("0 9,17 * * *", "daily at 09:00, 17:00"),
        ("7,9 1-20 * * *", "7,9 1-20 * * *"),
        ("0 9 * 3 1-5", "0 9 * 3 1-5"),
    ],
)
def test_schedules_read_as_people_say_them(text: str, words: str) -> None:
    assert schedule_words(text) == words
