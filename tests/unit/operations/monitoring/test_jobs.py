"""What `dr status` says of scheduled jobs: backups and pruners, at both sites."""

from dataclasses import replace
from datetime import timedelta

import pytest

from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING
from recovery.copies.retention import DUE_LOOKED_AT
from recovery.lease.backup_runs import FROM_PRIMARY
from recovery.plan.loading import parse_plan
from recovery.plan.plan import SiteName
from recovery.ports.cluster import FailedJob, ScheduledJobs
from tests.support.plans import edited
from tests.support.promotion import (
    NOW,
    bundle,
)
from tests.support.status import Look, healthy
from tests.support.status import copies as copies  # a fixture
from tests.support.status import look as look  # a fixture

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
        ("prod", {"why": f"{FROM_PRIMARY} p:5432: away"}, WARNING, "prod: last run made (read from the primary p:5432"),
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
