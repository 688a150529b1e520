"""Replication that copies less than declared, or more, is named."""

from collections.abc import Callable
from typing import Any

import pytest

from operations.monitoring.findings import CRITICAL, OK
from tests.support.account import ASSETS, NAMES, Account, found


def _to(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda rule: rule["Destination"].update(changes)


def _rule(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda rule: rule.update(changes)


FAULTS = [
    (_to(Bucket="arn:aws:s3:::elsewhere"), "nothing copies"),
    (_rule(Status="Disabled"), "nothing copies"),
    (_rule(DeleteMarkerReplication={"Status": "Enabled"}), "a deletion in production is carried to the DR bucket"),
    (_to(ReplicationTime={"Status": "Disabled"}), "without replication time control"),
    (_to(ReplicationTime={"Status": "Enabled", "Time": {"Minutes": 30}}), "without replication time control"),
    (_to(Metrics={"Status": "Disabled"}), "the alarms on late and failed copies hear nothing"),
    (_to(EncryptionConfiguration={"ReplicaKmsKeyID": "other"}), "not under the DR region's backup key"),
    (_to(EncryptionConfiguration={}), "not under the DR region's backup key"),
    (_to(StorageClass="GLACIER"), "copies begin in GLACIER"),
    (_rule(SourceSelectionCriteria={}), "encrypted under a key is not copied"),
    (_rule(Filter={"Prefix": "postgres/"}), "only a part of the bucket is copied"),
    (_rule(Filter={"Tag": {"Key": "copy", "Value": "yes"}}), "only a part of the bucket is copied"),
    (_rule(ID="mine"), "its rule is mine, and the alarms watch all-copies"),
]


@pytest.mark.parametrize(("change", "words"), FAULTS)
@pytest.mark.parametrize(
    ("name", "source"), [("replication backups", NAMES.backup_bucket("prod")), ("replication assets", ASSETS)]
)
def test_replication_that_copies_less_than_declared_is_critical(
    name: str, source: str, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    account = Account()
    change(account.settings[source, "get_bucket_replication"]["ReplicationConfiguration"]["Rules"][0])
    finding = found(account)[name]
    assert (finding.level, words in finding.words) == (CRITICAL, True), finding.words


def test_a_rule_that_copies_elsewhere_and_a_role_that_is_not_ours_are_named() -> None:
    account = Account()
    configuration = account.settings[NAMES.backup_bucket("prod"), "get_bucket_replication"]["ReplicationConfiguration"]
    other = {"ID": "x", "Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::somebody"}}
    configuration["Rules"].append(other)
    configuration["Role"] = "arn:aws:iam::123456789012:role/admin"
    finding = found(account)["replication backups"]
    assert "rule x is nobody's: it copies to arn:aws:s3:::somebody" in finding.words
    assert "S3 copies as arn:aws:iam::123456789012:role/admin" in finding.words
    other["Status"] = "Disabled"
    assert "nobody's" not in found(account)["replication backups"].words


def test_an_empty_prefix_is_the_whole_bucket() -> None:
    account = Account()
    source = NAMES.backup_bucket("prod")
    rule = account.settings[source, "get_bucket_replication"]["ReplicationConfiguration"]["Rules"][0]
    rule["Filter"] = {"Prefix": ""}
    assert found(account)["replication backups"].level == OK
