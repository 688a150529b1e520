"""The plan's retention as S3 lifecycle rules."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.backup_bucket import lifecycle_rule
from recovery import lifecycle
from recovery.errors import PlanError
from recovery.lifecycle import (
    ARCHIVED_FROM_BYTES,
    IA_FROM_DAYS,
    MINIMUM_STAY_DAYS,
    LifecycleRule,
    Transition,
    archive_transitions,
    lifecycle_rules,
)
from recovery.lifecycle_checks import lifecycle_problems
from recovery.loading import load_plan
from recovery.model import SITES, SiteName
from recovery.names import POINTERS, backup_prefix, manifest_key, pointer_key
from recovery.retention import copy_terms
from recovery.units import PERMANENT

PLAN = load_plan(Path(__file__).resolve().parents[2] / "recovery.yaml")
# Days in production's bucket, days at once in the DR bucket, days altogether; None has no end.
TERMS = st.lists(st.integers(1, 4000), min_size=3, max_size=3).map(sorted)


def moves(at_once: int, end: int) -> list[tuple[int, str]]:
    found = archive_transitions(timedelta(days=at_once), timedelta(days=end))
    return [(move.days, move.storage_class) for move in found]


def dr_rule(name: str) -> LifecycleRule:
    return next(rule for rule in lifecycle_rules(PLAN, "dr") if rule.id == name)


def test_the_committed_plan_archives_fulls_after_30_days_and_goes_cold_after_a_year() -> None:
    assert dr_rule("postgres-full-archive").transitions == (
        Transition(days=30, storage_class="GLACIER"),
        Transition(days=365, storage_class="DEEP_ARCHIVE"),
    )


def test_a_long_stay_in_the_cloud_term_uses_infrequent_access() -> None:
    assert moves(90, 365)[0] == (30, "STANDARD_IA")


def test_what_stays_too_short_for_glacier_moves_to_infrequent_access_which_is_read_at_once() -> None:
    assert moves(7, 90) == [(30, "STANDARD_IA")]


def test_a_copy_that_is_not_kept_beyond_the_cloud_term_is_never_archived() -> None:
    assert moves(30, 30) == []


def test_what_is_read_at_once_for_a_year_goes_straight_to_the_coldest_class() -> None:
    assert moves(365, 4000) == [(30, "STANDARD_IA"), (365, "DEEP_ARCHIVE")]
    assert archive_transitions(timedelta(days=365), PERMANENT)[-1].storage_class == "DEEP_ARCHIVE"


def test_a_base_is_not_archived_before_what_builds_on_it() -> None:
    """An incremental is readable at once for seven days, and so is the one it builds on, which is older."""
    (move,) = dr_rule("postgres-incremental-archive").transitions
    assert move.days > PLAN.datasets.postgres.incremental.keep.cloud.days + 1


@given(TERMS)
def test_any_retention_makes_transitions_that_s3_accepts_and_that_pay(days: list[int]) -> None:
    _, at_once, end = days
    found = moves(at_once, end)
    ends = [*(day for day, _ in found[1:]), end][: len(found)]
    for (day, storage_class), next_day in zip(found, ends, strict=True):
        assert next_day - day >= MINIMUM_STAY_DAYS[storage_class], found
        assert day >= (IA_FROM_DAYS if storage_class == "STANDARD_IA" else at_once), found


@given(TERMS, st.sampled_from(["full", "incremental", "log"]), st.booleans())
def test_whatever_the_plan_says_s3_accepts_the_rules(days: list[int], kind: str, permanent: bool) -> None:
    """`lifecycle_rules` raises when it would not."""
    local, cloud, archive = (timedelta(days=each) for each in days)
    part = getattr(PLAN.datasets.postgres, kind)
    terms = part.keep.model_copy(
        update={"local": local, "cloud": cloud, "archive": PERMANENT if permanent else archive}
    )
    postgres = PLAN.datasets.postgres.model_copy(update={kind: part.model_copy(update={"keep": terms})})
    plan = PLAN.model_copy(update={"datasets": PLAN.datasets.model_copy(update={"postgres": postgres})})
    for site in SITES:
        assert lifecycle_rules(plan, site)


@pytest.mark.parametrize("site", SITES)
def test_every_kind_of_copy_has_an_undo_window_and_none_ends_by_lifecycle(site: SiteName) -> None:
    rules = lifecycle_rules(PLAN, site)
    for terms in copy_terms(PLAN):
        windows = [rule.noncurrent_days for rule in rules if rule.prefix == terms.prefix and rule.noncurrent_days]
        assert windows == ([terms.undo_days(site)] if terms.in_bucket_of(site) else [])
    assert not any({"Days", "Date"} & set(rule.to_s3().get("Expiration", {})) for rule in rules)


def test_only_the_dr_bucket_archives() -> None:
    assert not any(rule.transitions for rule in lifecycle_rules(PLAN, "prod"))
    assert any(rule.transitions for rule in lifecycle_rules(PLAN, "dr"))


def test_the_archive_rule_matches_the_keys_that_backups_really_have() -> None:
    key = backup_prefix("postgres", "full", epoch=1, source="7", started=datetime(2026, 1, 1, tzinfo=UTC), run="r")
    rule = dr_rule("postgres-full-archive")
    assert manifest_key(key).startswith(rule.prefix)
    assert not pointer_key("postgres", "full").startswith(rule.prefix)


def test_small_objects_such_as_manifests_stay_readable_at_once() -> None:
    archiving = [rule for rule in lifecycle_rules(PLAN, "dr") if rule.transitions]
    assert {rule.larger_than_bytes for rule in archiving} == {ARCHIVED_FROM_BYTES}


def test_unfinished_uploads_end_but_not_before_a_backup_may_still_be_running() -> None:
    files = PLAN.datasets.files
    slow = files.model_copy(update={"full": files.full.model_copy(update={"time_limit": timedelta(days=3)})})
    plan = PLAN.model_copy(update={"datasets": PLAN.datasets.model_copy(update={"files": slow})})
    (leftovers,) = [rule for rule in lifecycle_rules(plan, "prod") if rule.abort_upload_days]
    assert leftovers.prefix == ""
    assert timedelta(days=leftovers.abort_upload_days or 0) > slow.full.start_deadline + slow.full.time_limit


def test_an_ended_copy_can_be_brought_back_for_the_bucket_s_own_term_but_at_least_over_a_weekend() -> None:
    found = {
        (site, rule.prefix): rule.noncurrent_days
        for site in SITES
        for rule in lifecycle_rules(PLAN, site)
        if rule.noncurrent_days
    }
    assert (found["prod", "postgres/full/"], found["dr", "postgres/log/"]) == (7, 7)
    assert (found["prod", "postgres/incremental/"], found["prod", POINTERS]) == (3, 3)


def test_a_preview_with_a_rule_that_s3_refuses_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "IA_FROM_DAYS", 5)
    with pytest.raises(PlanError, match="ia-too-early") as error:
        lifecycle_rules(PLAN, "dr")
    assert "rule postgres-log-archive: STANDARD_IA takes objects from day 30 on, found day 5" in str(error.value)


@pytest.mark.parametrize("site", SITES)
def test_what_is_declared_is_what_was_checked(site: SiteName) -> None:
    for rule in lifecycle_rules(PLAN, site):
        assert _as_declared(rule.to_s3()) == lifecycle_rule(rule)


def _as_declared(value: Any) -> Any:
    """S3's names as Pulumi's Python has them."""
    if isinstance(value, list):
        return [_as_declared(each) for each in value]
    if isinstance(value, dict):
        names = {name: "id" if name == "ID" else re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in value}
        return {"and_" if names[name] == "and" else names[name]: _as_declared(part) for name, part in value.items()}
    return value


def test_the_compiled_rules_have_no_problem() -> None:
    for site in SITES:
        assert lifecycle_problems([rule.to_s3() for rule in lifecycle_rules(PLAN, site)]) == []
