"""What is odd about a backup that is intact: its size, its source, what it builds on."""

from datetime import timedelta

import pytest

from recovery.copies.judging import remarks
from recovery.copies.manifest import Manifest
from tests.support.manifests import NOON, manifest


def backup(day: int, size: int = 1000, *, source: str = "77", parent: str | None = None) -> Manifest:
    made = manifest(f"{day:04}", started=NOON + timedelta(days=day))
    return made.model_copy(
        update={
            "parts": (made.parts[0].model_copy(update={"bytes": size}),),
            "source": made.source.model_copy(update={"system_identifier": source}),
            "parent": parent,
        }
    )


@pytest.mark.parametrize(("size", "odd"), [(1000, False), (501, False), (499, True), (9000, False)])
def test_a_backup_half_the_usual_size_is_odd(size: int, odd: bool) -> None:  # fault 34
    others = [backup(1), backup(2, 1), backup(3), backup(4)]
    found = remarks(backup(5, size), others)
    assert [("less than half of the usual 1,000" in words) for words in found] == ([True] if odd else [])


def test_only_the_last_backups_before_it_are_compared_with() -> None:
    long_ago, later = [backup(day, 100_000) for day in range(1, 12)], [backup(30, 1)]
    assert remarks(backup(25), [*long_ago, *[backup(day) for day in range(12, 22)], *later]) == ()


def test_a_backup_of_another_source_than_the_one_before_is_odd() -> None:  # fault 35
    assert "it is of system 78, the one before it of 77" in remarks(backup(2, source="78"), [backup(1)])[0]


def test_a_backup_whose_base_is_missing_is_odd() -> None:
    base = backup(1)
    assert remarks(backup(2, parent=base.id), [base]) == ()
    assert "it builds on 2026, which is not in this bucket" in remarks(backup(2, parent="2026"), [base])[0]


def test_the_first_backup_has_nothing_to_be_compared_with() -> None:
    assert remarks(backup(1), [backup(1)]) == ()
