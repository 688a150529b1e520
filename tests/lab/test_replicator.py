"""The replicator does what S3 does with the declared rules, and nothing twice."""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud.objects import S3Bucket
from engines.catalog import move_pointer, newest
from lab.aws.ledger import Ledger
from lab.aws.replicator import Replicator
from lab.aws.rules import RuleFile
from lab.aws.site import Aws
from lab.machine.processes import wait_until
from recovery.names import manifest_key
from tests.support.clients import client, make_bucket
from tests.support.manifests import NOON, manifest


@pytest.fixture
def s3(aws: Aws) -> Any:
    return client(aws, "s3", "operator", "us-east-1", endpoint=aws.moto)


@pytest.fixture
def unwatched(aws: Aws) -> Any:
    """S3 of another account, which the running replicator does not look at: stepped by hand here."""
    account = str(uuid.uuid4().int)[:12]
    other = client(aws, "s3", "operator", "us-east-1", endpoint=aws.moto)
    other.meta.events.register(
        "before-sign.s3", lambda request, **_: request.headers.add_header("x-moto-account-id", account)
    )
    return other


def make_pair(s3: Any) -> tuple[str, str]:
    """A production bucket and a DR bucket."""
    return make_bucket(s3, "prod", "us-east-1", locked=True), make_bucket(s3, "dr", "us-west-2", locked=True)


def declare(s3: Any, source: str, target: str, *, status: str = "Enabled", prefix: str = "backups/") -> None:
    rule = {
        "ID": "backups",
        "Priority": 1,
        "Status": status,
        "Filter": {"Prefix": prefix},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{target}", "StorageClass": "STANDARD_IA"},
    }
    configuration = {"Role": "arn:aws:iam::123456789012:role/replication", "Rules": [rule]}
    s3.put_bucket_replication(Bucket=source, ReplicationConfiguration=configuration)


def versions(s3: Any, bucket: str) -> list[str]:
    return [entry["Key"] for entry in s3.list_object_versions(Bucket=bucket).get("Versions", [])]


@pytest.fixture
def restart(unwatched: Any, aws: Aws, tmp_path: Path) -> Callable[..., Replicator]:
    """Makes a replicator inside the test; each one is a restart on the same state."""

    def build(delay: float = 0.0) -> Replicator:
        return Replicator(unwatched, RuleFile(aws.reach.rules_file), Ledger(tmp_path / "state.jsonl"), delay)

    return build


def test_a_new_object_arrives_with_its_lock_metadata_and_declared_class(aws: Aws, s3: Any) -> None:
    source, target = make_pair(s3)
    declare(s3, source, target)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    s3.put_object(
        Bucket=source,
        Key="backups/manifest",
        Body=b"content",
        Metadata={"epoch": "7"},
        ContentType="application/json",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=until,
    )
    s3.put_object(Bucket=source, Key="scratch/other", Body=b"not selected")
    wait_until(lambda: versions(s3, target) == ["backups/manifest"], what="the copy in the DR bucket")
    copy = s3.get_object(Bucket=target, Key="backups/manifest")
    assert copy["Body"].read() == b"content"
    assert (copy["Metadata"], copy["ContentType"]) == ({"epoch": "7"}, "application/json")
    assert (copy["ObjectLockMode"], copy["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", until)
    assert copy["StorageClass"] == "STANDARD_IA"


def test_the_copy_of_an_object_in_parts_can_be_read_with_its_checksum(unwatched: Any, restart: Any) -> None:
    source, target = make_pair(unwatched)
    declare(unwatched, source, target)
    place = {"Bucket": source, "Key": "backups/base"}
    upload = {**place, "UploadId": unwatched.create_multipart_upload(**place, ChecksumAlgorithm="SHA256")["UploadId"]}
    part = unwatched.upload_part(**upload, PartNumber=1, Body=b"content", ChecksumAlgorithm="SHA256")
    parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}]
    unwatched.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert restart().pass_over(time.time()) == 1
    copy = unwatched.get_object(Bucket=target, Key="backups/base", ChecksumMode="ENABLED")
    assert copy["Body"].read() == b"content"
    assert copy["ChecksumSHA256"].endswith("-1")


