"""Two years of copies: every moment the table promises can be reached, and nothing outlives its term."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from recovery.copies.catalog import Catalog
from recovery.copies.lifecycle import lifecycle_rules
from recovery.copies.pruning import Prune, Verdict, decide
from recovery.copies.retention import copy_terms
from recovery.plan.loading import load_plan
from recovery.plan.plan import Plan
from recovery.plan.sites import SiteName
from recovery.units import PERMANENT
from tests.support.lifecycle_oracle import S3Rule, as_s3
from tests.support.plans import ROOT
from tests.support.pruning_through_bucket import decide_through_bucket
from tests.support.retention_copies import Luck, Practice, locked_until
from tests.support.retention_judge import Judge

COMMITTED = load_plan(ROOT / "recovery.yaml")


def plan_with(terms: dict[str, dict[str, tuple[int, int, int | None]]]) -> Plan:
    """The committed plan with other terms, in days; None is permanent."""
    changed = {}
    for dataset, kinds in terms.items():
        section = getattr(COMMITTED.datasets, dataset)
        parts = {}
        for kind, (local, cloud, archive) in kinds.items():
            part = getattr(section, kind)
            keep = part.keep.model_copy(
                update={
                    "local": timedelta(days=local),
                    "cloud": timedelta(days=cloud),
                    "archive": PERMANENT if archive is None else timedelta(days=archive),
                }
            )
            parts[kind] = part.model_copy(update={"keep": keep})
        changed[dataset] = section.model_copy(update=parts)
    return COMMITTED.model_copy(update={"datasets": COMMITTED.datasets.model_copy(update=changed)})


# Terms that end within the two years, and bases that end before what builds on them.
TIGHT = plan_with(
    {
        "postgres": {"full": (2, 10, 15), "incremental": (3, 14, 40), "log": (1, 7, 25)},
        "mongo": {"full": (7, 8, 15), "log": (1, 7, 25)},
        "redis": {"full": (7, 20, 25), "snapshot": (1, 7, 10)},
        "files": {"full": (3, 20, 30)},
        "configuration": {"full": (30, 60, None)},
    }
)


def compiled(plan: Plan, site: SiteName) -> list[S3Rule]:
    return as_s3(lifecycle_rules(plan, site))


SOUND = Practice(rules=compiled, decide=decide, lock=locked_until)


def judge(plan: Plan, practice: Practice, days: int, seed: int, luck: Luck | None = None) -> list[str]:
    """The promises that were broken; only when none was on the way, those found at the end."""
    world = Judge(plan, practice, seed, luck or Luck())
    world.run(days)
    return world.broken or world.finish()


def test_two_years_with_missed_late_and_broken_backups_and_failovers() -> None:
    world = Judge(TIGHT, SOUND, 7, Luck())
    world.run(730)
    assert world.finish() == []
    # It was eventful enough to mean something.
    assert world.epoch > 3 and world.refused
    assert sum(len(made.removed) for made in world.made) > 4000


def test_the_committed_plan_over_a_quarter() -> None:
    assert judge(COMMITTED, SOUND, 100, seed=1) == []


# Without `explain`, which judges hundreds of worlds more once one has failed.
@settings(max_examples=10, phases=[each for each in Phase if each != Phase.explain])
@given(
    seed=st.integers(0, 10**6),
    luck=st.sampled_from([Luck(), Luck(missed=0.5), Luck(silence=0.1), Luck(failover=0.2), Luck(slow_replica=0.5)]),
    terms=st.lists(st.lists(st.integers(1, 12), min_size=3, max_size=3).map(sorted), min_size=5, max_size=5),
)
@example(seed=92299, luck=Luck(), terms=[[1, 1, 1]] * 5)  # a replica that came after its own term
def test_any_table_is_kept_whatever_goes_wrong(seed: int, luck: Luck, terms: list[list[int]]) -> None:
    full, incremental, log, mongo, mongo_log = ((local, cloud, archive) for local, cloud, archive in terms)
    plan = plan_with(
        {
            "postgres": {"full": full, "incremental": incremental, "log": log},
            "mongo": {"full": mongo, "log": mongo_log},
        }
    )
    assert judge(plan, SOUND, 30, seed, luck) == []


@pytest.mark.parametrize("seed", [3, 11])
def test_the_same_is_kept_by_what_the_pruner_reads_of_a_bucket(seed: int) -> None:
    """Manifests, pointers and the log's objects instead of a catalog that the simulation knows by itself."""
    luck = Luck(missed=0.2, failover=0.05, log_hole=0.03, slow_replica=0.1)
    world = Judge(TIGHT, replace(SOUND, decide=decide_through_bucket), seed, luck)
    world.run(70)
    # That a backup was verified is written down nowhere yet.
    assert [each for each in world.broken or world.finish() if "the newest verified full" not in each] == []
    gone = [each for each in world.made if each.copy.dataset == "postgres" and each.hidden]
    assert {each.copy.kind for each in gone} == {"full", "incremental", "log"} and world.epoch > 1


