"""What `dr status` says of the DR database: how far it follows, its disk, its collations."""

from dataclasses import replace
from datetime import timedelta

import pytest

from operations.monitoring.findings import CRITICAL, OK, WARNING
from tests.support.promotion import (
    NOW,
    OTHER_GLIBC,
    bundle,
    standby,
)
from tests.support.status import Look, healthy
from tests.support.status import copies as copies  # a fixture
from tests.support.status import look as look  # a fixture


def test_status_warns_of_a_standby_that_is_behind_and_of_services_below_the_floor(look: Look) -> None:
    site = healthy()
    site.database = standby(receive_lsn=400)
    site.broken = {"cart": "CrashLoopBackOff"}
    found = look(site)
    assert "600 bytes behind" in found["standby"].words
    assert "cart 0 of 1 (CrashLoopBackOff)" in found["services"].words


def test_a_standby_further_behind_than_the_rpo_is_critical_and_one_with_nothing_to_replay_is_not(look: Look) -> None:
    site, quiet = healthy(), NOW - timedelta(hours=5)
    site.database = standby(streaming=True, receive_lsn=400, last_replayed_at=NOW - timedelta(minutes=16))
    found = look(site)["standby"]
    assert (found.level, "16m late" in found.words) == (CRITICAL, True)
    site.database = standby(streaming=True, receive_lsn=400, last_replayed_at=NOW - timedelta(minutes=14))
    assert look(site)["standby"].level == OK
    site.database = standby(streaming=True, last_replayed_at=quiet)
    assert look(site)["standby"].level == OK


@pytest.mark.parametrize(("gibibytes", "level"), [(319, OK), (321, WARNING), (361, CRITICAL)])
def test_status_tells_how_full_the_standby_s_disk_is(look: Look, gibibytes: int, level: int) -> None:
    site = healthy()
    site.used = gibibytes * 2**30
    found = look(site)["disk"]
    assert found.level == level
    assert "of a disk of 429" in found.words
    assert (level == OK) == (not found.next_step)


def test_status_warns_of_text_that_is_sorted_in_another_way(look: Look) -> None:
    site = healthy()
    site.collations = (OTHER_GLIBC,)
    found = look(site)["collation"]
    assert found.level == WARNING
    assert "database ultramarket was sorted by another collation library (version 2.31 there, 2.36 here)" in found.words
    assert "indexes orders_pkey may miss rows" in found.words
    assert 'REINDEX DATABASE "ultramarket"' in found.words


def test_a_primary_at_dr_that_holds_no_lease_is_critical(look: Look) -> None:
    site = healthy()
    site.database = standby(in_recovery=False, timeline=2)
    found = look(site)["standby"]
    assert found.level == CRITICAL and "timeline 2" in found.words and found.next_step


def test_a_standby_of_another_system_than_the_lease_recorded_is_critical(look: Look) -> None:
    site = healthy()
    assert site.lease
    site.lease = replace(site.lease, system_identifier="7300000000000000001")
    found = look(site, bundle(system_identifier=None))["standby"]
    assert found.level == CRITICAL and "production's is 7300000000000000001, as the lease recorded it" in found.words
