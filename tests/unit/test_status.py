"""`dr status` tells what it sees, and UNKNOWN for what it does not see."""

from dataclasses import replace
from pathlib import Path

import pytest

from scripts import status
from scripts.output import ExitWith
from tests.fakes_promotion import NOW, FakeLeases, FakeRuns, Site, bundle, lease, ports, process, standby


@pytest.fixture(autouse=True)
def backup(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full backup of this morning."""
    monkeypatch.setattr(status, "_backup", lambda bundle, now: (status.OK, "full of 1.0 h ago"))


def look(site: Site) -> dict[str, status.Finding]:
    """All findings by name."""
    found = status.look(bundle(), ports(site), FakeLeases(site), FakeRuns(site), now=NOW)
    return {finding.name: finding for finding in found}


def healthy() -> Site:
    """Production works and the standby follows."""
    beat = lease().heartbeat
    assert beat
    return Site(lease=lease(heartbeat=replace(beat, at=NOW)), database=standby(streaming=True))


def test_status_is_ok_while_production_works_and_dr_follows() -> None:
    assert {finding.level for finding in look(healthy()).values()} == {status.OK}


def test_status_is_critical_when_the_guard_has_gone_silent_for_a_lease() -> None:
    assert look(Site())["lease"].level == status.CRITICAL


def test_status_says_unknown_for_whatever_does_not_answer() -> None:
    site = healthy()
    site.down = {"standby", "cluster", "marker", "journal", "lease"}
    found = look(site)
    assert {name for name, finding in found.items() if finding.level == status.UNKNOWN} == {
        "lease", "standby", "services", "marker", "promotion",
    }  # fmt: skip


def test_status_warns_of_a_standby_that_is_behind_and_of_services_below_the_floor() -> None:
    site = healthy()
    site.database = standby(receive_lsn=400)
    site.broken = {"cart": "CrashLoopBackOff"}
    found = look(site)
    assert "600 bytes behind" in found["standby"].words
    assert "cart 0 of 1 (CrashLoopBackOff)" in found["services"].words


def test_a_marker_without_a_promotion_is_critical() -> None:
    site = healthy()
    site.marker = True
    assert look(site)["marker"].level == status.CRITICAL


def test_status_names_the_step_of_an_unfinished_promotion_and_is_content_with_a_finished_one(tmp_path: Path) -> None:
    from recovery.errors import Failed

    site = healthy()
    site.broken = {"cart": "Pending"}
    with pytest.raises(Failed):
        process(site, tmp_path)
    assert "is at: services" in look(site)["promotion"].words
    site.broken.clear()
    process(site, tmp_path)
    found = look(site)
    assert "finished" in found["promotion"].words
    assert found["services"].words.endswith("full size")
    assert found["marker"].level == status.OK


@pytest.mark.parametrize(
    ("levels", "code"),
    [((0, 0), 0), ((0, 1), 1), ((1, 3), 3), ((3, 2), 2)],
    ids=["ok", "warning", "unknown", "critical"],
)
def test_status_ends_with_the_worst_of_its_findings(levels: tuple[int, ...], code: int) -> None:
    with pytest.raises(ExitWith) as end:
        status._show([status.Finding(str(n), level, "") for n, level in enumerate(levels)], json=True)
    assert end.value.code == code
