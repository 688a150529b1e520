"""Which copies may go."""

from dataclasses import replace
from datetime import timedelta

from recovery.copies.catalog import Catalog, Copy
from recovery.copies.manifest import Manifest, Part, Source
from recovery.copies.pruning import decide
from tests.support.pruning_cases import NOW, PLAN, copy, judge, pruned, why_kept


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


def test_no_moment_is_kept_that_only_an_incremental_can_reach() -> None:
    """Fulls and log stay for all that they are needed for, as if there were no incrementals."""
    fulls = [copy("full", age) for age in range(1, 100, 3)]
    logs = [copy("log", age, parent=f"log-{age + 1}" if age < 99 else None) for age in range(100)]
    incrementals = [copy("incremental", full - 0.5, parent=f"full-{full}") for full in range(1, 100, 3)]
    without, beside = judge(*fulls, *logs), judge(*fulls, *logs, *incrementals)
    kept = {each.copy.id for each in without.keeps}
    assert kept and kept <= {each.copy.id for each in beside.keeps}


def test_a_chain_ends_from_its_tip() -> None:
    chain = [
        copy("full", 20),
        copy("incremental", 19.9, parent="full-20"),
        copy("incremental", 19.8, parent="incremental-19.9"),
        copy("full", 1),
    ]
    assert pruned(judge(*chain, site="prod")) == ["incremental-19.8", "incremental-19.9", "full-20"]


def test_log_goes_from_its_beginning_so_that_a_run_that_was_killed_leaves_no_hole() -> None:
    fulls = [copy("full", 90.1), copy("full", 1)]
    logs = [copy("log", age + 0.2, parent=f"log-{age + 1.2:g}" if age < 97 else None) for age in range(97, 0, -1)]
    order = judge(*fulls, *logs).prunes
    assert order[-1].copy.id == "log-90.2"
    for done in range(len(order) + 1):
        gone = {each.copy.id for each in order[:done]}
        left = judge(*fulls, *(each for each in logs if each.id not in gone))
        assert (left.gaps, pruned(left)) == ({}, [each.copy.id for each in order[done:]])


def test_log_that_a_full_reads_by_its_place_stays_whatever_the_clocks_said() -> None:
    """The full's clock was ahead, so the log that it begins with seems to be older than it."""
    full = copy("full", 92, position=1000)
    logs = [copy("log", age, position=position) for age, position in ((94, 1000), (93, 1001), (91, 3000), (1, 9000))]
    assert pruned(judge(full, copy("full", 1, position=8000), *logs)) == ["log-94"]
    assert pruned(judge(full, copy("full", 1), *(replace(each, source="8") for each in logs))) == ["log-94", "log-93"]


def test_a_full_that_finished_within_a_clock_s_error_of_the_oldest_moment_is_not_the_one_before_it() -> None:
    close = copy("full", 90 + 2 / 24 / 60)
    logs = [copy("log", age) for age in range(97, 0, -1)]
    assert why_kept(judge(copy("full", 95), close, *logs), "log-95") == "full full-95 needs it to reach the log's term"


def test_what_is_locked_stays_so_that_a_locked_copy_that_is_hidden_was_hidden_by_somebody_else() -> None:
    locked = copy("full", 9, locked_until=NOW + timedelta(minutes=1))
    verdict = judge(locked, copy("full", 1), site="prod")
    assert why_kept(verdict, "full-9") == "locked until 2028-06-01 12:01"
    assert pruned(judge(replace(locked, locked_until=NOW), copy("full", 1), site="prod")) == ["full-9"]


def test_a_backup_that_lacks_a_part_stays_for_its_term() -> None:
    """Its part may be on its way, or hidden by somebody whose work the pruner would finish."""
    lacking = copy("full", 6, complete=False, lacking=True)
    verdict = judge(lacking, copy("full", 1), site="prod")
    assert why_kept(verdict, "full-6") == "within its term of 7d, though not all of it is there"
    assert pruned(judge(copy("full", 8, complete=False, lacking=True), copy("full", 1), site="prod")) == ["full-8"]


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
    assert pruned(verdict) == ["log-97", "log-96", "log-95", "log-94"]
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
    assert pruned(judge(*old, copy("full", 1))) == ["full-2800", "full-3000", "log-2750"]


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
    made = Copy.of(manifest, "folder/", verified=True, complete=True)
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
