"""What `dr status` says of the newest backups, those that are arriving, and uploads left open."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from engines.catalog import move_pointer
from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING
from recovery.lease.backup_runs import NOTHING_CHANGED
from recovery.names import manifest_key
from recovery.plan.loading import parse_plan
from tests.support.fakes import FakeBucket
from tests.support.manifests import manifest
from tests.support.plans import edited
from tests.support.promotion import (
    NOW,
    bundle,
)
from tests.support.status import WEEKLY, Look, finished, healthy, promoted
from tests.support.status import copies as copies  # a fixture
from tests.support.status import look as look  # a fixture


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