@pytest.mark.parametrize("torn", [False, True])
def test_nothing_is_copied_twice_after_a_restart_even_one_between_copy_and_note(
    unwatched: Any, restart: Callable[..., Replicator], tmp_path: Path, torn: bool
) -> None:
    source, target = make_pair(unwatched)
    declare(unwatched, source, target)
    for content in (b"1", b"22"):
        unwatched.put_object(Bucket=source, Key="backups/a", Body=content)
    first = restart()
    assert first.pass_over(time.time()) == 2
    assert first.pass_over(time.time()) == 0
    if torn:
        state = tmp_path / "state.jsonl"
        state.write_text("".join(state.read_text().splitlines(keepends=True)[:-1]))
    restart().pass_over(time.time())
    assert len(versions(unwatched, target)) == 2
    assert unwatched.get_object(Bucket=target, Key="backups/a")["Body"].read() == b"22"


def test_a_copy_comes_after_the_delay(unwatched: Any, restart: Callable[..., Replicator]) -> None:
    source, target = make_pair(unwatched)
    declare(unwatched, source, target)
    unwatched.put_object(Bucket=source, Key="backups/a", Body=b"1")
    slow, now = restart(delay=60), time.time()
    assert [slow.pass_over(now + seconds) for seconds in (0, 59, 60)] == [0, 0, 1]


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2"])
def test_nothing_leaves_or_enters_a_lost_region(
    aws: Aws, unwatched: Any, restart: Callable[..., Replicator], region: str
) -> None:
    source, target = make_pair(unwatched)
    declare(unwatched, source, target)
    unwatched.put_object(Bucket=source, Key="backups/a", Body=b"1")
    replicator = restart()
    aws.reach.region_gone(region)
    assert replicator.pass_over(time.time()) == 0
    aws.reach.region_back(region)
    assert replicator.pass_over(time.time()) == 1


def test_objects_older_than_the_rule_and_delete_markers_are_not_copied(
    unwatched: Any, restart: Callable[..., Replicator]
) -> None:
    source, target = make_pair(unwatched)
    unwatched.put_object(Bucket=source, Key="backups/old", Body=b"1")
    replicator, now = restart(), time.time() + 5
    replicator.pass_over(now)
    declare(unwatched, source, target)
    replicator.pass_over(now + 5)
    unwatched.delete_object(Bucket=source, Key="backups/old")
    assert replicator.pass_over(now + 10) == 0
    assert versions(unwatched, target) == []


def test_a_pointer_that_arrives_after_a_failover_does_not_hide_the_dr_site_s_own_backup(
    aws: Aws, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:  # fault 68
    for name, value in aws.env("dr").items():
        monkeypatch.setenv(name, value)
    source, target = make_pair(s3)
    declare(s3, source, target, prefix="")
    dr, production = S3Bucket(target, "us-west-2"), S3Bucket(source, "us-east-1")
    current, late = manifest("aaaa", epoch=2), manifest("late", epoch=1, started=NOON + timedelta(days=1))
    for store, made in ((dr, current), (production, late)):
        key = manifest_key(made.parts[0].key.rpartition("/")[0] + "/")
        store.put_once(made.parts[0].key, b"xxx", retain_until=None)
        store.put_once(key, made.to_json(), retain_until=None)
        assert move_pointer(store, made, key)
    wait_until(lambda: len(versions(s3, target)) == 6, what="all of production's backup in the DR bucket")
    assert newest(dr, "postgres", "full").manifest == current


def test_a_disabled_rule_copies_nothing(unwatched: Any, restart: Callable[..., Replicator]) -> None:
    source, target = make_pair(unwatched)
    declare(unwatched, source, target, status="Disabled")
    unwatched.put_object(Bucket=source, Key="backups/a", Body=b"1")
    assert restart().pass_over(time.time()) == 0


def test_a_declared_rule_reads_back_as_it_was_put(unwatched: Any) -> None:
    source, target = make_pair(unwatched)
    rule = {
        "ID": "both",
        "Priority": 3,
        "Status": "Enabled",
        "Filter": {"And": {"Prefix": "backups/", "Tags": [{"Key": "kind", "Value": "full"}]}},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
        "Destination": {"Bucket": f"arn:aws:s3:::{target}", "EncryptionConfiguration": {"ReplicaKmsKeyID": "arn:k"}},
    }
    configuration = {"Role": "arn:aws:iam::123456789012:role/replication", "Rules": [rule]}
    unwatched.put_bucket_replication(Bucket=source, ReplicationConfiguration=configuration)
    assert unwatched.get_bucket_replication(Bucket=source)["ReplicationConfiguration"] == configuration
