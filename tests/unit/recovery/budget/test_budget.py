"""The budget: what each fault costs at worst, what every figure stands on, and which plans do not keep their word."""

from datetime import timedelta
from statistics import median
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.project import lab_plan
from recovery.budget.budget import Budget, BudgetUnmet, Row, budget
from recovery.budget.sums import Sum
from recovery.budget.text import require_kept
from recovery.errors import EXIT_REFUSED
from recovery.plan.datasets import Datasets
from recovery.plan.loading import parse_plan
from recovery.plan.plan import Plan
from recovery.term import Assumption, Fact, FromPlan, Measurement, Term
from tests.support.plans import SEED_LOG, SNAPSHOT, TEXT, plan

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def row(found: Budget, dataset: str, scenario: str) -> Row:
    (one,) = [each for each in found.rows if (each.dataset, each.scenario) == (dataset, scenario)]
    return one


def names(found: Sum) -> list[str]:
    return [term.name for term in found.terms]


def test_the_committed_plan_keeps_every_objective() -> None:
    assert require_kept(plan()).met


def test_so_does_the_plan_with_the_labs_lease() -> None:
    assert require_kept(parse_plan(lab_plan(TEXT))).met


def test_the_seeds_figures_break_its_own_rpo() -> None:
    """300 s between log pieces, then S3 replication, promised within 15 min: more than 15 min."""
    found = row(budget(plan(SEED_LOG)), "postgres", "region lost").loss
    assert not found.met
    assert found.total >= 20 * MINUTE
    assert names(found) == ["between two pieces of the log", "a piece on its way to the bucket", "S3 replication"]
    with pytest.raises(BudgetUnmet) as caught:
        require_kept(plan(SEED_LOG))
    assert caught.value.exit_code == EXIT_REFUSED
    assert "postgres, region lost  loses up to ~20m 5s  allowed 15m  (objectives.rpo)" in str(caught.value)
    assert "datasets.postgres.log.to: cloud   (now local)" in caught.value.next_step


def test_the_same_log_straight_to_the_dr_bucket_keeps_it() -> None:
    assert budget(plan((SEED_LOG[0], SEED_LOG[1].replace("local", "cloud")))).met


def test_every_dataset_has_every_scenario() -> None:
    scenarios = ("region lost", "data corrupted", "replica lost", "DR site lost")
    expected = [(dataset, scenario) for dataset in Datasets.model_fields for scenario in scenarios]
    assert len(expected) == 20
    assert [(each.dataset, each.scenario) for each in budget(plan()).rows] == expected


def test_every_term_says_what_it_stands_on() -> None:
    whole = plan().model_dump(mode="json")
    for _, _, found in budget(plan()).sums():
        for term in found.terms:
            assert term.duration >= timedelta(0)
            match term.basis:
                case Fact(source):
                    assert source.startswith("https://")
                case Measurement(date, how):
                    assert date and how
                case FromPlan(path):
                    assert at(whole, path.split(",")[0]) is not None, path
                case Assumption(of):
                    assert of
                    for path in [part for part in of.replace(",", " ").split() if part.startswith("assumptions.")]:
                        assert at(whole, path) is not None, path


def at(value: object, path: str) -> object:
    """The plan's value at a dotted path."""
    for part in path.split("."):
        assert isinstance(value, dict)
        value = value.get(part)
    return value


def test_region_lost_with_a_standby_waits_for_the_lease_and_the_name() -> None:
    found = row(budget(plan()), "postgres", "region lost").recovery
    assert {"the old lease runs out", "its margin", "promotion", "addresses in caches"} <= set(names(found))
    assert not any(name.startswith("restore") for name in names(found))
    assert found.limit.path == "strategies.warm"


def test_a_cold_site_is_restored_first_and_held_against_its_own_promise() -> None:
    warm, cold = budget(plan()), budget(plan(("strategy: warm", "strategy: cold")))
    found = row(cold, "postgres", "region lost").recovery
    assert {"the site is made ready", "restore of 200GB", "every byte checked"} <= set(names(found))
    assert found.total > row(warm, "postgres", "region lost").recovery.total + HOUR
    assert found.met
    assert found.limit.duration == 4 * HOUR


def test_redis_has_no_log_so_without_a_replica_its_snapshot_decides() -> None:
    warm, cold = budget(plan()), budget(plan(("strategy: warm", "strategy: cold")))
    assert names(row(warm, "redis", "region lost").loss) == ["the replica at the DR site behind"]
    assert "25m are lost, from the snapshot" in row(warm, "redis", "region lost").note
    assert row(cold, "redis", "region lost").loss.total == (5 + 2 + 3 + 15) * MINUTE
    assert not row(cold, "redis", "region lost").loss.met


