"""What `dr status` says of the guards of both sites and of the walls."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from operations.monitoring.findings import CRITICAL, OK, WARNING, Finding
from tests.support.promotion import (
    NOW,
    bundle,
    guard_report,
)
from tests.support.status import Look, healthy, promoted
from tests.support.status import copies as copies  # a fixture
from tests.support.status import look as look  # a fixture


def test_a_standing_by_guard_is_shown_and_one_that_could_not_open_its_gate_is_critical(look: Look) -> None:
    site = healthy()
    assert look(site)["guard dr"].words == (
        "gate closed, enforce, version 0.1.0; logged in to a standby; reported 10 s ago"
    )
    site.reports["dr"] = guard_report(database=None, database_problem="password authentication failed")
    found = look(site)["guard dr"]
    assert (found.level, "password authentication failed" in found.words) == (CRITICAL, True)
    assert "dr_guard" in found.next_step
    site.reports["dr"] = None
    assert (look(site)["guard dr"].level, look(site)["guard prod"].level) == (CRITICAL, OK)


def test_a_guard_that_does_not_enforce_is_told_and_production_s_silence_after_a_failover_is_not_an_alarm(
    look: Look, tmp_path: Path
) -> None:
    site = healthy()
    site.reports["dr"] = guard_report(mode="observe")
    assert look(site)["guard dr"].level == WARNING
    site.reports["dr"] = guard_report()
    promoted(site, tmp_path)
    site.reports["prod"] = None
    assert look(site)["guard prod"] == Finding("guard prod", OK, "no report; the DR site is active")


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        (None, WARNING, "never checked"),
        ({}, OK, "the database at dr.example:5432 keeps the application out"),
        ({"at": NOW - timedelta(days=40)}, WARNING, "last checked 40d ago"),
        ({"holds": False, "words": "no password supplied"}, CRITICAL, "LET THE APPLICATION IN past the gate"),
    ],
)
def test_status_says_what_the_last_check_of_a_wall_is_worth_today(
    look: Look, changes: dict[str, object] | None, level: int, words: str
) -> None:
    site = healthy()
    held = site.walls["dr"]
    assert held
    site.walls["dr"] = None if changes is None else replace(held, **changes)
    found = look(site)
    assert found["wall dr"].level == level and words in found["wall dr"].words
    assert level == OK or "dr check wall --site dr" in found["wall dr"].next_step
    assert found["wall prod"].level == OK


def test_a_guard_of_another_system_than_the_lease_recorded_is_critical(look: Look) -> None:
    site = healthy()
    assert site.lease
    site.lease = replace(site.lease, system_identifier="7300000000000000001")
    found = look(site, bundle(system_identifier=None))["guard dr"]
    assert found.level == CRITICAL and "production's is 7300000000000000001" in found.words


def test_another_database_behind_production_s_gate_is_critical_with_the_deliberate_act(look: Look) -> None:
    site = healthy()
    assert site.lease and site.lease.heartbeat
    beat = replace(site.lease.heartbeat, system_identifier="72")
    site.lease = replace(site.lease, system_identifier="71", heartbeat=beat)
    found = look(site)["lease"]
    assert found.level == CRITICAL and "has system identifier 72, the lease recorded 71" in found.words
    assert "`dr lease system 72 --replaces 71`" in found.next_step
