"""What a catalog cannot explain keeps the pruner from a dataset."""

from datetime import timedelta
from typing import Any

import pytest

from recovery.copies.catalog import Copy, Named
from tests.support.pruning_cases import NOW, copy, judge, pruned, why_kept


@pytest.mark.parametrize(
    ("gap", "copies", "more"),
    [
        ("incremental incremental-2 builds on full-3, which is missing", [copy("incremental", 2, parent="full-3")], {}),
        (
            "incremental incremental-2 builds on full-3, which is missing",
            [copy("full", 3, complete=False), copy("incremental", 2, parent="full-3")],
            {},
        ),
        (
            "incremental incremental-2 builds on full-3, which is of another line",
            [copy("full", 3, epoch=2), copy("incremental", 2, parent="full-3")],
            {},
        ),
        (
            "log log-2 continues log-3, which is missing while older log is there",
            [copy("log", 4), copy("log", 2, parent="log-3")],
            {},
        ),
        ("full full--1 is from the future: 2028-06-02 12:00", [copy("full", -1)], {}),
        ("two copies are called full-3", [copy("full", 3), copy("full", 3, folder="elsewhere/")], {}),
        (
            "postgres/full/1/7/x/ (not valid) is damaged",
            [],
            {"damaged": {"postgres": ("postgres/full/1/7/x/ (not valid)",)}},
        ),
        (
            "the pointer of full names postgres/full/1/7/9/, which is missing",
            [],
            {"latest": {("postgres", "full"): Named(folder="postgres/full/1/7/9/", finished=NOW - timedelta(days=9))}},
        ),
    ],
)
def test_a_gap_that_nothing_explains_leaves_the_dataset_alone(
    gap: str, copies: list[Copy], more: dict[str, Any]
) -> None:
    other = [copy("full", age, dataset="files") for age in (400, 1)]
    verdict = judge(copy("full", 3000), *copies, copy("full", 0.5), *other, **more)
    assert verdict.gaps == {"postgres": (gap,)}
    assert [(each.copy.dataset, each.copy.id) for each in verdict.prunes] == [("files", "full-400")]
    assert why_kept(verdict, "full-3000") == f"not judged: {gap}"


def test_a_hole_in_the_log_is_a_gap_in_whatever_epoch_the_log_goes_on() -> None:
    verdict = judge(copy("full", 9), copy("log", 4), copy("log", 2, parent="0/1 to 0/2", epoch=2))
    assert verdict.gaps == {"postgres": ("log log-2 continues 0/1 to 0/2, which is missing while older log is there",)}


def test_a_hole_past_the_log_s_term_is_no_gap_any_more() -> None:
    """Nobody can bring that log back, and the dataset would never be pruned again."""
    assert judge(copy("full", 100), copy("log", 99), copy("log", 91, parent="log-92"), copy("log", 1)).gaps == {}


def test_the_end_of_older_log_is_no_gap() -> None:
    assert judge(copy("log", 3, parent="log-4"), copy("log", 2, parent="log-3")).gaps == {}


def test_log_that_begins_anew_is_no_gap() -> None:
    assert judge(copy("log", 5), copy("log", 2)).gaps == {}


def test_a_pointer_to_a_copy_past_its_term_is_no_gap() -> None:
    gone = Named(folder="postgres/incremental/1/7/x/", finished=NOW - timedelta(days=400))
    assert judge(copy("full", 1), latest={("postgres", "incremental"): gone}).gaps == {}


def test_a_replica_that_came_after_its_base_had_ended_goes_when_its_own_term_is_over() -> None:
    late = copy("incremental", 366, parent="full-367")
    verdict = judge(copy("full", 1), late)
    assert verdict.gaps == {}
    assert pruned(verdict) == ["incremental-366"]
