"""Buckets that protect less than declared are named, each setting of each."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from operations.monitoring.findings import CRITICAL, OK
from tests.support.account import KEYS, NAMES, Account, found, policy_of


def _bucket(operation: str, answer: dict[str, Any]) -> Callable[[Account], None]:
    return lambda account: account.settings.__setitem__((NAMES.backup_bucket("dr"), operation), answer)


def _longer_lifecycle(account: Account) -> None:
    rules = account.settings[NAMES.backup_bucket("dr"), "get_bucket_lifecycle_configuration"]["Rules"]
    rules[0]["NoncurrentVersionExpiration"]["NoncurrentDays"] = 1


def _foreign_lifecycle(account: Account) -> None:
    rules = account.settings[NAMES.backup_bucket("dr"), "get_bucket_lifecycle_configuration"]["Rules"]
    rules.append({"ID": "tidy", "Status": "Enabled", "Expiration": {"Days": 1}})


def _switched_off_lifecycle(account: Account) -> None:
    for rule in account.settings[NAMES.backup_bucket("dr"), "get_bucket_lifecycle_configuration"]["Rules"]:
        rule["Status"] = "Disabled"


def _one_way_for_the_public(account: Account) -> None:
    answer = account.settings[NAMES.backup_bucket("dr"), "get_public_access_block"]
    answer["PublicAccessBlockConfiguration"]["BlockPublicPolicy"] = False


def _key_elsewhere(account: Account) -> None:
    """An answer may be shared between the sites: only the DR site's is another."""
    answer = account.settings[NAMES.backup_bucket("prod"), "get_bucket_encryption"]
    account.settings[NAMES.backup_bucket("dr"), "get_bucket_encryption"] = answer


def _narrower_deny(account: Account) -> None:
    (keep,) = [each for each in policy_of(account, NAMES.backup_bucket("dr")) if each["Sid"] == "KeepVersions"]
    keep["Action"] = keep["Action"][:1]


def _lifecycle_of_a_part(account: Account) -> None:
    rules = account.settings[NAMES.backup_bucket("dr"), "get_bucket_lifecycle_configuration"]["Rules"]
    rules[0]["Filter"] = {"Prefix": "postgres/full/00000001/"}


def _uploads_without_end(account: Account) -> None:
    rules = account.settings[NAMES.backup_bucket("dr"), "get_bucket_lifecycle_configuration"]["Rules"]
    (leftovers,) = [each for each in rules if each["ID"] == "leftovers"]
    del leftovers["AbortIncompleteMultipartUpload"]


def _another_statement(account: Account) -> None:
    policy_of(account, NAMES.backup_bucket("dr")).append(
        {"Sid": "Friends", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
    )


def _customers_keys(account: Account) -> None:
    answer = account.settings[NAMES.backup_bucket("dr"), "get_bucket_encryption"]
    del answer["ServerSideEncryptionConfiguration"]["Rules"][0]["BlockedEncryptionTypes"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_bucket("get_bucket_versioning", {"Status": "Suspended"}), "versioning is off"),
        (_bucket("get_object_lock_configuration", {}), "no Object Lock"),
        (_bucket("get_bucket_encryption", {}), "not encrypted under a key of ours"),
        (_key_elsewhere, "not encrypted under a key of ours"),
        (_bucket("get_public_access_block", {}), "public access is not blocked"),
        (_one_way_for_the_public, "public access is not blocked"),
        (_bucket("get_bucket_policy", {}), "its policy lacks or changes TlsOnly"),
        (_narrower_deny, "its policy lacks or changes KeepVersions"),
        (_bucket("get_bucket_lifecycle_configuration", {}), "is missing or has other terms"),
        (_switched_off_lifecycle, "is missing or has other terms"),
        (_longer_lifecycle, "is missing or has other terms"),
        (_foreign_lifecycle, "lifecycle rule tidy is nobody's"),
        (_lifecycle_of_a_part, "is missing or has other terms"),
        (_uploads_without_end, "lifecycle rule leftovers is missing or has other terms"),
        (_another_statement, "its policy has Friends, which nobody declared"),
        (_bucket("get_bucket_ownership_controls", {}), "ACLs are not switched off"),
        (_customers_keys, "SSE-C is not blocked"),
    ],
)
def test_a_bucket_that_protects_less_is_named(change: Callable[[Account], None], words: str) -> None:
    account = Account()
    change(account)
    finding = found(account)["bucket dr"]
    assert finding.level == CRITICAL
    assert words in finding.words
    assert "pulumi preview" in finding.next_step