def test_corrupted_data_counts_from_the_last_copy_before_it_and_not_the_standby() -> None:
    found = budget(plan())
    assert row(found, "redis", "data corrupted").loss.total == (5 + 2 + 3) * MINUTE
    assert row(found, "postgres", "data corrupted").loss.total < MINUTE
    assert "finding the last good moment" in names(row(found, "postgres", "data corrupted").recovery)


def test_replication_counts_for_whatever_goes_to_productions_bucket_first() -> None:
    found = budget(plan())
    for dataset in ("files", "configuration"):
        assert names(row(found, dataset, "region lost").loss)[-1] == "S3 replication"
        assert "S3 replication" not in names(row(found, dataset, "data corrupted").loss)
    for dataset in ("postgres", "mongo"):
        assert "S3 replication" not in names(row(found, dataset, "region lost").loss)


def test_an_exception_is_shown_with_its_reason_and_is_the_only_way_to_a_weaker_objective() -> None:
    limit = row(budget(plan()), "files", "region lost").loss.limit
    assert (limit.duration, limit.path) == (27 * HOUR, "datasets.files.exception.rpo")
    assert "deployed again" in limit.reason
    without = TEXT[: TEXT.index("    exception:\n      rpo: 27h")] + TEXT[TEXT.index("  configuration:") :]
    assert not budget(parse_plan(without)).met


def test_losing_a_replica_or_the_dr_site_loses_nothing() -> None:
    for each in budget(plan()).rows:
        if each.scenario in ("replica lost", "DR site lost"):
            assert each.loss.terms == ()
            assert not each.loss.assumed


def test_a_lease_of_20_minutes_costs_the_uptime() -> None:
    ours, slow = budget(plan()).uptime, budget(plan(("duration: 30s", "duration: 20m"))).uptime
    assert ours.met and not slow.met
    assert ours.limit.duration == timedelta(minutes=43, seconds=12)
    assert "control table out of reach in both regions" in names(ours)


def test_a_node_that_dies_under_the_guard_costs_the_seconds_until_the_pod_is_elsewhere() -> None:
    (lost,) = [each for each in budget(plan()).uptime.terms if "node lost under the guard" in each.name]
    assert "noticed after 55 s" in lost.name and lost.duration == timedelta(seconds=75)
    assert lost.assumed


def test_a_figure_with_an_assumption_is_marked() -> None:
    found = budget(plan())
    assert row(found, "postgres", "region lost").recovery.figure.startswith("~")
    assert row(found, "redis", "data corrupted").loss.figure == "10m"


@given(st.integers(1, 3600), st.integers(1, 3600))
def test_a_log_cut_less_often_never_loses_less(first: int, second: int) -> None:
    short, long = sorted((first, second))
    losses = [
        row(budget(plan(("every: 1s", f"every: {each}s"))), "postgres", "region lost").loss.total
        for each in (short, long)
    ]
    assert losses == sorted(losses)


def test_the_worst_case_is_the_sum_of_its_terms() -> None:
    found = row(budget(plan((SNAPSHOT, SNAPSHOT))), "postgres", "data corrupted").recovery
    assert found.total == sum((term.duration for term in found.terms), timedelta())
    assert isinstance(found.terms[0], Term)


def test_absurd_sizes_take_very_long_and_break_nothing() -> None:
    absurd = plan(
        ("size: {postgres: 200GB", "size: {postgres: 999999TB"),
        ("restore_per_second: {postgres: 125MB", "restore_per_second: {postgres: 1KB"),
        ("log_per_day: {postgres: 20GB", "log_per_day: {postgres: 999999TB"),
        ("guard_restarts_per_month: 4", "guard_restarts_per_month: 10000"),
        ("duration: 30s", "duration: 100y"),
        ("margin: 2s", "margin: 100y"),
    )
    assert not row(budget(absurd), "postgres", "data corrupted").met
    with pytest.raises(BudgetUnmet):
        require_kept(absurd)


def test_adding_up_takes_milliseconds() -> None:
    loaded: Plan = plan()
    budget(loaded)
    times = []
    for _ in range(5):
        started = perf_counter()
        budget(loaded)
        times.append(perf_counter() - started)
    assert median(times) < 0.05  # 2 ms on an idle machine
