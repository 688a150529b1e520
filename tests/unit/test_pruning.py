"""Which copies may go."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from recovery.catalog_model import Catalog, Copy, Named
from recovery.loading import load_plan
from recovery.manifest import Manifest, Part, Source
from recovery.model import SiteName
from recovery.pruning import Verdict, decide

PLAN = load_plan(Path(__file__).resolve().parents[2] / "recovery.yaml")
NOW = datetime(2028, 6, 1, 12, tzinfo=UTC)


def copy(kind: str, days_ago: float, *, dataset: str = "postgres", parent: str | None = None, **more: Any) -> Copy:
    """A copy that finished so many days ago. Its id says so: `full-8`."""
    finished = NOW - timedelta(days=days_ago)
    made = Copy(
        dataset=dataset,
        kind=kind,
        id=f"{kind}-{days_ago:g}",
        folder=f"{dataset}/{kind}/1/7/{days_ago:g}/",
        epoch=1,
        source="7",
        started=finished - timedelta(days=1 if kind == "log" else 1 / 24),
        finished=finished,
        parent=parent,
    )
    return replace(made, **more)


def judge(*copies: Copy, site: SiteName = "dr", **more: Any) -> Verdict:
    catalog = Catalog(site=site, copies=copies, elsewhere=frozenset(each.folder for each in copies))
    return decide(replace(catalog, **more), PLAN, NOW)


def pruned(verdict: Verdict) -> list[str]:
    return [each.copy.id for each in verdict.prunes]


def why_kept(verdict: Verdict, name: str) -> str:
    (reason,) = (each.reason for each in verdict.keeps if each.copy.id == name)
    return reason


def test_each_bucket_has_its_own_term() -> None:
    copies = [copy("full", age) for age in (1, 8, 31, 2556)]
    assert pruned(judge(*copies, site="prod")) == ["full-8", "full-31", "full-2556"]
    assert pruned(judge(*copies, site="dr")) == ["full-2556"]


def test_a_decision_says_why() -> None:
    verdict = judge(copy("full", 1), copy("full", 5), copy("full", 12), site="prod")
    assert why_kept(verdict, "full-5") == "within its term of 7d"
    assert [each.reason for each in verdict.prunes] == ["5d past its term of 7d, and nothing kept needs it"]


def test_permanent_copies_never_go() -> None:
    old = [copy("full", age, dataset="configuration") for age in (1, 40_000)]
    assert pruned(judge(*old, site="dr")) == []
    assert pruned(judge(*old, site="prod")) == ["full-40000"]


def test_a_base_stays_while_a_kept_incremental_builds_on_it() -> None:
    chain = [
        copy("full", 8, parent=None),
        copy("incremental", 7.9, parent="full-8"),
        copy("incremental", 0.5, parent="incremental-7.9"),
        copy("full", 0.2),
    ]
    verdict = judge(*chain, site="prod")
    assert pruned(verdict) == []
    assert why_kept(verdict, "full-8") == "incremental incremental-7.9 builds on it"


def test_a_chain_ends_from_its_tip() -> None:
    chain = [
        copy("full", 20),
        copy("incremental", 19.9, parent="full-20"),
        copy("incremental", 19.8, parent="incremental-19.9"),
        copy("full", 1),
    ]
    assert pruned(judge(*chain, site="prod")) == ["incremental-19.8", "incremental-19.9", "full-20"]


def test_the_newest_full_stays_whatever_its_age() -> None:
    verdict = judge(copy("full", 4000), copy("full", 3999))
    assert pruned(verdict) == ["full-4000"]
    assert why_kept(verdict, "full-3999") == "the newest full"


def test_the_newest_verified_full_stays_although_a_newer_one_is_there() -> None:
    verdict = judge(copy("full", 4000), copy("full", 3999, verified=True), copy("full", 3998))
    assert pruned(verdict) == ["full-4000"]
    assert why_kept(verdict, "full-3999") == "the newest verified full"


def test_a_full_that_a_fenced_site_made_is_not_the_newest() -> None:
    verdict = judge(copy("full", 4000, epoch=2), copy("full", 3999, epoch=1))
    assert pruned(verdict) == ["full-3999"]


def test_an_unfinished_full_is_not_the_newest() -> None:
    assert pruned(judge(copy("full", 4000), copy("full", 3999, complete=False))) == ["full-3999"]


def test_log_is_kept_back_to_the_full_before_the_oldest_promised_moment() -> None:
    fulls = [copy("full", age) for age in (95.5, 93.5, 50, 1)]
    logs = [copy("log", age, parent=f"log-{age + 1}" if age < 97 else None) for age in range(97, 0, -1)]
    verdict = judge(*fulls, *logs)
    # 90 days of log are promised; the full before that began 93.5 days ago, on a day whose log ended 93 days ago.
    assert pruned(verdict) == ["log-94", "log-95", "log-96", "log-97"]
    assert why_kept(verdict, "log-93") == "full full-93.5 needs it to reach the log's term"


def test_a_full_stays_while_log_that_is_kept_begins_at_it() -> None:
    keep = PLAN.datasets.mongo.full.keep.model_copy(update={"archive": timedelta(days=30)})
    full = PLAN.datasets.mongo.full.model_copy(update={"keep": keep})
    mongo = PLAN.datasets.mongo.model_copy(update={"full": full})
    plan = PLAN.model_copy(update={"datasets": PLAN.datasets.model_copy(update={"mongo": mongo})})
    copies = [copy("full", age, dataset="mongo") for age in (100, 91, 60, 1)]
    logs = [copy("log", age, dataset="mongo") for age in range(100, 0, -1)]
    verdict = decide(Catalog(site="dr", copies=(*copies, *logs)), plan, NOW)
    assert [name for name in pruned(verdict) if name.startswith("full")] == ["full-100"]
    assert why_kept(verdict, "full-91") == "log that is kept begins at it"


def test_fulls_are_not_kept_for_log_that_has_ended() -> None:
    old = [copy("full", 3000), copy("full", 2800), copy("log", 2750)]
    assert pruned(judge(*old, copy("full", 1))) == ["log-2750", "full-2800", "full-3000"]


def test_production_s_copy_stays_until_the_dr_bucket_has_it() -> None:
    copies = [copy("full", 9), copy("full", 1)]
    verdict = judge(*copies, site="prod", elsewhere=frozenset())
    assert why_kept(verdict, "full-9") == "the DR bucket has no replica of it"
    assert pruned(judge(*copies, site="prod", elsewhere=frozenset({copies[0].folder}))) == ["full-9"]


def test_a_dr_bucket_that_cannot_be_asked_is_not_taken_to_have_it() -> None:
    verdict = judge(copy("full", 9), copy("full", 1), site="prod", elsewhere=None)
    assert why_kept(verdict, "full-9") == "the DR bucket could not be asked"


def test_production_does_not_wait_for_a_replica_whose_own_term_is_over() -> None:
    assert pruned(judge(copy("full", 3000), copy("full", 1), site="prod", elsewhere=frozenset())) == ["full-3000"]


def test_what_never_finished_goes_once_no_run_can_be_writing_it() -> None:
    verdict = judge(copy("full", 3, complete=False), copy("full", 1, complete=False), copy("full", 0.5))
    assert pruned(verdict) == ["full-3"]
    assert verdict.prunes[0].reason == "never finished: no manifest after 3d"
    assert why_kept(verdict, "full-1") == "unfinished, perhaps still being written"


def test_a_day_of_log_that_was_cut_off_is_log_all_the_same() -> None:
    verdict = judge(copy("full", 60), copy("log", 50, complete=False), copy("log", 91, complete=False))
    assert pruned(verdict) == ["log-91"]


def test_kinds_that_the_plan_does_not_know_are_kept() -> None:
    verdict = judge(copy("differential", 9999), copy("full", 1))
    assert "the plan knows no such copies" in why_kept(verdict, "differential-9999")


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


def test_the_end_of_older_log_is_no_gap() -> None:
    assert judge(copy("log", 3, parent="log-4"), copy("log", 2, parent="log-3")).gaps == {}


def test_log_that_begins_anew_is_no_gap() -> None:
    assert judge(copy("log", 5), copy("log", 2)).gaps == {}


def test_a_pointer_to_a_copy_past_its_term_is_no_gap() -> None:
    gone = Named(folder="postgres/incremental/1/7/x/", finished=NOW - timedelta(days=400))
    assert judge(copy("full", 1), latest={("postgres", "incremental"): gone}).gaps == {}


def test_every_copy_is_judged_once() -> None:
    copies = [copy(kind, age) for kind in ("full", "log") for age in range(0, 4000, 37)]
    verdict = judge(*copies)
    assert sorted(each.copy.folder for each in (*verdict.keeps, *verdict.prunes)) == sorted(c.folder for c in copies)


def test_a_manifest_becomes_a_copy() -> None:
    manifest = Manifest(
        dataset="postgres",
        kind="incremental",
        id="i",
        started=NOW,
        finished=NOW,
        source=Source(
            site="prod", epoch=3, system_identifier="7", timeline=1, server_version="18", database="ultramarket"
        ),
        start_position="0/1",
        stop_position="0/2",
        parts=(Part(key="k", bytes=1, sha256="0" * 64, raw_bytes=1),),
        tools={},
        parent="f",
        plan_digest="d",
        retain_until=NOW,
    )
    made = Copy.of(manifest, "folder/", verified=True)
    assert (made.epoch, made.source, made.parent, made.verified, made.folder) == (3, "7", "f", True, "folder/")


def test_what_the_next_incremental_will_build_on_stays() -> None:
    """Nothing builds on the newest incremental yet, and it may be past its term when the next one is made."""
    chain = [
        copy("full", 3),
        copy("incremental", 2.2, parent="full-3"),
        copy("incremental", 2, parent="incremental-2.2"),
    ]
    verdict = judge(*chain, site="prod")
    assert pruned(verdict) == []
    assert why_kept(verdict, "incremental-2") == "the next incremental builds on it"
    assert pruned(judge(*chain, copy("full", 0.5), site="prod")) == ["incremental-2", "incremental-2.2"]


def test_a_replica_that_came_after_its_base_had_ended_goes_when_its_own_term_is_over() -> None:
    late = copy("incremental", 366, parent="full-367")
    verdict = judge(copy("full", 1), late)
    assert verdict.gaps == {}
    assert pruned(verdict) == ["incremental-366"]
