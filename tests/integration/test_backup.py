"""Full backups of a real PostgreSQL into AWS's stand-in: what must be there afterwards, and what must not."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud.objects import S3Bucket
from engines.catalog import entries, read_manifest
from lab.addresses import Block
from lab.aws.site import Aws
from recovery.errors import Failed, LeaseRefused, Refused, Unreachable
from recovery.lease import parse_lsn
from tests.fakes import FakeLeases, held_lease
from tests.integration.backup_site import Site, site_with_bucket
from tests.lab.clients import make_bucket

VERSION_FIRST = 'if [ "$1" = --version ]; then exec "$REAL" --version; fi\n'


@pytest.fixture
def site(backup_source: Site, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return site_with_bucket(backup_source, aws, tmp_path, monkeypatch)


def test_a_full_backup_is_one_locked_object_a_manifest_and_a_pointer(site: Site) -> None:
    made = site.back_up()
    manifest = read_manifest(site.store, made.manifest_key)
    assert manifest == made.manifest
    part = manifest.parts[0]
    folder = f"postgres/full/00000001/{manifest.source.system_identifier}/{manifest.id}/"
    assert site.object_keys() == ["pointers/postgres/full.json", f"{folder}base.tar.zst", f"{folder}manifest.json"]
    # moto forgets the lock of a multipart upload; tests/unit/test_backup_store.py checks that it is asked for.
    head = site.s3.head_object(Bucket=site.store.bucket, Key=made.manifest_key)
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert head["ObjectLockRetainUntilDate"] == manifest.retain_until == manifest.started + timedelta(days=7)
    assert site.s3.head_object(Bucket=site.store.bucket, Key=part.key)["ContentLength"] == part.bytes
    assert part.bytes < part.raw_bytes / 3
    assert parse_lsn(manifest.start_position) < parse_lsn(manifest.stop_position)
    assert manifest.source.server_version.startswith("18.") and made.pointer_moved
    assert site.unfinished_uploads() == []


def test_a_second_backup_becomes_latest(site: Site) -> None:
    first, second = site.back_up(), site.back_up()
    assert [each.id for each in entries(site.store)] == [second.manifest.id, first.manifest.id]
    assert second.pointer_moved


def test_a_producer_killed_in_mid_pipe_leaves_nothing(site: Site, tmp_path: Path) -> None:  # fault 37
    broken = site.with_program(
        tmp_path / "bin", "pg_basebackup", VERSION_FIRST + '"$REAL" "$@" | head -c 20000000\nkill -9 $$'
    )
    with pytest.raises(Failed, match="killed by signal 9"):
        broken.back_up()
    assert site.object_keys() == [] and site.unfinished_uploads() == []


def test_a_producer_that_fails_after_its_last_byte_leaves_nothing(site: Site, tmp_path: Path) -> None:  # fault 37
    broken = site.with_program(
        tmp_path / "bin", "pg_basebackup", VERSION_FIRST + '"$REAL" "$@"; echo "no space" >&2; exit 3'
    )
    with pytest.raises(Failed, match=re.compile(r"ended with code 3.*no space", re.DOTALL)):
        broken.back_up()
    assert site.object_keys() == [] and site.unfinished_uploads() == []


@pytest.mark.parametrize(
    ("script", "complaint"),
    [("exit 0", "only 0 bytes"), ('"$REAL" "$@" 2>/dev/null | head -c 20000000; exit 0', "backup_manifest")],
    ids=["empty", "cut off"],
)
def test_output_that_is_no_cluster_fails_although_the_producer_ended_well(
    site: Site, tmp_path: Path, script: str, complaint: str
) -> None:  # fault 33
    with pytest.raises(Failed, match=complaint):
        site.with_program(tmp_path / "bin", "pg_basebackup", VERSION_FIRST + script).back_up()
    assert site.object_keys() == [] and site.unfinished_uploads() == []


def test_a_producer_that_hangs_is_ended_at_the_time_limit(site: Site, tmp_path: Path) -> None:
    hung = site.with_program(tmp_path / "bin", "pg_basebackup", VERSION_FIRST + "exec sleep 60")
    with pytest.raises(Failed, match="did not finish within"):
        hung.back_up(time_limit=timedelta(seconds=0.3))
    assert site.object_keys() == [] and site.unfinished_uploads() == []


def test_an_answer_lost_by_s3_is_asked_for_again(site: Site, aws: Aws) -> None:  # fault 40
    key = "pointers/x.json"
    for _ in range(2):
        aws.reach.drop_next_answer("s3", f"PUT /{site.store.bucket}/{key}", place="prod")
        site.store.put_once(key, b"mine", retain_until=None)
        with pytest.raises(Refused, match="already exists"):
            site.store.put_once(key, b"another's", retain_until=None)
        key += "x"
    assert len(aws.reach.dropped()) >= 2


def test_a_server_without_our_database_is_refused_before_anything_is_written(site: Site) -> None:  # fault 35
    with site.primary.connect(database="postgres") as connection:
        connection.execute("ALTER DATABASE ultramarket RENAME TO somebody_elses")
        try:
            with pytest.raises(Refused, match="no database ultramarket: this is not UltraMarket's"):
                site.back_up()
        finally:
            connection.execute("ALTER DATABASE somebody_elses RENAME TO ultramarket")
    assert site.object_keys() == []


def test_a_server_that_admits_us_to_another_database_only_is_refused(site: Site) -> None:  # fault 35
    with pytest.raises(Refused, match="does not let us in to somebody_elses"):
        replace(site, database="somebody_elses").back_up()


def test_a_client_of_another_major_version_is_refused(site: Site, tmp_path: Path) -> None:  # fault 36
    old = site.with_program(tmp_path / "bin", "pg_basebackup", "echo 'pg_basebackup (PostgreSQL) 15.18'")
    with pytest.raises(Refused, match=r"pg_basebackup is version 15\.18, the server is 18\."):
        old.back_up()
    assert site.object_keys() == []


def test_a_server_that_does_not_answer_is_unreachable(
    site: Site, monkeypatch: pytest.MonkeyPatch, block: Block
) -> None:
    monkeypatch.setenv("PGHOST", block.host(99))
    with pytest.raises(Unreachable, match="does not answer"):
        site.back_up()


@pytest.mark.parametrize("lease", [None, held_lease("dr", 2), replace(held_lease(), state="taken")])
def test_a_fenced_site_makes_no_backup(site: Site, lease: Any) -> None:  # fault 68
    with pytest.raises(LeaseRefused):
        replace(site, leases=FakeLeases(lease)).back_up()
    assert site.object_keys() == []


def test_a_takeover_during_the_backup_leaves_no_manifest_and_the_pointer_alone(site: Site) -> None:  # fault 68
    class Moving(FakeLeases):
        def read(self) -> Any:
            seen, self.lease = self.lease, held_lease("dr", 2)
            return seen

    with pytest.raises(Failed, match="the lease moved while the copy was made"):
        replace(site, leases=Moving(held_lease())).back_up()
    assert [key.rpartition("/")[2] for key in site.object_keys()] == ["base.tar.zst"]
    assert [each.problem for each in entries(site.store)] == ["unfinished: no manifest"]


def test_a_missing_bucket_is_named_before_the_server_does_any_work(site: Site, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    elsewhere = site.with_program(tmp_path / "bin", "pg_basebackup", VERSION_FIRST + f"touch {ran}")
    with pytest.raises(Refused, match="bucket no-such-bucket does not exist in us-east-1") as refusal:
        replace(elsewhere, store=S3Bucket("no-such-bucket", "us-east-1")).back_up()
    assert "pulumi up" in refusal.value.next_step and not ran.exists()


def test_a_bucket_without_object_lock_is_refused(site: Site) -> None:
    open_bucket = make_bucket(site.s3, "unlocked", "us-east-1")
    with pytest.raises(Refused, match="has no Object Lock"):
        replace(site, store=S3Bucket(open_bucket, "us-east-1")).back_up()


def test_secrets_are_neither_in_arguments_nor_in_messages(site: Site, tmp_path: Path) -> None:
    seen, password = tmp_path / "seen", site.environment["PGPASSWORD"]
    telling = site.with_program(
        tmp_path / "bin",
        "pg_basebackup",
        VERSION_FIRST + f'{{ echo "$@"; env | grep ^AWS_; }} >{seen}; echo "bad $PGPASSWORD" >&2; exit 1',
    )
    with pytest.raises(Failed) as failure:
        telling.back_up()
    assert "bad ***" in str(failure.value) and password not in str(failure.value)
    assert password not in seen.read_text() and "AWS_" not in seen.read_text()


def test_a_wrong_password_is_refused_without_naming_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "open-sesame")
    with pytest.raises(Refused, match="does not let us in") as refusal:
        site.back_up()
    assert "open-sesame" not in str(refusal.value)
