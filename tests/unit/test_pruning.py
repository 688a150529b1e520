"""Which copies may go."""

from datetime import timedelta

from recovery.catalog_model import Catalog, Copy
from recovery.manifest import Manifest, Part, Source
from recovery.pruning import decide
from tests.unit.pruning_cases import NOW, PLAN, copy, judge, pruned, why_kept


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
