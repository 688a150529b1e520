"""When a full backup is due before its schedule."""

import pytest

from recovery.copies.due import due, open_gaps
from recovery.copies.log import Gap, Line
from recovery.lease.lease import format_lsn
from tests.support.manifests import manifest

FULL = manifest(start_position=format_lsn(0x3000000))
SYSTEM = FULL.source.system_identifier


def gap(start: int, end: int, system: str = SYSTEM) -> Gap:
    return Gap(Line(1, system, 1), start, end)


def test_the_first_one_is_due_at_once() -> None:
    assert due(1, None, ()) == "there is no full backup yet"


def test_after_a_promotion_one_of_the_new_epoch_is_due() -> None:
    assert due(2, FULL, ()) == "the newest full backup is of epoch 1, and this is epoch 2"


def test_with_one_of_this_epoch_and_no_gap_none_is_due() -> None:
    assert due(1, FULL, ()) == ""


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
    assert bool(due(1, FULL, (lost,))) is owed
    assert open_gaps((lost,), FULL) == ((lost,) if owed else ())
    assert open_gaps((lost,), None) == (lost,)
