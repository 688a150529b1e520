"""A restored server beside the standby: who may ask for which, and what is said while it is not there."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from recovery.copies.beside import BesideState, goes_on, serves
from recovery.copies.server_order import ServerOrder, ServerPod
from recovery.errors import Failed, Refused

NOON = ServerOrder(asked="2026-11-30T12:00:00Z", to="0/3000148", at=datetime(2026, 11, 30, 12, 5, tzinfo=UTC))
NOTHING = BesideState(order=None, version="1", wanted=0, disk_bytes=10)
RUNNING = replace(NOTHING, order=NOON, wanted=1, pods=[ServerPod(stage="ready", address="10.1.0.7")])


def test_where_nothing_is_anything_may_be_asked_for() -> None:
    assert goes_on(NOTHING, "latest") is None
    assert goes_on(NOTHING, None) is None


@pytest.mark.parametrize("asked", [None, NOON.asked])
def test_the_one_that_is_there_goes_on(asked: str | None) -> None:
    assert goes_on(RUNNING, asked) == NOON
    assert goes_on(replace(RUNNING, wanted=0, pods=[]), asked) == NOON, "its command was killed before it was started"


def test_another_moment_is_refused_while_one_is_there() -> None:
    with pytest.raises(Refused, match="as of 2026-11-30T12:00:00Z was asked for at 2026-11-30 12:05:00 UTC") as refused:
        goes_on(RUNNING, "latest")
    assert "--beside --end --execute" in refused.value.next_step


@pytest.mark.parametrize("left", [{"wanted": 1}, {"pods": [ServerPod(stage="ending")]}])
def test_nothing_is_asked_for_while_the_last_one_is_on_its_way_out(left: dict[str, object]) -> None:
    with pytest.raises(Refused, match="still on its way out"):
        goes_on(replace(NOTHING, **left), "latest")  # type: ignore[arg-type]


def test_it_serves_when_its_pod_is_ready_and_not_by_the_one_before() -> None:
    assert serves(RUNNING, NOON) == "10.1.0.7"
    last = ServerPod(stage="ending", address="10.1.0.6")
    assert serves(replace(RUNNING, pods=[last, *RUNNING.pods]), NOON) == "10.1.0.7"
    assert serves(replace(RUNNING, pods=[last]), NOON) == ""
    assert serves(replace(RUNNING, pods=[last, ServerPod(stage="restoring")]), NOON) == ""


def test_what_failed_is_told_with_its_words_and_what_else_to_do() -> None:
    failed = ServerPod(stage="restoring", problem="  the log has a hole", failed=True)
    with pytest.raises(Failed, match="failed while restoring:\n  the log has a hole") as error:
        serves(replace(RUNNING, pods=[failed]), NOON)
    assert "tried again by itself" in error.value.next_step


@pytest.mark.parametrize(
    ("order", "words"),
    [(None, "somebody has ended it"), (replace(NOON, asked="latest"), "another as of latest is asked for now")],
)
def test_who_follows_one_that_others_ended_is_told(order: ServerOrder | None, words: str) -> None:
    with pytest.raises(Failed, match=words):
        serves(replace(RUNNING, order=order), NOON)
