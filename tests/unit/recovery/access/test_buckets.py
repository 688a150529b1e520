"""Policies of buckets and keys: what even an administrator may not do."""

import itertools
from typing import Any

import pytest

from recovery.access.buckets import (
    backup_bucket_policy,
    backup_key_policy,
    break_glass_policy,
    marker_bucket_policy,
)
from recovery.access.documents import bucket_arn
from recovery.names import CANARY_KEY, MARKER_KEY, Names
from recovery.plan.loading import load_plan
from tests.support.iam import ask
from tests.support.plans import ROOT

NAMES = Names(load_plan(ROOT / "recovery.yaml"), "123456789012")
KEY_PROD, KEY_DR = "arn:aws:kms:us-east-1:123456789012:key/prod", "arn:aws:kms:us-west-2:123456789012:key/dr"
PROD, DR, MARKER = NAMES.backup_bucket("prod"), NAMES.backup_bucket("dr"), NAMES.marker_bucket
COPY = "postgres/full/00000001/7/20260101T000000Z-r/base.tar.zst"
BREAK_GLASS = NAMES.role_arn("break-glass")
EMERGENCY = break_glass_policy(NAMES, NAMES.account, [KEY_PROD, KEY_DR])
BUCKET = backup_bucket_policy(PROD, KEY_PROD, BREAK_GLASS)
SSE, SSE_KEY = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
WRITER_IS = {"aws:PrincipalArn": NAMES.role_arn("writer"), "aws:SecureTransport": "true"}


