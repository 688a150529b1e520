"""Copies of files in S3, and the commands that make, list, check and restore them."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud.lease_store import DynamoLeaseStore
from cloud.objects import S3Bucket
from engines.files import packs
from lab.aws.site import Aws
from lab.machine.processes import HUNG_SECONDS
from recovery.errors import EXIT_DONE, EXIT_FAILED, EXIT_REFUSED, EXIT_USAGE, Failed, Refused, Unreachable
from tests.support.clients import client, destroy_bucket, make_bucket
from tests.support.command_line import dr_here
from tests.support.fakes import held_lease
from tests.support.files_site import FilesSite, aged, tree
from tests.support.files_site import files as files  # fixture
from tests.support.plans import ROOT
from tests.support.s3_faults import Fault, Faults, refuses, resets

BUCKET = "ultramarket-backups-123456789012-us-east-1"


@dataclass
class InS3:
    site: FilesSite
    s3: Any
    bucket: str

    def head(self, key: str) -> dict[str, Any]:
        return self.s3.head_object(Bucket=self.bucket, Key=key)

    def versions(self) -> list[tuple[str, str]]:
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket)
        return sorted((each["Key"], each["VersionId"]) for page in pages for each in page.get("Versions", ()))


@pytest.fixture
def stored(files: FilesSite, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> InS3:
    for name, value in aws.env("prod").items():
        monkeypatch.setenv(name, value)
    s3 = client(aws, "s3", "prod")
    bucket = make_bucket(s3, "files", "us-east-1", locked=True)
    files.store = S3Bucket(bucket, "us-east-1", lock_mode="COMPLIANCE")
    return InS3(aged(files), s3, bucket)


def test_a_copy_in_s3_is_locked_as_a_whole_and_used_again(stored: InS3) -> None:
    site = stored.site
    first = site.back_up()
    (pack,) = site.packs
    held = site.store.head(pack)
    assert held.sha256 == pack.split("/")[-1].removesuffix(".zst")
    assert abs(held.locked_until - first.manifest.retain_until) < timedelta(seconds=2)
    assert stored.head(pack)["ObjectLockMode"] == "COMPLIANCE"
    before = stored.versions()
    second = site.back_up()
    assert abs(site.store.head(pack).locked_until - second.manifest.retain_until) < timedelta(seconds=2)
    assert set(before) - set(stored.versions()) == {
        next(each for each in before if each[0].startswith("pointers/"))
    } or (set(before) <= set(stored.versions()))
    assert [key for key, _ in stored.versions()].count(pack) == 1
    assert site.check().files == 3
    site.restore()
    assert tree(site.scratch / "restored") == tree(site.root)


def test_a_pack_under_a_delete_marker_is_put_again_and_under_a_lock_of_its_own(stored: InS3) -> None:  # pitfall 2
    site = stored.site
    site.back_up()
    (pack,) = site.packs
    stored.s3.delete_object(Bucket=stored.bucket, Key=pack)
    assert site.store.head(pack) is None
    made = site.back_up()
    held = site.store.head(pack)
    assert abs(held.locked_until - made.manifest.retain_until) < timedelta(seconds=2)
    site.check()


def test_a_pack_that_somebody_replaced_is_put_again(stored: InS3) -> None:
    site = stored.site
    site.back_up()
    (pack,) = site.packs
    stored.s3.put_object(Bucket=stored.bucket, Key=pack, Body=b"something else")
    site.back_up()
    assert len([key for key, _ in stored.versions() if key == pack]) == 3
    site.check()


def test_a_write_whose_answer_was_lost_is_settled_by_looking(stored: InS3) -> None:
    """The first try came to pass, and the second finds its own object."""
    site = stored.site
    real = site.store.put_whole
    asked: list[str] = []

    def twice(key: str, body: bytearray, **options: Any) -> bool:
        asked.append(key)
        assert real(key, body, **options)
        return real(key, body, **options)

    site.store.put_whole = twice
    site.back_up()
    assert len(asked) == 1 and [key for key, _ in stored.versions()].count(asked[0]) == 1
    site.check()


def bulk(store: S3Bucket, operation: str, within: str, *faults: Fault, always: Fault | None = None) -> None:
    """Put `faults` into the path of both clients."""
    quick, bulky = store._quick, store._bulk
    for each in (quick, bulky):
        store._quick = each
        found = Faults(store, operation, within)
        found.next += faults
        found.always = always
    store._quick = quick


@pytest.mark.parametrize("fault", [refuses(503, "SlowDown"), resets], ids=["slow down", "reset"])
@pytest.mark.parametrize(
    ("operation", "within"),
    [
        ("PutObject", "files/packs"),
        ("HeadObject", "files/packs"),
        ("PutObjectRetention", "files/packs"),
        ("CreateMultipartUpload", "index"),
        ("UploadPart", "index"),
        ("CompleteMultipartUpload", "index"),
        ("PutObject", "manifest.json"),
        ("ListObjectsV2", "list-type"),
    ],
)
def test_s3_that_slows_down_or_resets_for_a_while_makes_no_difference(  # fault 40
    stored: InS3, operation: str, within: str, fault: Fault
) -> None:
    site = stored.site
    site.back_up()
    site.write("conf/app.yaml", b"port: 9090\n")
    bulk(site.store, operation, within, fault)
    made = site.back_up()
    assert made.pointer_moved
    site.check()
    site.restore()
    assert tree(site.scratch / "restored") == tree(site.root)


@pytest.mark.parametrize("within", ["files/packs", "index", "manifest.json"])
def test_s3_that_says_no_leaves_no_manifest_and_no_open_upload(stored: InS3, within: str) -> None:
    site = stored.site
    for operation in ("PutObject", "UploadPart"):
        bulk(site.store, operation, within, always=refuses(403, "AccessDenied"))
    with pytest.raises(Refused, match="AccessDenied by the test"):
        site.back_up()
    assert not [key for key, _ in stored.versions() if key.endswith("manifest.json")]
    assert "Uploads" not in stored.s3.list_multipart_uploads(Bucket=stored.bucket)
    site.store = S3Bucket(stored.bucket, "us-east-1")
    assert site.back_up().pointer_moved
    site.check()


def test_s3_that_goes_away_is_told_as_such(stored: InS3, aws: Aws) -> None:
    site = stored.site
    site.store = S3Bucket(stored.bucket, "us-east-1", patience=(0.2, 1))
    bulk(site.store, "PutObject", "files/packs", always=resets)
    with pytest.raises((Unreachable, Failed)):
        site.back_up()


def test_memory_does_not_grow_with_what_is_copied(stored: InS3, tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tests.support.files_memory", str(tmp_path / "much")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=HUNG_SECONDS,
        check=True,
    ).stdout
    assert int(said.split()[0]) < 150, said


@pytest.fixture
def production(
    stored: InS3, lease_at: Callable[[str], DynamoLeaseStore], monkeypatch: pytest.MonkeyPatch
) -> Iterator[InS3]:
    """With its lease held, its own bucket, and `dr`'s environment."""
    lease_at("prod").create(held_lease())
    monkeypatch.setenv("DR_SITE", "prod")
    monkeypatch.setenv("DR_FILES_SOURCE", str(stored.site.root))
    stored.s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    stored.site.store = S3Bucket(BUCKET, "us-east-1")
    yield InS3(stored.site, stored.s3, BUCKET)
    destroy_bucket(stored.s3, BUCKET)


