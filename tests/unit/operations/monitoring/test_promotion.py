"""What `dr status` says of the marker, and of a promotion that goes on or is over."""

from pathlib import Path

import pytest

from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING
from recovery.ports.control_table import RunClaim
from tests.support.fakes import FakeBucket
from tests.support.promotion import (
    lease,
    process,
)
from tests.support.status import Look, healthy, promoted
from tests.support.status import copies as copies  # a fixture
from tests.support.status import look as look  # a fixture


def test_a_marker_without_a_promotion_is_critical(look: Look) -> None:
    site = healthy()
    site.marker = True
    assert look(site)["marker"].level == CRITICAL


def test_status_names_the_step_of_an_unfinished_promotion_and_is_content_with_a_finished_one(
    look: Look, tmp_path: Path
) -> None:
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
    assert found["marker"].level == OK


def test_a_marker_deleted_after_a_failover_is_critical_with_the_command_that_puts_it_back(
    look: Look, copies: FakeBucket, tmp_path: Path
) -> None:
    site = healthy()
    promoted(site, tmp_path, copies)
    assert {finding.level for finding in look(site).values()} == {OK}
    site.marker = False
    found = look(site)["marker"]
    assert found.level == CRITICAL
    assert (
        "leads to production, which is fenced: site dr holds the lease (epoch 2), so nobody takes orders" in found.words
    )
    assert found.next_step == "run `dr promote`, then the same with --execute: it puts the marker back"


def test_a_marker_while_production_holds_the_lease_is_named_with_the_lease(look: Look) -> None:
    site = healthy()
    site.marker = True
    found = look(site)["marker"]
    assert (
        "leads to DR, but site prod holds the lease (epoch 1): customers reach a site whose gate is closed"
        in found.words
    )
    assert "find out who put it there" in found.next_step


def test_a_promotion_that_moves_the_name_later_is_no_alarm(look: Look) -> None:
    site = healthy()
    site.lease = lease(site="dr", epoch=2, state="taken", holder_run="r")
    assert look(site)["marker"].level == WARNING
    site.lease = lease(site="dr", epoch=2, holder_run="r")
    site.claim = RunClaim(run="r", holder="host:1", boot_id="b", beat=3)
    assert look(site)["marker"].level == WARNING
    site.claim = None
    found = look(site)["marker"]
    assert (found.level, found.next_step) == (CRITICAL, "run `dr promote`, then the same with --execute: it resumes")


def test_a_marker_is_not_called_right_while_the_lease_is_not_known(look: Look) -> None:
    site = healthy()
    site.down = {"lease"}
    assert look(site)["marker"].level == UNKNOWN
