"""Terms, locks and undo windows, compiled from the retention table."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.copies.lifecycle import archive_transitions
from recovery.copies.retention import (
    LONGEST_LOCK,
    copy_terms,
    lock_bound_days,
    lock_term,
    longest_newest,
    needed,
    needed_at_once,
)
from recovery.plan.loading import load_plan
from recovery.plan.plan import Plan
from recovery.plan.sites import SITES, SiteName
from recovery.units import PERMANENT
from tests.support.plans import ROOT
from tests.support.retention_copies import locked_until

PLAN = load_plan(ROOT / "recovery.yaml")
STARTED = datetime(2028, 2, 29, 2, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# From one full to the next finished one: a day, a clock change, half an hour late, two hours of work.
NEWEST = DAY + HOUR + timedelta(hours=2, minutes=30)
DAYS = st.lists(st.integers(1, 4000), min_size=3, max_size=3).map(sorted)


def with_keep(dataset: str, kind: str, local: int, cloud: int, archive: int) -> Plan:
    section = getattr(PLAN.datasets, dataset)
    part = getattr(section, kind)
    keep = part.keep.model_copy(update={"local": local * DAY, "cloud": cloud * DAY, "archive": archive * DAY})
    section = section.model_copy(update={kind: part.model_copy(update={"keep": keep})})
    return PLAN.model_copy(update={"datasets": PLAN.datasets.model_copy(update={dataset: section})})


def test_every_row_of_the_table_is_there() -> None:
    assert {each.prefix for each in copy_terms(PLAN)} == {
        "postgres/full/",
        "postgres/incremental/",
        "postgres/log/",
        "mongo/full/",
        "mongo/log/",
        "redis/full/",
        "redis/snapshot/",
        "files/full/",
        "configuration/full/",
    }


def test_the_columns_are_terms_in_two_buckets() -> None:
    (terms,) = [each for each in copy_terms(PLAN) if each.prefix == "postgres/full/"]
    assert (terms.kept("prod"), terms.kept("dr"), terms.at_once("dr")) == (7 * DAY, 7 * 365 * DAY, 30 * DAY)
    (terms,) = [each for each in copy_terms(PLAN) if each.prefix == "configuration/full/"]
    assert terms.kept("dr") == PERMANENT
    assert needed(PLAN, terms, "dr") == PERMANENT


def test_logs_are_not_in_production_s_bucket() -> None:
    assert {each.dataset for each in copy_terms(PLAN) if not each.in_bucket_of("prod")} >= {"postgres", "mongo"}


def test_a_full_is_locked_for_its_term_in_the_bucket_it_is_put_into() -> None:
    assert lock_term(PLAN, "postgres", "full", "prod") == 7 * DAY
    assert lock_term(PLAN, "postgres", "full", "dr") == 30 * DAY


def test_an_incremental_is_locked_for_as_long_as_the_next_may_build_on_it() -> None:
    assert longest_newest(PLAN, "postgres") == NEWEST
    assert lock_term(PLAN, "postgres", "incremental", "prod") == DAY + NEWEST


def test_a_log_is_locked_for_its_term_in_the_dr_bucket_whoever_writes_it() -> None:
    assert {lock_term(PLAN, "postgres", "log", site) for site in SITES} == {7 * DAY}


def test_a_base_is_locked_beyond_its_term_when_its_dependants_are() -> None:
    plan = with_keep("postgres", "incremental", 10, 20, 30)
    assert lock_term(plan, "postgres", "full", "prod") == 10 * DAY + NEWEST


def test_no_lock_outlasts_the_base_s() -> None:
    base = locked_until(PLAN, "postgres", "full", "prod", started=STARTED)
    assert base == STARTED + 7 * DAY
    for kind, later, expected in [
        ("log", DAY, base),
        ("incremental", DAY, STARTED + 2 * DAY + NEWEST),
        ("incremental", 6 * DAY, base),
    ]:
        assert locked_until(PLAN, "postgres", kind, "prod", started=STARTED + later, base_locked_until=base) == expected


def test_without_a_locked_base_there_is_no_lock_since_s3_refuses_a_date_in_the_past() -> None:
    ended = STARTED - HOUR
    assert locked_until(PLAN, "postgres", "log", "prod", started=STARTED, base_locked_until=ended) is None


@given(DAYS, DAYS, DAYS, st.sampled_from(["full", "incremental", "log"]), st.sampled_from(SITES))
def test_a_lock_passes_its_term_only_by_what_may_build_on_it(
    full: list[int], incremental: list[int], log: list[int], kind: str, site: SiteName
) -> None:
    plan = PLAN
    for each, days in (("full", full), ("incremental", incremental), ("log", log)):
        keep = with_keep("postgres", each, *days).datasets.postgres
        postgres = plan.datasets.postgres.model_copy(update={each: getattr(keep, each)})
        plan = plan.model_copy(update={"datasets": plan.datasets.model_copy(update={"postgres": postgres})})
    terms = {each.kind: each for each in copy_terms(plan) if each.dataset == "postgres"}
    bucket: SiteName = "dr" if terms[kind].direct else site
    lock = lock_term(plan, "postgres", kind, site)
    builds = {"full": ["incremental", "log"], "incremental": ["incremental"], "log": []}[kind]
    longest = max([terms[each].at_once(bucket) for each in builds if terms[each].in_bucket_of(bucket)], default=0 * DAY)
    assert terms[kind].at_once(bucket) <= lock <= max(terms[kind].at_once(bucket), longest + NEWEST)


@given(DAYS, DAYS)
def test_the_bound_of_a_role_leaves_room_for_every_lock_of_its_copies_and_for_a_day_more(
    full: list[int], log: list[int]
) -> None:
    plan = with_keep("postgres", "full", *full)
    assert lock_bound_days(plan, "postgres/") == max(
        math.ceil(lock_term(plan, "postgres", kind, site) / DAY) + 1
        for kind in ("full", "incremental", "log")
        for site in SITES
    )
    plan = with_keep("mongo", "log", *log)
    assert lock_bound_days(plan, "mongo/log/") == math.ceil(lock_term(plan, "mongo", "log", "prod") / DAY) + 1


def test_a_lock_is_never_longer_than_s3_takes() -> None:
    plan = with_keep("postgres", "incremental", 36_500, 36_500, 36_500)
    assert lock_term(plan, "postgres", "full", "prod") == LONGEST_LOCK


def test_a_copy_the_plan_does_not_make_has_no_lock() -> None:
    with pytest.raises(KeyError):
        lock_term(PLAN, "files", "incremental", "prod")


def in_days(term: timedelta) -> str:
    return "permanent" if term == PERMANENT else f"{term / DAY:.1f}".removesuffix(".0")


def test_the_table_in_the_documentation_is_the_plan_s() -> None:
    text = (ROOT / "docs" / "retention.md").read_text()
    for terms in copy_terms(PLAN):
        here = terms.in_bucket_of("prod")
        moves = archive_transitions(needed_at_once(PLAN, terms, "dr"), needed(PLAN, terms, "dr"))
        locks = [in_days(lock_term(PLAN, terms.dataset, terms.kind, site)) for site in SITES]
        row = [
            f"`{terms.prefix}`",
            f"{in_days(terms.kept('prod')) if here else '-'} / {in_days(terms.kept('dr'))}",
            ", ".join(f"{move.storage_class} {move.days}" for move in moves),
            " / ".join(locks),
            f"{terms.undo_days('prod') if here else '-'} / {terms.undo_days('dr')}",
        ]
        assert f"| {' | '.join(row)} |" in text
