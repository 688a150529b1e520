"""What `dr status` says of what replication slots keep at the primary."""

from dataclasses import replace
from datetime import timedelta

import pytest

from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING
from recovery.lease.guard_report import SlotSeen
from tests.support.promotion import (
    NOW,
)
from tests.support.status import Look, healthy
from tests.support.status import copies as copies  # a fixture
from tests.support.status import look as look  # a fixture

GIB = 2**30


@pytest.mark.parametrize(
    ("slots", "cap", "level", "words"),
    [
        (None, 10 * GIB, UNKNOWN, "its guard does not say: it is silent"),
        ((), 10 * GIB, WARNING, "no slot"),
        ((SlotSeen("dr_standby", 4 * GIB, False),), 10 * GIB, OK, "of WAL for dr_standby, 40% of the "),
        ((SlotSeen("dr_standby", 6 * GIB, False), SlotSeen("log", 1, False)), 10 * GIB, WARNING, "60%"),
        ((SlotSeen("dr_standby", 9 * GIB, False),), 10 * GIB, CRITICAL, "90%"),
        ((SlotSeen("dr_standby", 1, False),), None, WARNING, "nothing bounds it"),
        ((SlotSeen("log", 0, True), SlotSeen("dr_standby", 1, False)), 10 * GIB, CRITICAL, "given up slot log"),
    ],
)
def test_status_tells_what_slots_keep_on_production_s_disk(
    look: Look, slots: tuple[SlotSeen, ...] | None, cap: int | None, level: int, words: str
) -> None:
    site = healthy()
    report = site.reports["prod"]
    assert report and report.database
    site.reports["prod"] = replace(report, database=replace(report.database, slots=slots, slot_cap=cap))
    found = look(site)["slots"]
    assert (found.level, words in found.words) == (level, True), found.words
    site.reports["prod"] = replace(report, at=NOW - timedelta(hours=1))
    assert look(site)["slots"].level == UNKNOWN
