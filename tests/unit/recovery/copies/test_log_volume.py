"""Log under lock is counted in objects a day, and its cost is printed."""

import pytest

from recovery.copies.log_volume import log_volume
from recovery.plan.loading import load_plan, parse_plan
from tests.support.plans import ROOT, edited


def test_10_a_second_s_ranges_are_86_400_a_day_of_which_none_is_locked() -> None:
    volume = log_volume(load_plan(ROOT / "recovery.yaml"))
    assert (volume.ranges, volume.segments) == (86_400, 1193)
    assert volume.dollars == pytest.approx(0.45, abs=0.005)


def test_ranges_that_are_cut_less_often_are_fewer() -> None:
    assert log_volume(parse_plan(edited(("every: 1s", "every: 2s")))).ranges == 43_200
