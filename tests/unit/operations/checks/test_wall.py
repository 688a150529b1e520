"""`dr check wall --inside`: what a site's guard says afterwards makes silence count; nothing else is waited for."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from operations.checks import wall
from recovery.errors import DrError, Refused, Silent, Unreachable
from recovery.lease.guard_report import GuardReport
from recovery.plan.plan import SiteName
from tests.support.promotion import bundle, guard_report

PLAN = bundle().plan
PLACE = ("primary.example", 5432)


@dataclass
class Reports:
    """The guard logs in to `address`; its next report is there after `reads` reads."""

    address: str = "primary.example:5432"
    reads: int = 3
    slept: list[float] = field(default_factory=list[float])

    def read(self, site: SiteName) -> GuardReport | None:
        assert site == "prod"
        made = guard_report(site=site)
        assert made.database
        self.reads -= 1
        at = datetime.now(UTC) if self.reads <= 0 else datetime.now(UTC) - timedelta(seconds=20)
        return replace(made, at=at, database=replace(made.database, address=self.address))

    def write(self, report: GuardReport) -> None:
        raise AssertionError("the guard's alone")


def knocks(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], tuple[bool, str]]) -> None:
    """Let the database answer so."""
    monkeypatch.setattr(wall, "knock", lambda *_, **__: answer())


def silent() -> tuple[bool, str]:
    raise Silent("nothing answers", next_step="check the network")


def test_silence_is_kept_as_a_wall_that_holds_once_the_guard_has_logged_in_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    knocks(monkeypatch, silent)
    reports = Reports()
    found = wall.check_inside(PLAN, "prod", *PLACE, reports, sleep=reports.slept.append)
    assert found.holds and len(reports.slept) == 2
    assert "keeps the application out" in found.sentence()
    assert found.words == "nothing answers, and then the site's guard logged in to it"


@pytest.mark.parametrize(
    ("reports", "words", "waited"),
    [(Reports(reads=1000), "has not logged in there since", 60.0), (Reports(address="x:1"), "logs in elsewhere", 6.0)],
    ids=["stale", "elsewhere"],
)
def test_silence_that_proves_nothing_is_unknown_with_the_next_step(
    monkeypatch: pytest.MonkeyPatch, reports: Reports, words: str, waited: float
) -> None:
    knocks(monkeypatch, silent)
    with pytest.raises(Unreachable, match=f"nothing answers; .*{words}") as unknown:
        wall.check_inside(PLAN, "prod", *PLACE, reports, sleep=reports.slept.append)
    assert unknown.value.next_step
    assert sum(reports.slept) == waited


def test_an_answer_is_taken_as_it_is_whatever_the_guard_says(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = Reports()
    for holds in (True, False):
        knocks(monkeypatch, lambda holds=holds: (holds, "its words"))
        assert wall.check_inside(PLAN, "prod", *PLACE, reports).holds == holds
    assert reports.reads == 3


@pytest.mark.parametrize("error", [Refused("no connection left"), Unreachable("refuses connections")])
def test_whatever_is_no_silence_proves_nothing_while_the_guard_logs_in(
    monkeypatch: pytest.MonkeyPatch, error: DrError
) -> None:
    def no_answer() -> tuple[bool, str]:
        raise error

    knocks(monkeypatch, no_answer)
    with pytest.raises(type(error), match=error.what):
        wall.check_inside(PLAN, "prod", *PLACE, Reports(reads=0), sleep=lambda _: None)


def test_by_hand_silence_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    knocks(monkeypatch, silent)
    with pytest.raises(Silent):
        wall.check(PLAN, "prod", *PLACE)