def changed(change: Callable[[S3Rule], S3Rule]) -> Practice:
    return replace(SOUND, rules=lambda plan, site: [change(rule) for rule in compiled(plan, site)])


def in_bucket_named(rule: S3Rule) -> S3Rule:
    """The original document's mistake."""
    return {**rule, "Filter": {"Prefix": f"ultramarket-backups/{rule['Filter'].get('Prefix', '')}"}}


def undo_of_a_day(rule: S3Rule) -> S3Rule:
    return {**rule, "NoncurrentVersionExpiration": {"NoncurrentDays": 0}}


def ends_after_20_days(rule: S3Rule) -> S3Rule:
    return {**rule, "Expiration": {"Days": 20}} if rule["ID"] == "leftovers" else rule


def archives_at_once(rule: S3Rule) -> S3Rule:
    moves = [{"Days": 1, "StorageClass": "GLACIER"}]
    return {**rule, "Transitions": moves} if "Transitions" in rule else rule


def by_own_term(catalog: Catalog, plan: Plan, now: datetime) -> Verdict:
    """Everything goes when its own term is over."""
    verdict = decide(catalog, plan, now)
    kept = {(each.dataset, each.kind): each.kept(catalog.site) for each in copy_terms(plan)}
    gone = [keep for keep in verdict.keeps if now - keep.copy.finished > kept[keep.copy.dataset, keep.copy.kind]]
    return replace(verdict, prunes=(*verdict.prunes, *(Prune(keep.copy, keep.reason) for keep in gone)))


def with_kept_reason(*reasons: str) -> Practice:
    """A pruner without the rule that gives these reasons."""

    def forgetful(catalog: Catalog, plan: Plan, now: datetime) -> Verdict:
        verdict = decide(catalog, plan, now)
        gone = [keep for keep in verdict.keeps if any(reason in keep.reason for reason in reasons)]
        return replace(verdict, prunes=(*verdict.prunes, *(Prune(keep.copy, keep.reason) for keep in gone)))

    return replace(SOUND, decide=forgetful)


def never_prunes(catalog: Catalog, plan: Plan, now: datetime) -> Verdict:
    return Verdict(keeps=(), prunes=())


def half_the_lock(*args: Any, started: datetime, **more: Any) -> datetime | None:
    until = locked_until(*args, started=started, **more)
    return until and started + (until - started) / 2


def lock_of_the_archive(*args: Any, started: datetime, **more: Any) -> datetime | None:
    return started + timedelta(days=365)


def lock_past_its_base(plan: Plan, dataset: str, kind: str, site: SiteName, *, started: datetime, **_: Any) -> Any:
    return locked_until(plan, dataset, kind, site, started=started)


SABOTAGED_DAYS, SABOTAGED_SEED, SABOTAGED_LUCK = 45, 3, Luck(silence=0.05, slow_replica=0.2)


def test_the_days_of_the_sabotage_are_no_trouble_for_a_sound_practice() -> None:
    assert judge(TIGHT, SOUND, SABOTAGED_DAYS, SABOTAGED_SEED, SABOTAGED_LUCK) == []


@pytest.mark.parametrize(
    ("promise", "practice"),
    [
        ("chain", replace(SOUND, decide=by_own_term)),
        ("newest", replace(SOUND, decide=by_own_term)),
        ("moment", replace(SOUND, decide=by_own_term)),
        ("chain", with_kept_reason("builds on it")),
        ("newest", with_kept_reason("newest")),
        ("moment", with_kept_reason("log that is kept", "log's term")),
        ("only-copy", with_kept_reason("no replica")),
        ("term", with_kept_reason("within its term of 30d")),
        ("outlived", replace(SOUND, decide=never_prunes)),
        ("chain", changed(ends_after_20_days)),
        ("term", changed(ends_after_20_days)),
        ("undo", changed(undo_of_a_day)),
        ("outlived", changed(in_bucket_named)),
        ("at-once", changed(archives_at_once)),
        ("attack", replace(SOUND, lock=half_the_lock)),
        ("lock", replace(SOUND, lock=lock_of_the_archive)),
        ("hidden", with_kept_reason("locked until")),
        ("lock", replace(SOUND, lock=lock_past_its_base)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_sabotaged_practice_is_caught(promise: str, practice: Practice) -> None:
    world = Judge(TIGHT, practice, SABOTAGED_SEED, SABOTAGED_LUCK)

    def caught() -> bool:
        return any(each.startswith(f"{promise}:") for each in world.broken)

    world.run(SABOTAGED_DAYS, stop=caught)
    assert caught() or (world.finish() and caught()), world.broken[:5]