def test_a_policy_in_another_spelling_is_the_same() -> None:
    account = Account()
    answer = account.settings[NAMES.backup_bucket("dr"), "get_bucket_policy"]
    policy = json.loads(answer["Policy"])
    for each in policy["Statement"]:
        if isinstance(each["Action"], list):
            each["Action"] = each["Action"][0] if len(each["Action"]) == 1 else each["Action"][::-1]
    answer["Policy"] = json.dumps(policy)
    assert found(account)["bucket dr"].level == OK


def _without_ranges(account: Account) -> None:
    readers = _readers(account)
    readers["Condition"] = {"IpAddress": {"aws:SourceIp": []}}


def _everybody_reads_the_marker(account: Account) -> None:
    _readers(account)["Condition"] = {"IpAddress": {"aws:SourceIp": ["15.177.0.0/18", "0.0.0.0/1"]}}


def _everybody_reads_the_marker_by_name(account: Account) -> None:
    _readers(account)["Condition"] = {"IpAddress": {"aws:SourceIp": "anywhere"}}


def _anybody_puts_the_marker(account: Account) -> None:
    statements = policy_of(account, NAMES.marker_bucket)
    statements[:] = [each for each in statements if each["Sid"] != "OnlyPromoterPuts"]


def _readers(account: Account) -> dict[str, Any]:
    (found_there,) = [each for each in policy_of(account, NAMES.marker_bucket) if each["Sid"] == "CheckersRead"]
    return found_there


def _marker(operation: str, answer: dict[str, Any]) -> Callable[[Account], None]:
    return lambda account: account.settings.__setitem__((NAMES.marker_bucket, operation), answer)


def _marker_under_a_key(account: Account) -> None:
    account.settings[NAMES.marker_bucket, "get_bucket_encryption"] = account.settings[
        NAMES.backup_bucket("dr"), "get_bucket_encryption"
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_marker("get_bucket_versioning", {}), "versioning is off"),
        (_marker("get_public_access_block", {}), "public access is not blocked"),
        (_marker("get_bucket_ownership_controls", {}), "ACLs are not switched off"),
        (_marker("get_bucket_encryption", {}), "SSE-C is not blocked"),
        (_marker_under_a_key, "not under S3's own key"),
        (_marker("get_bucket_policy", {}), "no checker may read the marker"),
        (_without_ranges, "no checker may read the marker"),
        (_everybody_reads_the_marker, "it lets 0.0.0.0/1 read the marker"),
        (_everybody_reads_the_marker_by_name, "it lets anywhere read the marker"),
        (_anybody_puts_the_marker, "its policy lacks or changes OnlyPromoterPuts"),
        (
            _marker("get_bucket_lifecycle_configuration", {"Rules": [{"ID": "tidy", "Status": "Enabled"}]}),
            "lifecycle rule tidy is nobody's",
        ),
    ],
)
def test_a_marker_bucket_that_anybody_could_move_or_no_checker_could_read_is_named(
    change: Callable[[Account], None], words: str
) -> None:
    account = Account()
    change(account)
    finding = found(account)["bucket marker"]
    assert (finding.level, words in finding.words) == (CRITICAL, True), finding.words


def test_the_copy_of_static_assets_is_looked_at_like_a_backup_bucket_with_its_own_lifecycle() -> None:
    account, bucket = Account(), NAMES.assets_bucket
    account.settings[bucket, "get_object_lock_configuration"] = {}
    account.settings[bucket, "get_bucket_lifecycle_configuration"]["Rules"][0]["NoncurrentVersionExpiration"] = {
        "NoncurrentDays": 1
    }
    encryption = account.settings[bucket, "get_bucket_encryption"]["ServerSideEncryptionConfiguration"]
    encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] = f"{KEYS['dr']}-other"
    finding = found(account)["bucket assets"]
    assert finding.level == CRITICAL
    for words in ("no Object Lock", "rule undo is missing or has other terms", "another key than the backups"):
        assert words in finding.words


def test_without_static_assets_there_is_nothing_to_find() -> None:
    account = Account()
    account.assets = {}
    account.settings = {of: answer for of, answer in account.settings.items() if of[0] != NAMES.assets_bucket}
    levels = found(account)
    assert (levels["bucket assets"].level, levels["replication assets"].level) == (OK, OK)
    assert "as without foundation's `assetsBucket`" in levels["bucket assets"].words


def test_a_copy_of_static_assets_that_is_gone_is_critical_while_its_role_is_there() -> None:
    account = Account()
    account.settings = {of: answer for of, answer in account.settings.items() if of[0] != NAMES.assets_bucket}
    assert found(account)["bucket assets"].level == CRITICAL
