"""`dr backup`, `dr backups` and `dr verify` as people and CronJobs run them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud.control_table import ControlTable
from cloud.lease_store import DynamoLeaseStore
from cloud.objects import S3Bucket
from cloud.run_reports import DynamoRunReports
from engines.catalog import newest
from engines.postgres.wal_bucket import WalBucket
from engines.registry import DATASETS, Registered, engine_of
from lab.aws.site import Aws
from lab.machine.addresses import POSTGRES_PORT, Block
from lab.machine.processes import HUNG_SECONDS, wait_until
from recovery.copies.log import Gap, Line
from recovery.errors import EXIT_DONE, EXIT_FAILED, EXIT_REFUSED, EXIT_USAGE, Unchanged
from recovery.lease.lease import parse_lsn
from recovery.plan.plan import SITES
from tests.support.backup_site import Site, site_with_bucket
from tests.support.clients import client, destroy_bucket
from tests.support.command_line import dr_here
from tests.support.fakes import held_lease
from tests.support.toy_engine import Toy, ToyRestore
from tests.support.wire import wire

BUCKET = "ultramarket-backups-123456789012-us-east-1"


@pytest.fixture
def site(
    backup_source: Site,
    aws: Aws,
    lease_at: Callable[[str], DynamoLeaseStore],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Site]:
    """Production with its lease held and its own bucket, empty."""
    monkeypatch.setenv("DR_SITE", "prod")
    lease_at("prod").create(held_lease())
    made = site_with_bucket(backup_source, aws, tmp_path, monkeypatch)
    made.s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    yield replace(made, store=S3Bucket(BUCKET, "us-east-1"))
    aws.reach.restore_all()
    destroy_bucket(made.s3, BUCKET)


def test_a_backup_is_made_listed_and_verified(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert dr_here("backup", "postgres", "full", "--json") == EXIT_DONE
    said = capsys.readouterr()
    made = json.loads(said.out)
    assert made["bucket"] == BUCKET and made["manifest"].endswith("/manifest.json") and made["bytes"] > 0
    assert "system" in said.err and site.environment["PGPASSWORD"] not in said.out + said.err

    assert dr_here("backups", "--json") == EXIT_DONE
    listed = json.loads(capsys.readouterr().out)
    assert [each["id"] for each in listed["backups"]] == [made["id"]] and listed["not_backups"] == []
    assert dr_here("backups") == EXIT_DONE
    assert made["id"] in capsys.readouterr().out

    assert dr_here("verify", made["id"], "--json") == EXIT_DONE
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["verified"] and verdict["raw_bytes"] == made["raw_bytes"]
    assert dr_here("verify") == EXIT_DONE
    assert capsys.readouterr().out.startswith(f"verified: postgres full {made['id']}")


def test_a_damaged_backup_fails_verification_with_one(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    made = site.back_up()
    site.rewrite(made.manifest.parts[0].key, lambda body: body[:-7])
    assert dr_here("verify", "latest", "--json") == EXIT_FAILED
    said = capsys.readouterr()
    assert json.loads(said.out)["verified"] is False and "another size" in said.err and "Next: " in said.err


def test_a_fenced_site_is_refused_with_two(
    site: Site, lease_at: Callable[[str], DynamoLeaseStore], capsys: pytest.CaptureFixture[str]
) -> None:  # fault 68
    store = lease_at("dr")
    store.take(held_lease(), held_lease("dr", 2))
    assert dr_here("backup", "postgres", "full") == EXIT_REFUSED
    assert "site prod is fenced" in capsys.readouterr().err and site.object_keys() == []


def test_a_scheduled_run_at_the_site_without_the_lease_is_skipped_in_fixed_words_and_ends_well(
    site: Site,
    lease_at: Callable[[str], DynamoLeaseStore],
    table_at: Callable[[str], ControlTable],
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = lease_at("dr")
    taken = held_lease("dr", 2)
    store.take(held_lease(), replace(taken, state="taken", holder_run="run"))
    assert dr_here("backup", "postgres", "full", "--if-active") == EXIT_DONE
    assert capsys.readouterr().out == "skipped: not the active site (site dr has the lease, epoch 2)\n"
    assert dr_here("backup", "postgres", "full", "--if-active", "--json") == EXIT_DONE
    assert json.loads(capsys.readouterr().out) == {"skipped": "not the active site", "holder": "dr", "epoch": 2}
    assert site.object_keys() == []
    # The site that took the lease and is not promoted yet is neither skipped nor let through.
    assert dr_here("backup", "postgres", "full", "--if-active", "--site", "dr") == EXIT_REFUSED
    runs = DynamoRunReports(table_at("operator"))
    skipped, refused = (runs.read(each, "postgres", "full") for each in SITES)
    assert skipped and refused
    assert (skipped.counts["skipped"], refused.counts["failed"]) == (2, 1)


def test_a_scheduled_run_at_the_active_site_makes_its_backup(site: Site) -> None:
    assert dr_here("backup", "postgres", "full", "--if-active") == EXIT_DONE
    assert [key.rpartition("/")[2] for key in site.object_keys()] == [
        "00000001.json",
        "backup_manifest.zst",
        "base.tar.zst",
        "manifest.json",
    ]


def test_a_full_backup_is_made_before_its_schedule_only_where_one_is_due(
    site: Site,
    aws: Aws,
    lease_at: Callable[[str], DynamoLeaseStore],
    table_at: Callable[[str], ControlTable],
    capsys: pytest.CaptureFixture[str],
) -> None:
    region = "us-west-2"
    bucket = f"ultramarket-backups-123456789012-{region}"
    s3 = client(aws, "s3", "operator", region)
    s3.create_bucket(
        Bucket=bucket,
        ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": region},
    )

    def look(*arguments: str) -> str:
        assert dr_here("backup", "postgres", "full", "--if-active", "--if-due", *arguments) == EXIT_DONE
        said = capsys.readouterr()
        assert ("skipped" in said.out) is ("is due: " not in said.err)
        return said.err.partition("\n")[0] or said.out.strip()

    not_due = "skipped: no full backup is due here"
    try:
        assert look() == "a full backup is due: there is no full backup yet"
        assert look() == not_due
        full = newest(site.store, "postgres", "full").manifest
        assert full
        line, start, now = Line(1, full.source.system_identifier, 1), parse_lsn(full.start_position), datetime.now(UTC)
        lost = Gap(line, start, start + 1)
        WalBucket(S3Bucket(bucket, region), line.system).put_gap(
            lost, "the slot was lost", now, now + timedelta(days=1)
        )
        assert look("--site", "dr") == not_due  # it does not hold the lease
        assert look().startswith(f"a full backup is due: the log from {full.start_position} to ")
        assert look() == not_due
        counted = DynamoRunReports(table_at("operator")).read("prod", "postgres", "full")
        assert counted and counted.counts == {"made": 2, "skipped": 0, "failed": 0}  # a look is no run
        taken = held_lease("dr", 2)
        store = lease_at("dr")
        store.take(held_lease(), replace(taken, state="taken", holder_run="run"))
        assert look() == not_due
    finally:
        destroy_bucket(s3, bucket)


def test_an_incremental_that_cannot_be_becomes_a_full_and_that_is_said(
    site: Site, table_at: Callable[[str], ControlTable], capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr_here("backup", "postgres", "incremental", "--if-active", "--accept-incrementals-of", "18.6") == EXIT_DONE
    assert "a full backup is made instead: bucket" in capsys.readouterr().err
    assert dr_here("backup", "postgres", "incremental", "--if-active", "--json") == EXIT_DONE
    said = capsys.readouterr()
    made = json.loads(said.out)
    assert made["kind"] == "full" and made["parent"] is None
    assert "18.6 can restore stale data" in made["instead"] and made["instead"] in said.err
    run = DynamoRunReports(table_at("operator")).read("prod", "postgres", "incremental")
    assert run and (run.outcome, run.why, run.counts["made"]) == ("made", made["instead"], 2)

    arguments = ("backup", "postgres", "incremental", "--accept-incrementals-of", "18.6")
    assert dr_here(*arguments, "--json") == EXIT_DONE
    onto = json.loads(capsys.readouterr().out)
    assert (onto["kind"], onto["parent"], onto["instead"]) == ("incremental", made["id"], "")
    assert dr_here(*arguments) == EXIT_DONE
    assert f" onto {onto['id']}: " in capsys.readouterr().out
    assert dr_here("backups") == EXIT_DONE
    assert capsys.readouterr().out.count("postgres incremental") == 2


def test_where_nothing_has_changed_a_run_ends_well_and_says_so(
    site: Site,
    table_at: Callable[[str], ControlTable],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def look(*_: object, **__: object) -> Any:
        raise Unchanged("nothing has changed since it")

    monkeypatch.setattr(engine_of("postgres", "incremental"), "look", look)
    assert dr_here("backup", "postgres", "incremental", "--if-active") == EXIT_DONE
    assert capsys.readouterr().out == "skipped: nothing has changed since it\n"
    assert dr_here("backup", "postgres", "incremental", "--if-active", "--json") == EXIT_DONE
    assert json.loads(capsys.readouterr().out) == {"skipped": "nothing has changed since it"}
    run = DynamoRunReports(table_at("operator")).read("prod", "postgres", "incremental")
    assert run and (run.outcome, run.why, run.counts["skipped"]) == ("skipped", "nothing has changed since it", 2)
    assert site.object_keys() == []


def test_a_missing_bucket_is_named_with_what_to_do(
    backup_source: Site, aws: Aws, lease_at: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    site_with_bucket(backup_source, aws, tmp_path, monkeypatch)
    lease_at("prod").create(held_lease())
    for arguments in (("backup", "postgres", "full", "--site", "prod"), ("backups",), ("verify",)):
        assert dr_here(*arguments) == EXIT_REFUSED
        said = capsys.readouterr().err
        assert f"bucket {BUCKET} does not exist in us-east-1" in said and "pulumi up" in said


def test_a_region_that_is_gone_is_unknown_and_not_empty(
    site: Site, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:  # fault 59
    aws.reach.cut("prod", "us-east-1", service="s3")
    assert dr_here("backups") == EXIT_FAILED
    assert "the other site's bucket holds copies as well" in capsys.readouterr().err


@pytest.mark.parametrize("mode", ["", "NONE", "governance"])
def test_copies_are_always_locked(mode: str, site: Site, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("DR_LOCK_MODE", mode)
    assert dr_here("backup", "postgres", "full") == EXIT_REFUSED
    assert "DR_LOCK_MODE" in capsys.readouterr().err and site.object_keys() == []


def test_an_unknown_dataset_is_a_usage_error(capsys: Any) -> None:
    assert dr_here("backup", "everything", "full") == EXIT_USAGE
    assert "Traceback" not in capsys.readouterr().err


def test_an_engine_that_registers_is_backed_up_listed_verified_judged_and_restored(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fault 34
    monkeypatch.delitem(DATASETS, "redis")  # the real one
    assert dr_here("backup", "redis", "snapshot") == EXIT_USAGE
    assert "postgres full" in capsys.readouterr().err
    monkeypatch.setitem(DATASETS, "redis", Registered(copies=(Toy(),), restore=ToyRestore()))
    assert dr_here("backup", "redis", "snapshot") == EXIT_REFUSED
    assert "redis snapshot needs TOY_SOURCE in the environment" in capsys.readouterr().err
    monkeypatch.setenv("TOY_SOURCE", str(tmp_path / "source"))
    made: list[str] = []
    for size in (5000, 1000):
        (tmp_path / "source").write_bytes(os.urandom(size))
        assert dr_here("backup", "redis", "snapshot", "--json") == EXIT_DONE
        made.append(json.loads(capsys.readouterr().out)["id"])
    assert all(key.startswith(("redis/snapshot/00000001/toy/", "pointers/redis/")) for key in site.object_keys())

    assert dr_here("backups", "--json") == EXIT_DONE
    listed = json.loads(capsys.readouterr().out)
    assert {each["id"] for each in listed["backups"]} == set(made) and listed["unfinished_uploads"] == []
    assert list(listed["remarks"]) == [made[1]] and "less than half" in listed["remarks"][made[1]][0]

    assert dr_here("verify", made[0], "--json") == EXIT_DONE
    assert json.loads(capsys.readouterr().out)["raw_bytes"] == 5000
    assert dr_here("verify", "--dataset", "redis", "--json") == EXIT_DONE
    assert json.loads(capsys.readouterr().out)["id"] == made[1]
    assert dr_here("verify") == EXIT_REFUSED
    assert "no finished postgres full backup" in capsys.readouterr().err

    restore = ["restore", "redis", "--from=prod", f"--into={tmp_path / 'restored'}"]
    assert dr_here(*restore, f"--to={made[0]}") == EXIT_DONE
    shown = capsys.readouterr().out
    assert "Restore of redis to" in shown and f"toy {made[0]}" in shown and "Nothing was done" in shown
    assert dr_here(*restore, "--execute", "--json") == EXIT_DONE
    assert json.loads(capsys.readouterr().out)["toys"] == 1
    assert (tmp_path / "restored").read_bytes() == (tmp_path / "source").read_bytes()
    assert dr_here("ship-log", "redis") == EXIT_USAGE
    assert "redis has no log that can be shipped" in " ".join(capsys.readouterr().err.split())

    newest = next(key for key in site.object_keys() if made[1] in key and key.endswith("toy.zst"))
    site.rewrite(newest, lambda body: body[:-1])
    assert dr_here("verify", made[1]) == EXIT_FAILED
    assert "another size" in capsys.readouterr().err


@pytest.fixture
def hanging(site: Site, block: Block, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """A `dr backup` whose server sent 5 MB and then stands still, so that the upload is open."""
    with wire((site.primary.address, POSTGRES_PORT), block.host(35), limit=5_000_000, then="stop") as held:
        monkeypatch.setenv("PGHOST", held.host)
        monkeypatch.setenv("PGPORT", str(held.port))
        process = subprocess.Popen(
            [sys.executable, "-m", "scripts.dr", "backup", "postgres", "full"],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            wait_until(
                lambda: process.poll() is not None or held.reached.is_set(),
                what="the server to stand still",
            )
            assert process.poll() is None, process.stderr and process.stderr.read()
            wait_until(lambda: bool(site.unfinished_uploads()), what="the upload")
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_backup_killed_in_mid_upload_is_no_backup(
    site: Site, hanging: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:  # fault 39
    hanging.kill()
    hanging.wait()
    assert site.object_keys() == []
    assert dr_here("backups", "--json") == EXIT_DONE
    listed = json.loads(capsys.readouterr().out)
    assert listed["backups"] == []
    assert [upload["key"].split("/")[:2] for upload in listed["unfinished_uploads"]] == [["postgres", "full"]]
    assert dr_here("backups") == EXIT_DONE
    told = capsys.readouterr().err
    assert "(1 upload still open, the oldest for" in told and "lifecycle ends an open upload after 2 days" in told
    assert dr_here("verify") == EXIT_REFUSED
    assert "holds no finished postgres full backup" in capsys.readouterr().err


def test_a_backup_ended_by_sigterm_aborts_its_upload_and_ends_at_the_server(
    site: Site, hanging: subprocess.Popen[str]
) -> None:  # fault 32
    hanging.terminate()
    _, said = hanging.communicate(timeout=HUNG_SECONDS)
    assert hanging.returncode == EXIT_FAILED and "ended by SIGTERM" in said and "Traceback" not in said
    assert site.object_keys() == [] and site.unfinished_uploads() == []
    with site.primary.connect() as connection:
        senders = "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'walsender'"
        wait_until(lambda: not connection.execute(senders).fetchall(), what="the walsender's end")
