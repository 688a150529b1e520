"""`dr status` tells what it sees, and UNKNOWN for what it does not see."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from engines.catalog import move_pointer
from operations.monitoring import status
from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING, Finding
from operations.monitoring.sources import Sources
from recovery.copies.log_position import LogPosition
from recovery.copies.manifest import Manifest
from recovery.copies.retention import DUE_LOOKED_AT
from recovery.errors import DrError, Refused, Unreachable
from recovery.lease.backup_runs import NOTHING_CHANGED
from recovery.lease.guard_report import SlotSeen
from recovery.monitoring.finding_alarms import FINDINGS
from recovery.names import manifest_key
from recovery.plan.loading import parse_plan
from recovery.plan.plan import SiteName
from recovery.ports import EdgeSeen, FailedJob, RunClaim, ScheduledJobs, ServiceAnswer
from scripts.findings_output import show
from scripts.output import ExitWith
from tests.support.fakes import FakeBucket
from tests.support.manifests import manifest
from tests.support.plans import edited
from tests.support.promotion import (
    EDGE,
    NOW,
    OTHER_GLIBC,
    SYSTEM,
    FakeBackups,
    FakeLeases,
    FakeRuns,
    FakeWalls,
    Site,
    bundle,
    guard_report,
    lease,
    ports,
    process,
    standby,
)

Look = Callable[..., dict[str, Finding]]


WEEKLY = ('schedule: "0 2 * * *"', 'schedule: "0 2 * * 0"')


@pytest.fixture
def copies() -> FakeBucket:
    """The DR bucket, with a full backup of an hour ago."""
    store = FakeBucket("copies")
    finished(store, timedelta(hours=1))
    return store


def finished(store: FakeBucket, ago: timedelta, *, epoch: int = 1) -> Manifest:
    """Let the newest full backup be so old, and the only one."""
    store.objects.clear()
    made = manifest(epoch=epoch, started=NOW - ago - timedelta(minutes=1))
    key = manifest_key(made.parts[0].key.rpartition("/")[0] + "/")
    store.objects |= {made.parts[0].key: b"xxx", key: made.to_json()}
    assert move_pointer(store, made, key)
    log = LogPosition(epoch=epoch, system=SYSTEM, timeline=epoch, segment_bytes=2**24, start=0, end=2**40, at=NOW)
    store.objects[log.key] = log.to_json()
    return made


def sources(site: Site, copies: FakeBucket) -> Sources:
    """Everything of one site in memory."""
    found = ports(site)
    return Sources(
        leases=FakeLeases(site),
        runs=FakeRuns(site),
        reports=found.reports,
        backups=FakeBackups(site),
        walls=FakeWalls(site),
        standby=found.standby,
        cluster=found.cluster,
        marker=found.marker,
        edge=lambda: found.dr_edge,
        copies=copies,
        origin=FakeBucket("origin"),
    )


@pytest.fixture
def look(copies: FakeBucket) -> Callable[..., dict[str, Finding]]:
    """All findings by name."""
    return lambda site, of=None: {
        finding.name: finding for finding in status.look(of or bundle(), sources(site, copies), now=NOW)
    }


def healthy() -> Site:
    """Production works and the standby follows."""
    beat = lease().heartbeat
    assert beat
    return Site(lease=lease(heartbeat=replace(beat, at=NOW)), database=standby(streaming=True))


def test_status_is_ok_while_production_works_and_dr_follows(look: Look) -> None:
    assert {finding.level for finding in look(healthy()).values()} == {OK}


def test_status_is_critical_when_the_guard_has_gone_silent_for_a_lease(look: Look) -> None:
    assert look(Site())["lease"].level == CRITICAL


def test_status_says_unknown_for_whatever_does_not_answer(look: Look) -> None:
    site = healthy()
    site.down = {"standby", "cluster", "marker", "journal", "lease", "walls"}
    found = look(site)
    assert {name for name, finding in found.items() if finding.level == UNKNOWN} == {
        "lease", "standby", "disk", "collation", "services", "jobs", "marker", "wall prod", "wall dr", "promotion",
    }  # fmt: skip


def test_a_standing_by_guard_is_shown_and_one_that_could_not_open_its_gate_is_critical(look: Look) -> None:
    site = healthy()
    assert look(site)["guard dr"].words == (
        "gate closed, enforce, version 0.1.0; logged in to a standby; reported 10 s ago"
    )
    site.reports["dr"] = guard_report(database=None, database_problem="password authentication failed")
    found = look(site)["guard dr"]
    assert (found.level, "password authentication failed" in found.words) == (CRITICAL, True)
    assert "dr_guard" in found.next_step
    site.reports["dr"] = None
    assert (look(site)["guard dr"].level, look(site)["guard prod"].level) == (CRITICAL, OK)


def test_a_guard_that_does_not_enforce_is_told_and_production_s_silence_after_a_failover_is_not_an_alarm(
    look: Look, tmp_path: Path
) -> None:
    site = healthy()
    site.reports["dr"] = guard_report(mode="observe")
    assert look(site)["guard dr"].level == WARNING
    site.reports["dr"] = guard_report()
    promoted(site, tmp_path)
    site.reports["prod"] = None
    assert look(site)["guard prod"] == Finding("guard prod", OK, "no report; the DR site is active")


def test_status_warns_of_a_standby_that_is_behind_and_of_services_below_the_floor(look: Look) -> None:
    site = healthy()
    site.database = standby(receive_lsn=400)
    site.broken = {"cart": "CrashLoopBackOff"}
    found = look(site)
    assert "600 bytes behind" in found["standby"].words
    assert "cart 0 of 1 (CrashLoopBackOff)" in found["services"].words


def test_a_standby_further_behind_than_the_rpo_is_critical_and_one_with_nothing_to_replay_is_not(look: Look) -> None:
    site, quiet = healthy(), NOW - timedelta(hours=5)
    site.database = standby(streaming=True, receive_lsn=400, last_replayed_at=NOW - timedelta(minutes=16))
    found = look(site)["standby"]
    assert (found.level, "16m late" in found.words) == (CRITICAL, True)
    site.database = standby(streaming=True, receive_lsn=400, last_replayed_at=NOW - timedelta(minutes=14))
    assert look(site)["standby"].level == OK
    site.database = standby(streaming=True, last_replayed_at=quiet)
    assert look(site)["standby"].level == OK


def test_every_finding_has_its_alarm(look: Look) -> None:
    assert list(look(healthy())) == list(FINDINGS)


def test_status_says_still_scaling_while_traffic_could_move(look: Look, tmp_path: Path) -> None:
    site = healthy()
    process(site, tmp_path)
    site.few = {"cart": 2}
    assert look(site)["services"].words == "still scaling: cart 2 of 3"
    site.few = {"cart": 1}
    assert look(site)["services"].words == "cart 1 of 3"


GIB = 2**30


@pytest.mark.parametrize(
    ("slots", "cap", "level", "words"),
    [
        (None, 10 * GIB, UNKNOWN, "its guard does not say: it is silent"),
        ((), 10 * GIB, WARNING, "no slot"),
        ((SlotSeen("dr_standby", 4 * GIB, False),), 10 * GIB, OK, "of WAL for dr_standby, 40% of the "),
        ((SlotSeen("dr_standby", 6 * GIB, False), SlotSeen("log", 1, False)), 10 * GIB, WARNING, "60%"),
        ((SlotSeen("dr_standby", 9 * GIB, False),), 10 * GIB, CRITICAL, "90%"),
        ((SlotSeen("dr_standby", 1, False),), None, WARNING, "nothing bounds it"),
        ((SlotSeen("log", 0, True), SlotSeen("dr_standby", 1, False)), 10 * GIB, CRITICAL, "given up slot log"),
    ],
)
def test_status_tells_what_slots_keep_on_production_s_disk(
    look: Look, slots: tuple[SlotSeen, ...] | None, cap: int | None, level: int, words: str
) -> None:
    site = healthy()
    report = site.reports["prod"]
    assert report and report.database
    site.reports["prod"] = replace(report, database=replace(report.database, slots=slots, slot_cap=cap))
    found = look(site)["slots"]
    assert (found.level, words in found.words) == (level, True), found.words
    site.reports["prod"] = replace(report, at=NOW - timedelta(hours=1))
    assert look(site)["slots"].level == UNKNOWN


HOUR = timedelta(hours=1)
DONE = ScheduledJobs(
    name="backup-postgres-full", since=NOW - 900 * HOUR, schedule="0 2 * * *", suspended=False, running_since=None,
    succeeded=NOW - HOUR,
    failed=None,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({}, OK, "of 1 CronJobs none failed last"),
        ({"failed": FailedJob("b-1", "DeadlineExceeded", NOW - 2 * HOUR)}, OK, "none failed last"),
        ({"failed": FailedJob("b-2", "DeadlineExceeded", NOW)}, WARNING, "b-2 failed 0s ago (DeadlineExceeded)"),
        ({"succeeded": None, "failed": FailedJob("b-3", "", NOW)}, WARNING, "(no reason given)"),
        ({"suspended": True}, WARNING, "backup-postgres-full is suspended"),
        ({"running_since": NOW - 23 * HOUR}, OK, "none failed last"),
        ({"running_since": NOW - 50 * HOUR}, WARNING, "has run for 50h, so 2 runs after it did not start"),
        ({"schedule": DUE_LOOKED_AT, "running_since": NOW - 2 * HOUR}, OK, "none failed last"),  # it makes what was due
    ],
)
def test_status_tells_of_scheduled_jobs_that_failed_or_run_into_the_next(
    look: Look, changes: dict[str, object], level: int, words: str
) -> None:
    site = healthy()
    site.jobs = (replace(DONE, **changes),)
    found = look(site)["jobs"]
    assert (found.level, words in found.words) == (level, True), found.words


@pytest.mark.parametrize(
    ("where", "changes", "level", "words"),
    [
        ("dr", {}, OK, "dr: last run skipped; 0 made, 1 skipped, 0 failed [1h ago]"),
        ("dr", None, WARNING, "dr: no scheduled run so far"),
        ("dr", {"at": NOW - timedelta(days=2)}, WARNING, "the next did not start, or was killed"),
        ("dr", {"outcome": "failed", "why": "no bucket"}, WARNING, "dr: last run failed (no bucket)"),
    ],
)
def test_status_counts_what_scheduled_backups_did_at_each_site(
    look: Look, where: SiteName, changes: dict[str, object] | None, level: int, words: str
) -> None:
    site = healthy()
    before = site.backups[where]
    assert before
    site.backups[where] = None if changes is None else replace(before, **changes)
    found = look(site)["runs postgres full"]
    assert (found.level, words in found.words) == (level, True), found.words


@pytest.mark.parametrize(
    ("where", "changes", "level", "words"),
    [
        ("prod", {}, OK, "prod: last run made; 1 made, 0 skipped, 0 failed [1h ago]; dr: last run skipped"),
        ("prod", None, WARNING, "prod: no scheduled run so far"),
        ("dr", {"at": NOW - timedelta(hours=9)}, WARNING, "longer ago than the schedule's 8h"),
        (
            "prod",
            {"outcome": "failed", "why": "nothing of postgres was judged: x is damaged"},
            WARNING,
            "prod: last run failed (nothing of postgres was judged: x is damaged)",
        ),
    ],
)
def test_status_tells_when_a_bucket_is_not_pruned(
    look: Look, where: SiteName, changes: dict[str, object] | None, level: int, words: str
) -> None:
    site = healthy()
    before = site.pruners[where, "dr"]
    assert before
    site.pruners[where, "dr"] = None if changes is None else replace(before, **changes)
    found = look(site)
    assert (found["pruner dr"].level, words in found["pruner dr"].words) == (level, True), found["pruner dr"].words
    assert found["pruner prod"].level == OK


@pytest.mark.parametrize(("days", "level"), [(29, OK), (31, WARNING)])
def test_copies_that_wait_for_their_own_account_to_end_them_are_told_after_a_month(
    look: Look, days: int, level: int
) -> None:
    site = healthy()
    before = site.pruners["prod", "dr"]
    assert before
    site.pruners["prod", "dr"] = replace(before, due=3, due_since=NOW - timedelta(days=days))
    plan = parse_plan(edited(("time_zone:", 'backup_account: "210987654321"\ntime_zone:')))
    found = look(site, bundle(plan=plan))["pruner dr"]
    assert (found.level, "; copies have been due for 31d" in found.words) == (level, level == WARNING)
    assert ("sign in to account 210987654321" in found.next_step) == (level == WARNING)
    assert look(site)["pruner prod"].level == OK


def test_status_tells_of_copies_that_somebody_hid_and_a_bucket_that_cannot_be_seen_keeps_nothing_from_the_other(
    look: Look,
) -> None:
    site = healthy()
    quiet = look(site)["hidden dr"]
    assert (quiet.level, quiet.words) == (OK, "none [1h ago, by site prod]")
    before = site.pruners["prod", "dr"]
    assert before
    site.pruners["prod", "dr"] = replace(before, hidden=3)
    site.pruners["prod", "prod"] = None
    found = look(site)
    assert (found["hidden dr"].level, found["hidden dr"].words) == (CRITICAL, "3 [1h ago, by site prod]")
    assert "`dr prune --bucket dr` names them" in found["hidden dr"].next_step
    assert (found["hidden prod"].level, found["hidden prod"].words) == (
        UNKNOWN, "nobody has looked yet, or the look failed",
    )  # fmt: skip


def test_a_count_of_hidden_copies_that_is_older_than_a_pruner_may_be_silent_is_no_answer(look: Look) -> None:
    site, ago = healthy(), NOW - timedelta(hours=9)
    before = site.pruners["prod", "dr"]
    assert before
    site.pruners["prod", "dr"] = replace(before, at=ago)
    found = look(site)["hidden dr"]
    assert (found.level, found.words) == (UNKNOWN, "none [9h ago, by site prod], and nobody has looked since")
    site.pruners["prod", "dr"] = replace(before, at=ago, hidden=1)
    assert look(site)["hidden dr"].level == CRITICAL


@pytest.mark.parametrize(
    ("hour", "hours", "level", "words"),
    [
        # It is 08:00 in Tashkent; a run may start 30 min late and take 2 h.
        (2, 0, OK, "dr: first run due at 2026-11-23 02:00 Asia/Tashkent"),
        (2, 5, OK, "dr: first run due at 2026-11-23 02:00 Asia/Tashkent"),
        (2, 7, WARNING, "dr: no scheduled run so far"),
        (6, 7, OK, "dr: first run due at 2026-11-22 06:00 Asia/Tashkent"),
        (5, 7, WARNING, "dr: no scheduled run so far"),
    ],
)
def test_a_new_site_s_first_scheduled_backup_is_waited_for(
    look: Look, hour: int, hours: int, level: int, words: str
) -> None:
    plan = parse_plan(edited(('schedule: "0 2 * * *"', f'schedule: "0 {hour} * * *"')))
    site = healthy()
    site.backups["dr"] = None
    site.jobs = (replace(DONE, since=NOW - hours * HOUR), replace(DONE, name="dr-monitor", since=NOW - 900 * HOUR))
    found = look(site, bundle(plan=plan))["runs postgres full"]
    assert (found.level, words in found.words) == (level, True), found.words
    site.jobs = (replace(DONE, since=NOW - 4 * HOUR),)
    site.backups["prod"] = None  # whose cluster is not asked
    assert look(site)["runs postgres full"].level == WARNING


@pytest.mark.parametrize(("gibibytes", "level"), [(319, OK), (321, WARNING), (361, CRITICAL)])
def test_status_tells_how_full_the_standby_s_disk_is(look: Look, gibibytes: int, level: int) -> None:
    site = healthy()
    site.used = gibibytes * 2**30
    found = look(site)["disk"]
    assert found.level == level
    assert "of a disk of 429" in found.words
    assert (level == OK) == (not found.next_step)


def test_status_warns_of_text_that_is_sorted_in_another_way(look: Look) -> None:
    site = healthy()
    site.collations = (OTHER_GLIBC,)
    found = look(site)["collation"]
    assert found.level == WARNING
    assert "database ultramarket was sorted by another collation library (version 2.31 there, 2.36 here)" in found.words
    assert "indexes orders_pkey may miss rows" in found.words
    assert 'REINDEX DATABASE "ultramarket"' in found.words


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        (None, WARNING, "never checked"),
        ({}, OK, "the database at dr.example:5432 keeps the application out"),
        ({"at": NOW - timedelta(days=40)}, WARNING, "last checked 40d ago"),
        ({"holds": False, "words": "no password supplied"}, CRITICAL, "LET THE APPLICATION IN past the gate"),
    ],
)
def test_status_says_what_the_last_check_of_a_wall_is_worth_today(
    look: Look, changes: dict[str, object] | None, level: int, words: str
) -> None:
    site = healthy()
    held = site.walls["dr"]
    assert held
    site.walls["dr"] = None if changes is None else replace(held, **changes)
    found = look(site)
    assert found["wall dr"].level == level and words in found["wall dr"].words
    assert level == OK or "dr check wall --site dr" in found["wall dr"].next_step
    assert found["wall prod"].level == OK


def test_a_marker_without_a_promotion_is_critical(look: Look) -> None:
    site = healthy()
    site.marker = True
    assert look(site)["marker"].level == CRITICAL


def test_status_names_the_step_of_an_unfinished_promotion_and_is_content_with_a_finished_one(
    look: Look, tmp_path: Path
) -> None:
    from recovery.errors import Failed

    site = healthy()
    site.broken = {"cart": "Pending"}
    with pytest.raises(Failed):
        process(site, tmp_path)
    assert "is at: services" in look(site)["promotion"].words
    site.broken.clear()
    process(site, tmp_path)
    found = look(site)
    assert "finished" in found["promotion"].words
    assert found["services"].words.endswith("full size")
    assert found["marker"].level == OK


@pytest.mark.parametrize(
    ("levels", "code"),
    [((0, 0), 0), ((0, 1), 1), ((1, 3), 3), ((3, 2), 2)],
    ids=["ok", "warning", "unknown", "critical"],
)
def test_status_ends_with_the_worst_of_its_findings(levels: tuple[int, ...], code: int) -> None:
    with pytest.raises(ExitWith) as end:
        show([Finding(str(n), level, "") for n, level in enumerate(levels)], json=True)
    assert end.value.code == code


def promoted(site: Site, folder: Path, copies: FakeBucket | None = None) -> None:
    """A promotion that came to its end; with `copies`, a full backup since then."""
    process(site, folder)
    if copies:
        finished(copies, timedelta(minutes=1), epoch=2)
    beat = lease().heartbeat
    assert site.lease and beat
    site.lease = replace(site.lease, heartbeat=replace(beat, at=NOW))


def test_without_a_full_backup_since_the_promotion_nothing_is_well(
    look: Look, copies: FakeBucket, tmp_path: Path
) -> None:
    site = healthy()
    promoted(site, tmp_path)
    found = look(site)["backup postgres full"]
    assert found.level == CRITICAL and "since the promotion (epoch 2)" in found.words
    assert (
        "`kubectl create job --namespace ultramarket-dr --from=cronjob/backup-postgres-full "
        "backup-postgres-full-epoch-2`" in found.next_step
    )
    finished(copies, timedelta(minutes=1), epoch=2)
    assert look(site)["backup postgres full"].level == OK


def test_a_marker_deleted_after_a_failover_is_critical_with_the_command_that_puts_it_back(
    look: Look, copies: FakeBucket, tmp_path: Path
) -> None:
    site = healthy()
    promoted(site, tmp_path, copies)
    assert {finding.level for finding in look(site).values()} == {OK}
    site.marker = False
    found = look(site)["marker"]
    assert found.level == CRITICAL
    assert (
        "leads to production, which is fenced: site dr holds the lease (epoch 2), so nobody takes orders" in found.words
    )
    assert found.next_step == "run `dr promote`, then the same with --execute: it puts the marker back"


def test_a_marker_while_production_holds_the_lease_is_named_with_the_lease(look: Look) -> None:
    site = healthy()
    site.marker = True
    found = look(site)["marker"]
    assert (
        "leads to DR, but site prod holds the lease (epoch 1): customers reach a site whose gate is closed"
        in found.words
    )
    assert "find out who put it there" in found.next_step


def test_a_promotion_that_moves_the_name_later_is_no_alarm(look: Look) -> None:
    site = healthy()
    site.lease = lease(site="dr", epoch=2, state="taken", holder_run="r")
    assert look(site)["marker"].level == WARNING
    site.lease = lease(site="dr", epoch=2, holder_run="r")
    site.claim = RunClaim(run="r", holder="host:1", boot_id="b", beat=3)
    assert look(site)["marker"].level == WARNING
    site.claim = None
    found = look(site)["marker"]
    assert (found.level, found.next_step) == (CRITICAL, "run `dr promote`, then the same with --execute: it resumes")


def test_a_marker_is_not_called_right_while_the_lease_is_not_known(look: Look) -> None:
    site = healthy()
    site.down = {"lease"}
    assert look(site)["marker"].level == UNKNOWN


def test_a_primary_at_dr_that_holds_no_lease_is_critical(look: Look) -> None:
    site = healthy()
    site.database = standby(in_recovery=False, timeline=2)
    found = look(site)["standby"]
    assert found.level == CRITICAL and "timeline 2" in found.words and found.next_step


def test_a_standby_of_another_system_than_the_lease_recorded_is_critical(look: Look) -> None:
    site = healthy()
    assert site.lease
    site.lease = replace(site.lease, system_identifier="7300000000000000001")
    found = look(site, bundle(system_identifier=None))["standby"]
    assert found.level == CRITICAL and "production's is 7300000000000000001, as the lease recorded it" in found.words


def test_a_guard_of_another_system_than_the_lease_recorded_is_critical(look: Look) -> None:
    site = healthy()
    assert site.lease
    site.lease = replace(site.lease, system_identifier="7300000000000000001")
    found = look(site, bundle(system_identifier=None))["guard dr"]
    assert found.level == CRITICAL and "production's is 7300000000000000001" in found.words


def test_another_database_behind_production_s_gate_is_critical_with_the_deliberate_act(look: Look) -> None:
    site = healthy()
    assert site.lease and site.lease.heartbeat
    beat = replace(site.lease.heartbeat, system_identifier="72")
    site.lease = replace(site.lease, system_identifier="71", heartbeat=beat)
    found = look(site)["lease"]
    assert found.level == CRITICAL and "has system identifier 72, the lease recorded 71" in found.words
    assert "`dr lease system 72 --replaces 71`" in found.next_step


def test_the_newest_backup_may_be_as_old_as_the_plan_s_schedule_makes_it(look: Look, copies: FakeBucket) -> None:
    # A day, an hour for a clock change, late by 30 min, running for 2 h, replicated after 15 min.
    for age, level in ((27, OK), (28, WARNING)):
        finished(copies, timedelta(hours=age))
        assert look(healthy())["backup postgres full"].level == level
    assert "older than 27h 45m" in look(healthy())["backup postgres full"].words


def test_a_full_stands_in_for_an_incremental_and_so_does_a_run_that_found_nothing_changed(
    look: Look, copies: FakeBucket
) -> None:
    # Eight hours over night, one for a clock change, late by 30 min, running for 1 h, replicated after 15 min.
    for age, level in ((10, OK), (11, WARNING)):
        finished(copies, timedelta(hours=age))
        found = look(healthy())["backup postgres incremental"]
        assert found.level == level and "postgres/full/" in found.words
    quiet = healthy()
    report = quiet.backups["prod"]
    assert report
    quiet.backups["prod"] = replace(report, outcome="skipped", why=f"{NOTHING_CHANGED} it", at=NOW - timedelta(hours=3))
    found = look(quiet)["backup postgres incremental"]
    assert found.level == OK and "nothing had changed 3h ago" in found.words
    assert look(quiet)["backup postgres full"].level == OK


def test_a_weekly_backup_does_not_warn_six_days_of_seven(look: Look, copies: FakeBucket) -> None:
    weekly = bundle(plan=parse_plan(edited(WEEKLY)))
    for days, level in ((1, OK), (6, OK), (7, OK), (8, WARNING)):
        finished(copies, timedelta(days=days))
        assert look(healthy(), weekly)["backup postgres full"].level == level


def test_a_backup_that_is_missing_or_of_tomorrow_is_worth_a_look(look: Look, copies: FakeBucket) -> None:
    finished(copies, timedelta(hours=-2))
    found = look(healthy())["backup postgres full"]
    assert found.level == WARNING and "2h in the future" in found.words
    copies.objects.clear()
    found = look(healthy())["backup postgres full"]
    assert found.level == WARNING and "`dr backup postgres full`" in found.next_step
    copies.reachable = False
    assert look(healthy())["backup postgres full"].level == UNKNOWN


def test_a_backup_that_is_arriving_is_not_the_newest_and_one_that_never_arrived_is_a_finding_of_its_own(
    look: Look, copies: FakeBucket
) -> None:
    finished(copies, timedelta(hours=23))
    for minutes, level, words in ((20, OK, "arriving: 1 of 1 objects"), (40, WARNING, "incomplete: 1 of 1 objects")):
        made = manifest("bbbb", started=NOW - timedelta(minutes=minutes + 1))
        folder = made.parts[0].key.rpartition("/")[0] + "/"
        copies.objects[manifest_key(folder)] = made.to_json()
        move_pointer(copies, made, manifest_key(folder))
        found = look(healthy())
        assert found["backup postgres full"].level == OK and "of 23h ago" in found["backup postgres full"].words
        assert found["arrival postgres full"].level == level and words in found["arrival postgres full"].words
        del copies.objects[manifest_key(folder)]
    finished(copies, timedelta(hours=1))
    assert look(healthy())["arrival postgres full"].words == "nothing is on its way"


def test_a_damaged_manifest_of_the_newest_backup_is_critical(look: Look, copies: FakeBucket) -> None:  # fault 51
    made = finished(copies, timedelta(hours=1))
    copies.objects[manifest_key(made.parts[0].key.rpartition("/")[0] + "/")] = b"{"
    assert look(healthy())["backup postgres full"].level == CRITICAL


def test_uploads_that_a_killed_backup_left_open_are_counted_with_what_ends_them(look: Look, copies: FakeBucket) -> None:
    copies.uploads = {"postgres/full/a": NOW - timedelta(hours=2)}
    found = look(healthy())["uploads dr"]
    assert (found.level, found.words) == (OK, "copies: 1 running")
    copies.uploads |= {f"postgres/full/{n}": NOW - timedelta(hours=10 + n) for n in range(3)}
    found = look(healthy())["uploads dr"]
    assert found.level == WARNING
    assert "3 left open by a backup that was killed, the oldest 12h ago" in found.words
    assert "how many bytes they hold and cost, S3 does not say; 1 running besides" in found.words
    assert found.next_step == "none needed: the bucket's lifecycle ends them 2 days after they began"
    copies.uploads |= {"postgres/full/z": NOW - timedelta(days=9)}
    found = look(healthy())["uploads dr"]
    assert found.level == CRITICAL and "see its rules" in found.next_step


def test_what_never_answers_is_unknown_when_the_time_is_over(
    copies: FakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "LONGEST_SECONDS", 0.2)
    never = Event()
    site = healthy()
    stuck = replace(sources(site, copies), origin=_Stuck(never))
    found = {finding.name: finding for finding in status.look(bundle(), stuck, now=NOW)}
    never.set()
    assert found["uploads prod"].level == UNKNOWN
    assert found["uploads prod"].words == "bucket origin did not answer within 0.2 s"
    assert found["lease"].level == OK


class _Stuck(FakeBucket):
    def __init__(self, until: Event) -> None:
        super().__init__("origin")
        self._until = until

    def _answer(self) -> None:
        self._until.wait(60)


class Edge:
    """The DR edge: how it is reached and what the site behind it answers."""

    def __init__(self, reached: EdgeSeen | DrError, answer: ServiceAnswer) -> None:
        self.reached, self.answer = reached, answer

    def reach(self) -> EdgeSeen:
        if isinstance(self.reached, DrError):
            raise self.reached
        return self.reached

    def ask(self, service: str) -> ServiceAnswer:
        return self.answer


CLOSED = ServiceAnswer(status=503, site=None, epoch=None)
ENDING = replace(EDGE, until=NOW + timedelta(days=9))
NO_EDGE = Unreachable("edge-dr.example has no address")
WRONG = Refused("edge-dr.example shows a certificate that is not good for api.ultramarket.com")


@pytest.mark.parametrize(
    ("reached", "answer", "level", "said"),
    [
        (EDGE, CLOSED, OK, "the site is closed (HTTP 503), as it should be"),
        (EDGE, replace(CLOSED, status=200, site="dr"), OK, "the site is open"),
        (EDGE, replace(CLOSED, status=200, site="prod"), CRITICAL, "leads to production"),
        (EDGE, replace(CLOSED, status=404), WARNING, "no way to a service"),
        (ENDING, CLOSED, WARNING, "ends on 2026-12-01 and is not being renewed"),
        (NO_EDGE, CLOSED, UNKNOWN, "has no address"),
        (WRONG, CLOSED, CRITICAL, "not good for api.ultramarket.com"),
    ],
    ids=["standing by", "open", "production", "no rule", "ending", "no edge", "wrong certificate"],
)
def test_the_dr_edge_is_looked_at_while_the_site_stands_by(
    copies: FakeBucket, reached: EdgeSeen | DrError, answer: ServiceAnswer, level: int, said: str
) -> None:
    everything = replace(sources(healthy(), copies), edge=lambda: Edge(reached, answer))
    (found,) = [each for each in status.look(bundle(), everything, now=NOW) if each.name == "edge"]
    assert found.level == level
    assert said in found.words


def test_a_dr_edge_that_turns_customers_away_after_a_failover_is_critical(copies: FakeBucket, tmp_path: Path) -> None:
    site = healthy()
    promoted(site, tmp_path)
    everything = replace(sources(site, copies), edge=lambda: Edge(EDGE, CLOSED))
    (found,) = [each for each in status.look(bundle(), everything, now=NOW) if each.name == "edge"]
    assert (found.level, "customers are turned away (HTTP 503)" in found.words) == (CRITICAL, True)
