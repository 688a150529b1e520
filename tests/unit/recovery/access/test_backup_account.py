"""Copies in an account of their own: across accounts a call passes when both sides allow it."""

import json
from typing import Any

import pytest

from recovery.access.backup_account import bucket_grants, key_grants
from recovery.access.buckets import backup_bucket_policy, backup_key_policy, break_glass_policy
from recovery.access.conditions import LOCK_DAYS
from recovery.access.documents import bucket_arn
from recovery.access.duties import duty_policies
from recovery.access.replication import replication_policy
from recovery.names import BUNDLE_KEY, Names, pointer_key
from tests.support.iam import Verdict, ask
from tests.support.plans import plan, with_account

PRODUCTION, COPIES = "123456789012", "210987654321"
NAMES = Names(plan(with_account(COPIES)), PRODUCTION)
TOGETHER = Names(plan(), PRODUCTION)
KEY_PROD, KEY_DR = f"arn:aws:kms:us-east-1:{PRODUCTION}:key/prod", f"arn:aws:kms:us-west-2:{COPIES}:key/dr"
PROD, DR, ASSETS = NAMES.backup_bucket("prod"), NAMES.backup_bucket("dr"), NAMES.assets_bucket
BREAK_GLASS = NAMES.role_arn("break-glass", COPIES)
BUCKET = backup_bucket_policy(DR, KEY_DR, BREAK_GLASS, bucket_grants(NAMES, DR))
ASSETS_BUCKET = backup_bucket_policy(ASSETS, KEY_DR, BREAK_GLASS, bucket_grants(NAMES, ASSETS))
KEY = backup_key_policy(COPIES, BREAK_GLASS, key_grants(NAMES))
DUTIES = {
    **duty_policies(NAMES, {"prod": KEY_PROD, "dr": KEY_DR}),
    "replication": replication_policy(NAMES, PROD, DR, source_key=KEY_PROD, destination_key=KEY_DR),
    "assets-replication": replication_policy(NAMES, "assets", ASSETS, source_key="", destination_key=KEY_DR),
}
FOLDER = "postgres/full/00000001/7/20260101T000000Z-r"
COPY, MANIFEST, LOG = f"{FOLDER}/base.tar.zst", f"{FOLDER}/manifest.json", "postgres/log/00000001/7/0-16777216"
POINTER = pointer_key("postgres", "full", 1)
THROUGH_S3 = {"kms:ViaService": "s3.us-west-2.amazonaws.com"}


def across(duty: str, action: str, resource: str, context: dict[str, str] | None = None) -> Verdict:
    """What both sides say together to a role of production."""
    said = {**(context or {}), "aws:PrincipalArn": NAMES.role_arn(duty), "aws:SecureTransport": "true"}
    theirs = KEY if action.startswith("kms:") else ASSETS_BUCKET if ASSETS in resource else BUCKET
    answers = {ask(DUTIES[duty], action, resource, said), ask(theirs, action, resource, said)}
    return "deny" if "deny" in answers else "allow" if answers == {"allow"} else "nothing"


@pytest.mark.parametrize(
    ("duty", "action", "resource", "context"),
    [
        ("writer", "s3:PutObject", bucket_arn(DR, COPY), {}),
        ("writer", "s3:PutObjectRetention", bucket_arn(DR, COPY), {LOCK_DAYS: "1"}),
        ("writer", "s3:PutObject", bucket_arn(DR, POINTER), {}),
        ("writer", "kms:GenerateDataKey", KEY_DR, THROUGH_S3),
        ("shipper", "s3:PutObject", bucket_arn(DR, LOG), {}),
        ("shipper", "s3:ListBucket", bucket_arn(DR), {}),
        ("shipper", "kms:Decrypt", KEY_DR, THROUGH_S3),
        ("restorer", "s3:GetObjectVersion", bucket_arn(DR, COPY), {}),
        ("restorer", "s3:RestoreObject", bucket_arn(DR, COPY), {}),
        ("restorer", "kms:Decrypt", KEY_DR, THROUGH_S3),
        ("monitor", "s3:GetObject", bucket_arn(DR, MANIFEST), {}),
        ("monitor", "s3:GetBucketVersioning", bucket_arn(DR), {}),
        ("pruner", "s3:ListBucket", bucket_arn(DR), {}),
        ("pruner", "s3:ListBucketVersions", bucket_arn(DR), {}),
        ("pruner", "s3:GetObjectRetention", bucket_arn(DR, COPY), {}),
        ("promoter", "s3:GetObject", bucket_arn(DR, BUNDLE_KEY), {}),
        ("promoter", "s3:ListBucket", bucket_arn(DR), {}),
        ("promoter", "kms:Decrypt", KEY_DR, THROUGH_S3),
        ("replication", "s3:ReplicateObject", bucket_arn(DR, COPY), {}),
        ("replication", "kms:Encrypt", KEY_DR, THROUGH_S3),
        ("assets-replication", "s3:ReplicateObject", bucket_arn(ASSETS, "logo.png"), {}),
    ],
)
def test_a_duty_does_its_work_in_the_other_account(
    duty: str, action: str, resource: str, context: dict[str, str]
) -> None:
    assert across(duty, action, resource, context) == "allow"


