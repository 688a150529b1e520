"""`dr backup`, `dr backups` and `dr verify` as people and CronJobs run them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloud.lease_store import DynamoLeaseStore
from cloud.objects import S3Bucket
from lab.aws.site import Aws
from lab.processes import wait_until
from recovery.errors import EXIT_DONE, EXIT_FAILED, EXIT_REFUSED, EXIT_USAGE
from scripts.dr import main
from tests.fakes import held_lease
from tests.integration.backup_site import Site, site_with_bucket

BUCKET = "ultramarket-backups-123456789012-us-east-1"
HANGING = """if [ "$1" = --version ]; then exec "$REAL" --version; fi
"$REAL" "$@" 2>/dev/null | head -c 30000000
echo $$ >"$PROGRESS"
exec sleep 60"""


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
    empty(made.s3)


def empty(s3: Any) -> None:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET):
        for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            s3.delete_object(
                Bucket=BUCKET, Key=each["Key"], VersionId=each["VersionId"], BypassGovernanceRetention=True
            )
    for upload in s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()):
        s3.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])
    s3.delete_bucket(Bucket=BUCKET)


def dr(*arguments: str) -> int:
    """Run a command in this process; returns its exit code."""
    try:
        main([*arguments])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_DONE
    return EXIT_DONE


def test_a_backup_is_made_listed_and_verified(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert dr("backup", "postgres", "full", "--json") == EXIT_DONE
    said = capsys.readouterr()
    made = json.loads(said.out)
    assert made["bucket"] == BUCKET and made["manifest"].endswith("/manifest.json") and made["bytes"] > 0
    assert "system" in said.err and site.environment["PGPASSWORD"] not in said.out + said.err

    assert dr("backups", "--json") == EXIT_DONE
    listed = json.loads(capsys.readouterr().out)
    assert [each["id"] for each in listed["backups"]] == [made["id"]] and listed["not_backups"] == []
    assert dr("backups") == EXIT_DONE
    assert made["id"] in capsys.readouterr().out

    assert dr("verify", made["id"], "--json") == EXIT_DONE
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["verified"] and verdict["raw_bytes"] == made["raw_bytes"]
    assert dr("verify") == EXIT_DONE
    assert capsys.readouterr().out.startswith(f"verified: postgres full {made['id']}")


def test_a_damaged_backup_fails_verification_with_one(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    made = site.back_up()
    site.rewrite(made.manifest.parts[0].key, lambda body: body[:-7])
    assert dr("verify", "latest", "--json") == EXIT_FAILED
    said = capsys.readouterr()
    assert json.loads(said.out)["verified"] is False and "is cut off" in said.err and "Next: " in said.err


def test_a_fenced_site_is_refused_with_two(
    site: Site, lease_at: Callable[[str], DynamoLeaseStore], capsys: pytest.CaptureFixture[str]
) -> None:  # fault 68
    store = lease_at("dr")
    store.take(held_lease(), held_lease("dr", 2))
    assert dr("backup", "postgres", "full") == EXIT_REFUSED
    assert "site prod is fenced" in capsys.readouterr().err and site.object_keys() == []


def test_a_missing_bucket_is_named_with_what_to_do(
    backup_source: Site, aws: Aws, lease_at: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    site_with_bucket(backup_source, aws, tmp_path, monkeypatch)
    lease_at("prod").create(held_lease())
    for arguments in (("backup", "postgres", "full", "--site", "prod"), ("backups",), ("verify",)):
        assert dr(*arguments) == EXIT_REFUSED
        said = capsys.readouterr().err
        assert f"bucket {BUCKET} does not exist in us-east-1" in said and "pulumi up" in said


def test_a_region_that_is_gone_is_unknown_and_not_empty(
    site: Site, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:  # fault 59
    aws.reach.cut("prod", "us-east-1", service="s3")
    assert dr("backups") == EXIT_FAILED
    assert "the other site's bucket holds copies as well" in capsys.readouterr().err


@pytest.mark.parametrize("mode", ["", "NONE", "governance"])
def test_copies_are_always_locked(mode: str, site: Site, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("DR_LOCK_MODE", mode)
    assert dr("backup", "postgres", "full") == EXIT_REFUSED
    assert "DR_LOCK_MODE" in capsys.readouterr().err and site.object_keys() == []


def test_an_unknown_dataset_is_a_usage_error(capsys: Any) -> None:
    assert dr("backup", "everything", "full") == EXIT_USAGE
    assert "Traceback" not in capsys.readouterr().err


@pytest.fixture
def hanging(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """A `dr backup` whose producer wrote 30 MB and then stands still, so that the upload is open."""
    progress = tmp_path / "progress"
    monkeypatch.setenv("PROGRESS", str(progress))
    monkeypatch.setenv("PATH", site.with_program(tmp_path / "bin", "pg_basebackup", HANGING).environment["PATH"])
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.dr", "backup", "postgres", "full"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        wait_until(
            lambda: process.poll() is not None or (progress.exists() and progress.read_text().endswith("\n")),
            timeout=60,
            what="the producer to stand still",
        )
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert site.unfinished_uploads()
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
    assert dr("backups", "--json") == EXIT_DONE
    assert json.loads(capsys.readouterr().out)["backups"] == []
    assert dr("verify") == EXIT_REFUSED
    assert "holds no finished postgres full backup" in capsys.readouterr().err


def test_a_backup_ended_by_sigterm_aborts_its_upload_and_its_producer(
    site: Site, hanging: subprocess.Popen[str], tmp_path: Path
) -> None:  # fault 32
    hanging.terminate()
    _, said = hanging.communicate(timeout=30)
    assert hanging.returncode == EXIT_FAILED and "ended by SIGTERM" in said and "Traceback" not in said
    assert site.object_keys() == [] and site.unfinished_uploads() == []
    producer = int((tmp_path / "progress").read_text())
    assert not Path(f"/proc/{producer}").exists()
