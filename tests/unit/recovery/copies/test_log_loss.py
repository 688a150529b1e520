"""Log that is in no copy."""

import pytest

from recovery.copies.log import SEGMENT_BYTES, Gap, Line
from recovery.copies.log_loss import lost_since, open_gaps
from recovery.copies.log_position import LogPosition
from recovery.lease.lease import format_lsn
from tests.support.manifests import NOON, manifest

FULL = manifest(start_position=format_lsn(0x3000000))
SYSTEM = FULL.source.system_identifier


def gap(start: int, end: int, system: str = SYSTEM) -> Gap:
    return Gap(Line(1, system, 1), start, end)


def position(start: int, timeline: int = 1, system: str = SYSTEM) -> LogPosition:
    return LogPosition(
        epoch=1, system=system, timeline=timeline, segment_bytes=SEGMENT_BYTES, start=start, end=start, at=NOON
    )


def test_with_no_gap_nothing_is_lost() -> None:
    assert lost_since(FULL, position(0x3000000), ()) == ""


@pytest.mark.parametrize(
    ("lost", "owed"),
    [
        (gap(0x2000000, 0x3000000), False),  # it began where the gap ends
        (gap(0x2000000, 0x3000001), True),
        (gap(0x4000000, 0x5000000), True),
        (gap(0x4000000, 0x5000000, system="1"), False),  # another database's
    ],
)
def test_a_gap_is_over_once_a_full_backup_has_begun_after_it(lost: Gap, owed: bool) -> None:
    assert bool(lost_since(FULL, None, (lost,))) is owed
    assert open_gaps((lost,), FULL) == ((lost,) if owed else ())
    assert open_gaps((lost,), None) == (lost,)


@pytest.mark.parametrize(
    ("found", "owed"),
    [
        (position(0x3000000), False),
        (position(0x4000000), True),
        (position(0x4000000, timeline=2), False),  # on from a promotion: what leads there is in the log before it
        (position(0x4000000, system="1"), False),
    ],
)
def test_a_log_that_began_after_the_newest_full_backup_makes_one_due(found: LogPosition, owed: bool) -> None:
    assert bool(lost_since(FULL, found, ())) is owed
