"""The plan's retention as S3 lifecycle rules."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recovery.copies import lifecycle
from recovery.copies.lifecycle import ARCHIVED_FROM_BYTES, archive_transitions, lifecycle_rules
from recovery.copies.lifecycle_rule import (
    IA_FROM_DAYS,
    MINIMUM_STAY_DAYS,
    LifecycleRule,
    StorageClass,
    Transition,
    problems,
)
from recovery.copies.retention import copy_terms
from recovery.errors import PlanError
from recovery.names import BUNDLE_KEY, POINTERS, backup_folder, manifest_key, pointer_key
from recovery.plan.loading import load_plan
from recovery.plan.plan import Plan
from recovery.plan.sites import SITES, SiteName
from recovery.units import PERMANENT
from tests.support.lifecycle_oracle import as_s3, lifecycle_problems
from tests.support.plans import ROOT

PLAN = load_plan(ROOT / "recovery.yaml")
# Days in production's bucket, days at once in the DR bucket, days altogether; None has no end.
TERMS = st.lists(st.integers(1, 4000), min_size=3, max_size=3).map(sorted)


def moves(at_once: int, end: int) -> list[tuple[int, StorageClass]]:
    found = archive_transitions(timedelta(days=at_once), timedelta(days=end))
    return [(move.days, move.storage_class) for move in found]


def s3_objections(plan: Plan, site: SiteName) -> list[str]:
    """What S3 would say to the compiled rules, given what is written into that bucket."""
    written = [*(each.prefix for each in copy_terms(plan) if each.in_bucket_of(site)), POINTERS, BUNDLE_KEY]
    return [str(each) for each in lifecycle_problems(as_s3(lifecycle_rules(plan, site)), written)]


def dr_rule(name: str) -> LifecycleRule:
    return next(rule for rule in lifecycle_rules(PLAN, "dr") if rule.id == name)


def test_the_committed_plan_archives_fulls_after_30_days_and_goes_cold_after_a_year() -> None:
    assert dr_rule("postgres-full-archive").transitions == (
        Transition(days=30, storage_class="GLACIER"),
        Transition(days=365, storage_class="DEEP_ARCHIVE"),
    )


def test_ranges_that_a_segment_has_replaced_are_gone_after_days_and_not_after_the_log_s_term() -> None:
    """At one a second they are 86,400 a day."""
    assert dr_rule("postgres-log-ranges").noncurrent_days == 3
    assert dr_rule("postgres-log-undo").noncurrent_days == 7
    assert not [rule for rule in lifecycle_rules(PLAN, "prod") if "log" in rule.id]


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
    local, cloud, archive = (timedelta(days=each) for each in days)
    part = getattr(PLAN.datasets.postgres, kind)
    terms = part.keep.model_copy(
        update={"local": local, "cloud": cloud, "archive": PERMANENT if permanent else archive}
    )
    postgres = PLAN.datasets.postgres.model_copy(update={kind: part.model_copy(update={"keep": terms})})
    plan = PLAN.model_copy(update={"datasets": PLAN.datasets.model_copy(update={"postgres": postgres})})
    for site in SITES:
        assert s3_objections(plan, site) == []


@pytest.mark.parametrize("site", SITES)
def test_every_kind_of_copy_has_an_undo_window_and_none_ends_by_lifecycle(site: SiteName) -> None:
    rules = lifecycle_rules(PLAN, site)
    for terms in copy_terms(PLAN):
        windows = [rule.noncurrent_days for rule in rules if rule.prefix == terms.prefix and rule.noncurrent_days]
        assert windows == ([terms.undo_days(site)] if terms.in_bucket_of(site) else [])
    assert not any({"Days", "Date"} & set(rule.get("Expiration", {})) for rule in as_s3(rules))


def test_only_the_dr_bucket_archives() -> None:
    assert not any(rule.transitions for rule in lifecycle_rules(PLAN, "prod"))
    assert any(rule.transitions for rule in lifecycle_rules(PLAN, "dr"))


def test_the_archive_rule_matches_the_keys_that_backups_really_have() -> None:
    key = backup_folder("postgres", "full", epoch=1, source="7", started=datetime(2026, 1, 1, tzinfo=UTC), run="r")
    rule = dr_rule("postgres-full-archive")
    assert manifest_key(key).startswith(rule.prefix)
    assert not pointer_key("postgres", "full", 1).startswith(rule.prefix)


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


def test_rules_are_declared_in_the_form_that_s3_documents() -> None:
    whole = LifecycleRule(
        id="whole",
        prefix="postgres/",
        noncurrent_days=7,
        larger_than_bytes=9,
        transitions=(Transition(days=30, storage_class="GLACIER"),),
        abort_upload_days=2,
        remove_expired_markers=True,
    )
    assert as_s3([whole, LifecycleRule(id="plain", prefix="")]) == [
        {
            "ID": "whole",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": "postgres/", "ObjectSizeGreaterThan": 9}},
            "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}],
            "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
            "Expiration": {"ExpiredObjectDeleteMarker": True},
        },
        {"ID": "plain", "Status": "Enabled", "Filter": {"Prefix": ""}},
    ]


def test_the_compiled_rules_have_no_problem() -> None:
    for site in SITES:
        assert s3_objections(PLAN, site) == []


def rule(name: str, *, prefix: str = "postgres/full/", **values: Any) -> LifecycleRule:
    return LifecycleRule(id=name, prefix=prefix, **values)


def moving(*steps: tuple[int, Any]) -> LifecycleRule:
    moves = tuple(Transition(days=days, storage_class=storage) for days, storage in steps)
    return rule("archive", larger_than_bytes=ARCHIVED_FROM_BYTES, transitions=moves)


LEFTOVERS = rule("leftovers", prefix="", noncurrent_days=30, abort_upload_days=2, remove_expired_markers=True)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("ia-too-early", moving((29, "STANDARD_IA"), (90, "GLACIER"))),
        ("class-gap", moving((30, "STANDARD_IA"), (59, "GLACIER"))),
        ("class-gap", moving((30, "GLACIER"), (119, "DEEP_ARCHIVE"))),
        ("class-order", moving((30, "GLACIER"), (130, "STANDARD_IA"))),
        ("undercut", rule("undo", noncurrent_days=31)),
        ("undercut", rule("uploads", abort_upload_days=3)),
    ],
)
def test_what_the_type_allows_and_s3_does_not_is_found_before_s3_is_asked(name: str, bad: LifecycleRule) -> None:
    (found,) = problems([LEFTOVERS, bad])
    assert found.startswith(f"rule {bad.id}: ") and found.endswith(f"[{name}]")
    assert name in {each.name for each in lifecycle_problems(as_s3([LEFTOVERS, bad]))}


def test_rules_that_s3_takes_as_they_are_meant_are_left_alone() -> None:
    sound = moving((30, "STANDARD_IA"), (90, "GLACIER"), (365, "DEEP_ARCHIVE"))
    assert problems([LEFTOVERS, sound, rule("undo", noncurrent_days=30)]) == []