@pytest.mark.parametrize(
    ("duty", "action", "resource", "context"),
    [
        ("writer", "s3:PutObjectRetention", bucket_arn(DR, COPY), {LOCK_DAYS: "36500"}),
        ("writer", "s3:DeleteObject", bucket_arn(DR, COPY), {}),
        ("shipper", "s3:PutObject", bucket_arn(DR, COPY), {}),
        ("shipper", "kms:Decrypt", KEY_DR, {}),
        ("restorer", "s3:PutObject", bucket_arn(DR, COPY), {}),
        ("monitor", "s3:GetObject", bucket_arn(DR, COPY), {}),
        ("guard", "s3:GetObject", bucket_arn(DR, COPY), {}),
        ("promoter", "s3:DeleteObject", bucket_arn(DR, COPY), {}),
        ("pruner", "s3:DeleteObject", bucket_arn(DR, COPY), {}),
        ("replication", "s3:ReplicateDelete", bucket_arn(DR, COPY), {}),
        ("replication", "s3:ReplicateObject", bucket_arn(ASSETS, "logo.png"), {}),
        ("assets-replication", "s3:ReplicateObject", bucket_arn(DR, COPY), {}),
    ],
)
def test_and_nothing_else(duty: str, action: str, resource: str, context: dict[str, str]) -> None:
    assert across(duty, action, resource, context) == "nothing"


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:GetObjectVersion"])
@pytest.mark.parametrize("who", ["role/admin", "role/ultramarket-dr-break-glass", "root"])
def test_an_administrator_of_production_gets_nothing_out_of_the_other_account(who: str, action: str) -> None:
    """Whatever its own policies say: the bucket allows roles, not the account."""
    said = {"aws:PrincipalArn": f"arn:aws:iam::{PRODUCTION}:{who}", "aws:SecureTransport": "true"}
    assert ask(BUCKET, action, bucket_arn(DR, COPY), said) == "nothing"


@pytest.mark.parametrize("action", ["s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"])
@pytest.mark.parametrize("duty", [*DUTIES, "admin"])
def test_nobody_of_production_ends_a_version_there_not_even_its_break_glass(duty: str, action: str) -> None:
    for role in (NAMES.role_arn(duty), NAMES.role_arn("break-glass", PRODUCTION)):
        assert ask(BUCKET, action, bucket_arn(DR, COPY), {"aws:PrincipalArn": role}) == "deny"
    assert ask(BUCKET, action, bucket_arn(DR, COPY), {"aws:PrincipalArn": BREAK_GLASS}) == "nothing"


def test_production_neither_ends_nor_changes_the_key_there() -> None:
    said = {"aws:PrincipalArn": f"arn:aws:iam::{PRODUCTION}:role/admin", **THROUGH_S3}
    grants = {"Statement": key_grants(NAMES)}
    assert ask(grants, "kms:GenerateDataKey", KEY_DR, said) == "allow"
    for action in ("kms:ScheduleKeyDeletion", "kms:PutKeyPolicy", "kms:DisableKey", "kms:CreateGrant"):
        assert ask(grants, action, KEY_DR, said) == "nothing"
    assert ask(grants, "kms:Decrypt", KEY_DR, {}) == "nothing"


def test_each_account_s_break_glass_opens_that_account_s_copies_and_no_others() -> None:
    there, here = (break_glass_policy(NAMES, account, ["-"]) for account in (COPIES, PRODUCTION))
    for bucket, opens, does_not in (
        (DR, there, here),
        (ASSETS, there, here),
        (PROD, here, there),
        (NAMES.marker_bucket, here, there),
    ):
        assert ask(opens, "s3:DeleteObjectVersion", bucket_arn(bucket, COPY), {}) == "allow"
        assert ask(does_not, "s3:DeleteObjectVersion", bucket_arn(bucket, COPY), {}) == "nothing"


def test_who_brings_up_the_dr_stack_writes_the_bundle_and_no_copy() -> None:
    said = {"aws:PrincipalArn": f"arn:aws:iam::{PRODUCTION}:role/deployer", "aws:SecureTransport": "true"}
    assert ask(BUCKET, "s3:PutObject", bucket_arn(DR, BUNDLE_KEY), said) == "allow"
    assert ask(BUCKET, "s3:DeleteObject", bucket_arn(DR, BUNDLE_KEY), said) == "nothing"
    assert ask(ASSETS_BUCKET, "s3:PutObject", bucket_arn(ASSETS, BUNDLE_KEY), said) == "nothing"


def test_names_say_whose_account_a_bucket_is_in() -> None:
    assert (COPIES in DR, COPIES in ASSETS, COPIES in PROD) == (True, True, False)
    assert PRODUCTION in NAMES.marker_bucket


def test_production_s_own_bucket_grants_nothing_by_its_policy() -> None:
    assert bucket_grants(NAMES, PROD) == bucket_grants(NAMES, NAMES.marker_bucket) == []


def test_with_one_account_nobody_is_let_in() -> None:
    assert bucket_grants(TOGETHER, TOGETHER.backup_bucket("dr")) == key_grants(TOGETHER) == []
    same = Names(plan(with_account(PRODUCTION)), PRODUCTION)
    assert not same.apart


@pytest.mark.parametrize("policy", [BUCKET, ASSETS_BUCKET, KEY])
def test_a_resource_s_policy_fits(policy: Any) -> None:
    """20 KB for a bucket, 32 KB for a key; statement ids are unique.
    https://docs.aws.amazon.com/general/latest/gr/s3.html"""
    assert len(json.dumps(policy)) < 20_000
    sids = [statement["Sid"] for statement in policy["Statement"]]
    assert len(sids) == len(set(sids))
