"""Somebody is reminded of a server that was restored beside the site and left running."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from operations.monitoring.beside import judge_beside
from operations.monitoring.findings import OK, WARNING
from recovery.copies.beside import BesideState
from recovery.copies.server_order import ServerOrder, ServerPod

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
NOTHING = BesideState(order=None, version="1", wanted=0, disk_bytes=10)


def asked(ago: timedelta) -> BesideState:
    order = ServerOrder(asked="2026-11-28T09:00:00Z", to="0/3000148", at=NOW - ago)
    return replace(NOTHING, order=order, wanted=1, pods=[ServerPod(stage="ready", address="10.1.0.7")])


def test_none_is_well() -> None:
    assert judge_beside(NOTHING, now=NOW) == (OK, "none", "")


def test_on_the_first_day_it_is_only_named() -> None:
    judged = judge_beside(asked(timedelta(hours=23)), now=NOW)
    assert (judged.level, judged.words) == (OK, "as of 2026-11-28T09:00:00Z, asked for 23h ago")


def test_after_a_day_it_is_a_warning_with_the_command_that_ends_it() -> None:
    judged = judge_beside(asked(timedelta(hours=25)), now=NOW)
    assert judged.level == WARNING
    assert judged.words == "as of 2026-11-28T09:00:00Z, asked for 25h ago: nobody has ended it"
    assert judged.next_step.endswith("dr restore postgres --beside --end --execute")


def test_one_that_never_came_up_is_reminded_of_as_well() -> None:
    assert judge_beside(replace(asked(timedelta(days=3)), wanted=0, pods=[]), now=NOW).level == WARNING


@pytest.mark.parametrize("left", [{"wanted": 1}, {"pods": [ServerPod(stage="ready")]}])
def test_a_pod_that_no_order_explains_is_told_at_once(left: dict[str, object]) -> None:
    judged = judge_beside(replace(NOTHING, **left), now=NOW)  # type: ignore[arg-type]
    assert judged.level == WARNING and "--beside --end --execute" in judged.next_step
