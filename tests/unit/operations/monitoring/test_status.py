"""`dr status` tells what it sees, and UNKNOWN for what it does not see."""

from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from operations.monitoring import status
from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, Finding
from recovery.monitoring.finding_alarms import FINDINGS
from scripts.findings_output import show
from scripts.output import ExitWith
from tests.support.fakes import FakeBucket
from tests.support.plans import plan
from tests.support.promotion import (
    NOW,
    Site,
    bundle,
    lease,
    process,
)
from tests.support.status import Look, healthy, sources
from tests.support.status import copies as copies  # a fixture
from tests.support.status import look as look  # a fixture


def test_status_is_ok_while_production_works_and_dr_follows(look: Look) -> None:
    assert {finding.level for finding in look(healthy()).values()} == {OK}


def test_status_is_critical_when_the_guard_has_gone_silent_for_a_lease(look: Look) -> None:
    assert look(Site())["lease"].level == CRITICAL


def test_a_cold_site_has_no_database_before_a_promotion_and_is_not_asked_for_one(look: Look) -> None:
    site, of = healthy(), bundle(plan=plan(("strategy: warm", "strategy: cold")))
    site.down, site.reports["dr"] = {"standby"}, None
    site.walls |= {"dr": None}
    about = ("guard dr", "standby", "disk", "collation", "wall dr")
    assert {look(site, of)[name].level for name in about} == {OK}
    assert "the strategy is cold" in look(site, of)["standby"].words
    site.down = {"standby", "lease"}
    assert look(site, of)["standby"].level == UNKNOWN, "it may be the one that is active"
    site.down, site.lease = {"standby"}, replace(lease(), site="dr")
    assert look(site, of)["standby"].level == UNKNOWN


def test_status_says_unknown_for_whatever_does_not_answer(look: Look) -> None:
    site = healthy()
    site.down = {"standby", "cluster", "marker", "journal", "lease", "walls"}
    found = look(site)
    assert {name for name, finding in found.items() if finding.level == UNKNOWN} == {
        "lease", "standby", "disk", "collation", "services", "jobs", "beside", "marker",
        "wall prod", "wall dr", "promotion",
    }  # fmt: skip


def test_every_finding_has_its_alarm(look: Look) -> None:
    assert list(look(healthy())) == list(FINDINGS)


def test_status_says_still_scaling_while_traffic_could_move(look: Look, tmp_path: Path) -> None:
    site = healthy()
    process(site, tmp_path)
    site.few = {"cart": 2}
    assert look(site)["services"].words == "still scaling: cart 2 of 3"
    site.few = {"cart": 1}
    assert look(site)["services"].words == "cart 1 of 3"


@pytest.mark.parametrize(
    ("levels", "code"),
    [((0, 0), 0), ((0, 1), 1), ((1, 3), 3), ((3, 2), 2)],
    ids=["ok", "warning", "unknown", "critical"],
)
def test_status_ends_with_the_worst_of_its_findings(levels: tuple[int, ...], code: int) -> None:
    with pytest.raises(ExitWith) as end:
        show([Finding(str(n), level, "") for n, level in enumerate(levels)], json=True)
    assert end.value.code == code


def test_what_never_answers_is_unknown_when_the_time_is_over(
    copies: FakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "LONGEST_SECONDS", 0.2)
    never = Event()
    site = healthy()
    stuck = replace(sources(site, copies), origin=_Stuck(never))
    found = {finding.name: finding for finding in status.look(bundle(), stuck, now=NOW)}
    never.set()
    assert found["uploads prod"].level == UNKNOWN
    assert found["uploads prod"].words == "bucket origin did not answer within 0.2 s"
    assert found["lease"].level == OK


class _Stuck(FakeBucket):
    def __init__(self, until: Event) -> None:
        super().__init__("origin")
        self._until = until

    def _answer(self) -> None:
        self._until.wait(60)
