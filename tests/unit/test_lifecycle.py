"""The plan's retention as S3 lifecycle rules."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from recovery.lifecycle import (
    ARCHIVED_FROM_BYTES,
    IA_FROM_DAYS,
    MINIMUM_STAY_DAYS,
    Transition,
    archive_transitions,
    lifecycle_rules,
)
from recovery.loading import load_plan
from recovery.names import backup_prefix, manifest_key, pointer_key
from recovery.plan import Backup, Retention

PLAN = load_plan(Path(__file__).resolve().parents[2] / "recovery.yaml")


def backup(local: int, cloud: int, archive: int) -> Backup:
    """A backup kept this many days in each place."""
    keep = Retention(local=timedelta(days=local), cloud=timedelta(days=cloud), archive=timedelta(days=archive))
    return PLAN.datasets.postgres.full.model_copy(update={"keep": keep})


def test_the_committed_plan_archives_after_30_days_and_goes_cold_after_a_year() -> None:
    assert archive_transitions(PLAN.datasets.postgres.full) == (
        Transition(days=30, storage_class="GLACIER"),
        Transition(days=365, storage_class="DEEP_ARCHIVE"),
    )


def test_a_long_stay_in_the_cloud_term_uses_infrequent_access() -> None:
    assert archive_transitions(backup(7, 90, 365))[0] == Transition(days=30, storage_class="STANDARD_IA")


def test_a_copy_that_is_not_kept_beyond_the_cloud_term_is_never_archived() -> None:
    assert archive_transitions(backup(7, 30, 30)) == ()


@given(st.lists(st.integers(1, 4000), min_size=3, max_size=3).map(sorted))
def test_any_retention_makes_transitions_that_s3_accepts_and_that_pay(days: list[int]) -> None:
    moves = archive_transitions(backup(*days))
    ends = [*(move.days for move in moves[1:]), days[2]][: len(moves)]
    for move, end in zip(moves, ends, strict=True):
        assert end - move.days >= MINIMUM_STAY_DAYS[move.storage_class], moves
        assert move.days >= IA_FROM_DAYS or move.storage_class != "STANDARD_IA", moves


def test_only_the_dr_bucket_archives() -> None:
    assert not any(rule.transitions for rule in lifecycle_rules(PLAN, "prod"))
    assert any(rule.transitions for rule in lifecycle_rules(PLAN, "dr"))


def test_the_archive_rule_matches_the_keys_that_backups_really_have() -> None:
    key = backup_prefix("postgres", "full", epoch=1, source="7", started=datetime(2026, 1, 1, tzinfo=UTC), run="r")
    rule = next(rule for rule in lifecycle_rules(PLAN, "dr") if rule.transitions)
    assert manifest_key(key).startswith(rule.prefix)
    assert not pointer_key("postgres", "full").startswith(rule.prefix)


def test_small_objects_such_as_manifests_stay_readable_at_once() -> None:
    rule = next(rule for rule in lifecycle_rules(PLAN, "dr") if rule.transitions)
    assert rule.larger_than_bytes == ARCHIVED_FROM_BYTES


def test_unfinished_uploads_end_but_not_before_a_backup_may_still_be_running() -> None:
    leftovers = next(rule for rule in lifecycle_rules(PLAN, "prod") if rule.abort_upload_days)
    assert leftovers.prefix == ""
    assert timedelta(days=leftovers.abort_upload_days or 0) > PLAN.datasets.postgres.full.time_limit


def test_the_rule_for_every_object_undercuts_no_other() -> None:
    for site in ("prod", "dr"):
        rules = lifecycle_rules(PLAN, site)
        everything = next(rule for rule in rules if rule.prefix == "")
        assert all((rule.noncurrent_days or 0) <= (everything.noncurrent_days or 0) for rule in rules)
        assert len({rule.id for rule in rules}) == len(rules)


def test_an_ended_copy_can_be_brought_back_for_the_bucket_s_own_term() -> None:
    terms = {
        site: next(rule.noncurrent_days for rule in lifecycle_rules(PLAN, site) if rule.prefix == "postgres/full/")
        for site in ("prod", "dr")
    }
    assert terms == {"prod": 7, "dr": 30}