def test_files_are_backed_up_listed_verified_and_restored_by_command(
    production: InS3, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = production.site.root
    (root / "tmp").mkdir()
    (root / "tmp/page").write_bytes(b"left out")
    assert dr_here("backup", "files", "full", "--json") == EXIT_DONE
    said = capsys.readouterr()
    made = json.loads(said.out)
    assert f"files of /opt/ultramarket, in {root}" in said.err
    assert made["pointer_moved"] and made["remarks"][0].startswith("exclude matched nothing: cache, logs")
    assert "exclude matched nothing" in said.err

    assert dr_here("backups") == EXIT_DONE
    assert made["id"] in capsys.readouterr().out
    assert dr_here("verify", "--dataset", "files") == EXIT_DONE
    assert capsys.readouterr().out.startswith(f"verified: files full {made['id']}, 3 files")

    into = tmp_path / "out"
    restore = ["restore", "files", "--from=prod", f"--into={into}"]
    assert dr_here(*restore) == EXIT_DONE
    shown = capsys.readouterr().out
    assert f"{made['id']}, 3 files" in shown and "Nothing was done" in shown and not into.exists()
    assert dr_here(*restore, "--execute") == EXIT_DONE
    assert "restored and verified" in capsys.readouterr().out
    shutil.rmtree(root / "tmp")
    (into.parent / "expected").mkdir()
    assert {each: entry[4] for each, entry in tree(into).items()} == {
        each: entry[4] for each, entry in tree(root).items()
    }
    assert dr_here(*restore, "--execute") == EXIT_REFUSED
    assert "is not empty" in capsys.readouterr().err
    assert (
        dr_here("restore", "files", "--from=prod", f"--into={tmp_path / 'conf'}", "--only=conf", "--execute", "--json")
        == 0
    )
    done = json.loads(capsys.readouterr().out)
    assert done["restored"] and done["files"] == 1 and (tmp_path / "conf/conf/app.yaml").exists()
    assert dr_here("backup", "files", "incremental") == EXIT_USAGE


def test_a_copy_that_is_withheld_ends_with_one_and_is_told(
    production: InS3, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(10):
        production.site.write(f"many/{number}", b"x")
    assert dr_here("backup", "files", "full") == EXIT_DONE
    shutil.rmtree(production.site.root / "many")
    capsys.readouterr()
    assert dr_here("backup", "files", "full") == EXIT_FAILED
    said = " ".join(capsys.readouterr().err.split())
    assert "`latest` does not name it: there are 3 files" in said and "--accept-fewer-files" in said
    assert dr_here("backups") == EXIT_DONE
    assert "there are 3 files" in " ".join(capsys.readouterr().err.split())
    assert dr_here("backup", "files", "full", "--accept-fewer-files") == EXIT_DONE


def test_a_secret_ends_the_run_with_one_and_is_not_shown(production: InS3, capsys: pytest.CaptureFixture[str]) -> None:
    production.site.write("conf/db.yaml", b"a: 1\nurl: mongodb://app:hunter2@db/shop\n")
    assert dr_here("backup", "files", "full", "--json") == EXIT_FAILED
    said = capsys.readouterr()
    assert "conf/db.yaml:2 looks like a password in an address" in " ".join(said.err.split())
    assert "hunter2" not in said.out + said.err
    assert not list(production.site.store.list("files/"))


PAGE = (ROOT / "docs" / "restore-by-hand.md").read_text()


def test_the_page_restores_files_by_hand(
    stored: InS3, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = [name for name in ("aws", "zstd", "python3") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no {' and no '.join(missing)} on this machine")
    site = stored.site
    monkeypatch.setattr(packs, "RAW_BYTES", 2**20)
    site.write("long", os.urandom(3 * 2**20) + bytes(2 * 2**20))
    with open(os.fsencode(site.root) + b"/odd \xff\nname", "wb") as file:  # noqa: PTH123 (bytes)
        file.write(b"odd")
    (site.root / "bin/also").hardlink_to(site.root / "bin/run")
    site.back_up()
    site.write("conf/app.yaml", b"port: 9090\n")
    site.back_up()
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.partition("\n## Files\n")[2].partition("\n## ")[0], re.DOTALL)
    assert len(blocks) == 2
    work = tmp_path / "work"
    environment = {**os.environ, **aws.env("prod"), "BUCKET": stored.bucket, "WORK": str(work)}
    done = subprocess.run(
        ["/bin/sh", "-c", "\n".join(blocks)],
        env=environment,
        capture_output=True,
        timeout=HUNG_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert tree(work / "files") == tree(site.root)