def test_statement_names_are_unique_and_plain() -> None:
    for document in (BUCKET, marker_bucket_policy(NAMES, [])):
        names = [statement["Sid"] for statement in document["Statement"]]
        assert len(set(names)) == len(names)
        assert all(name.isalnum() for name in names)


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ({}, "nothing"),
        ({SSE: "aws:kms", SSE_KEY: KEY_PROD}, "nothing"),
        ({SSE: "AES256"}, "deny"),
        ({SSE: "aws:kms"}, "deny"),
        ({SSE: "aws:kms", SSE_KEY: "arn:aws:kms:us-east-1:666666666666:key/theirs"}, "deny"),
    ],
)
def test_a_backup_is_encrypted_under_the_bucket_s_key_or_refused(headers: dict[str, str], verdict: str) -> None:
    assert ask(BUCKET, "s3:PutObject", bucket_arn(PROD, COPY), {**WRITER_IS, **headers}) == verdict


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:DeleteObjectVersion", bucket_arn(PROD, COPY)),
        ("s3:BypassGovernanceRetention", bucket_arn(PROD, COPY)),
        ("s3:PutLifecycleConfiguration", bucket_arn(PROD)),
        ("s3:PutBucketPolicy", bucket_arn(PROD)),
        ("s3:DeleteBucketPolicy", bucket_arn(PROD)),
        ("s3:PutBucketVersioning", bucket_arn(PROD)),
        ("s3:PutEncryptionConfiguration", bucket_arn(PROD)),
        ("s3:PutReplicationConfiguration", bucket_arn(PROD)),
        ("s3:DeleteBucket", bucket_arn(PROD)),
    ],
)
def test_even_an_administrator_cannot_weaken_a_backup_bucket_but_break_glass_can(action: str, resource: str) -> None:
    administrator = {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/admin", "aws:SecureTransport": "true"}
    assert ask(BUCKET, action, resource, administrator) == "deny"
    assert ask(BUCKET, action, resource, {**administrator, "aws:PrincipalArn": BREAK_GLASS}) == "nothing"


@pytest.mark.parametrize("policy", [BUCKET, marker_bucket_policy(NAMES, [])])
def test_whatever_a_bucket_policy_denies_to_everybody_else_break_glass_may_do_short_of_ending_the_bucket(
    policy: Any,
) -> None:
    reserved = [
        (action, resource.replace(PROD, bucket))
        for statement in policy["Statement"]
        if statement.get("Condition") == {"ArnNotEquals": {"aws:PrincipalArn": BREAK_GLASS}}
        for action, resource in itertools.product(statement["Action"], statement["Resource"])
        for bucket in ((PROD, DR, NAMES.assets_bucket) if PROD in resource else ("",))
    ]
    assert len(reserved) > 10
    for action, resource in reserved:
        assert ask(EMERGENCY, action, resource) == ("nothing" if action == "s3:DeleteBucket" else "allow"), action


def test_nothing_travels_in_the_clear() -> None:
    for document, bucket in ((BUCKET, PROD), (marker_bucket_policy(NAMES, []), MARKER)):
        assert ask(document, "s3:GetObject", bucket_arn(bucket, "x"), {"aws:SecureTransport": "false"}) == "deny"
        assert ask(document, "s3:ListBucket", bucket_arn(bucket), {"aws:SecureTransport": "false"}) == "deny"


CHECKER, STRANGER = "54.183.255.140", "203.0.113.9"
MARKER_POLICY = marker_bucket_policy(NAMES, ["54.183.255.128/26"])


@pytest.mark.parametrize(
    ("key", "address", "verdict"),
    [
        (MARKER_KEY, CHECKER, "allow"),
        (CANARY_KEY, CHECKER, "allow"),
        ("something/else", CHECKER, "nothing"),
        (MARKER_KEY, STRANGER, "nothing"),
    ],
)
def test_only_the_checkers_read_marker_and_canary_anonymously(key: str, address: str, verdict: str) -> None:
    context = {"aws:SourceIp": address, "aws:SecureTransport": "true"}
    assert ask(MARKER_POLICY, "s3:GetObject", bucket_arn(MARKER, key), context) == verdict


def test_every_anonymous_grant_is_limited_to_addresses_so_that_public_access_stays_blocked() -> None:
    for statement in MARKER_POLICY["Statement"]:
        if statement["Effect"] == "Allow":
            assert statement["Condition"]["IpAddress"]["aws:SourceIp"]


@pytest.mark.parametrize(
    ("role", "action", "verdict"),
    [
        ("promoter", "s3:PutObject", "nothing"),
        ("break-glass", "s3:PutObject", "deny"),
        ("writer", "s3:PutObject", "deny"),
        ("promoter", "s3:DeleteObject", "deny"),
        ("break-glass", "s3:DeleteObject", "nothing"),
    ],
)
def test_only_the_promoter_puts_the_marker_and_only_break_glass_removes_it(
    role: str, action: str, verdict: str
) -> None:
    context = {"aws:PrincipalArn": NAMES.role_arn(role), "aws:SecureTransport": "true"}
    assert ask(MARKER_POLICY, action, bucket_arn(MARKER, MARKER_KEY), context) == verdict


def test_only_break_glass_may_end_a_backup_key() -> None:
    policy = backup_key_policy(NAMES.account, BREAK_GLASS)
    for action, role in itertools.product(("kms:ScheduleKeyDeletion", "kms:DisableKey"), ("writer", "admin")):
        assert ask(policy, action, KEY_PROD, {"aws:PrincipalArn": NAMES.role_arn(role)}) == "deny"
    assert ask(policy, "kms:ScheduleKeyDeletion", KEY_PROD, {"aws:PrincipalArn": BREAK_GLASS}) == "allow"
    # KMS refuses a policy that would lock its own creator out.
    assert ask(policy, "kms:PutKeyPolicy", KEY_PROD, {"aws:PrincipalArn": NAMES.role_arn("admin")}) == "allow"


@pytest.mark.parametrize("bucket", [PROD, DR, MARKER, NAMES.assets_bucket])
@pytest.mark.parametrize(
    "setting",
    [
        "BucketPolicy",
        "BucketVersioning",
        "LifecycleConfiguration",
        "EncryptionConfiguration",
        "BucketObjectLockConfiguration",
        "BucketPublicAccessBlock",
        "BucketOwnershipControls",
        "ReplicationConfiguration",
    ],
)
def test_break_glass_sees_a_setting_before_and_after_it_changes_it(bucket: str, setting: str) -> None:
    for action in (f"s3:Put{setting}", f"s3:Get{setting}"):
        assert ask(EMERGENCY, action, bucket_arn(bucket)) == "allow", action


def test_a_refresh_reads_guarded_settings_under_any_identity() -> None:
    """What the buckets deny is changing: after break-glass, Pulumi's usual identity takes the result into its state."""
    somebody = {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/platform-ci", "aws:SecureTransport": "true"}
    for policy, bucket in ((BUCKET, PROD), (marker_bucket_policy(NAMES, []), MARKER)):
        for setting in (
            "BucketPolicy",
            "LifecycleConfiguration",
            "EncryptionConfiguration",
            "ReplicationConfiguration",
        ):
            assert ask(policy, f"s3:Put{setting}", bucket_arn(bucket), somebody) == "deny"
            assert ask(policy, f"s3:Get{setting}", bucket_arn(bucket), somebody) == "nothing"


def test_break_glass_passes_replication_s_roles_to_s3_alone() -> None:
    """S3 takes no replication rule from who may not."""
    to_s3, to_ec2 = ({"iam:PassedToService": f"{service}.amazonaws.com"} for service in ("s3", "ec2"))
    role = NAMES.role_arn("replication")
    assert ask(EMERGENCY, "iam:PassRole", role, to_s3) == "allow"
    assert ask(EMERGENCY, "iam:PassRole", role, to_ec2) == "nothing"
    assert ask(EMERGENCY, "iam:PassRole", NAMES.role_arn("promoter"), to_s3) == "nothing"


def test_break_glass_finds_the_cluster_that_it_administers_in_production_s_account_only() -> None:
    cluster = f"arn:aws:eks:us-west-2:{NAMES.account}:cluster/{NAMES.dr_cluster}"
    assert ask(EMERGENCY, "eks:DescribeCluster", cluster) == "allow"
    elsewhere = break_glass_policy(NAMES, "210987654321", [KEY_DR])
    assert ask(elsewhere, "eks:DescribeCluster", cluster) == "nothing"
