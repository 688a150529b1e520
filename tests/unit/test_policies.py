"""Roles, buckets and keys: calls that must pass and calls that must not."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from recovery import policies
from recovery.bucket_policies import (
    backup_bucket_policy,
    backup_key_policy,
    break_glass_policy,
    marker_bucket_policy,
)
from recovery.cluster_roles import cluster_arn, cluster_trust, storage_trust
from recovery.loading import load_plan
from recovery.names import BUNDLE_KEY, CANARY_KEY, MARKER_KEY, Names, pointer_key
from recovery.policies import ServiceAccount, bucket_arn
from tests.unit.iam import ask

NAMES = Names(load_plan(Path(__file__).resolve().parents[2] / "recovery.yaml"), "123456789012")
KEY_PROD, KEY_DR = "arn:aws:kms:us-east-1:123456789012:key/prod", "arn:aws:kms:us-west-2:123456789012:key/dr"
PROD, DR, MARKER = NAMES.backup_bucket("prod"), NAMES.backup_bucket("dr"), NAMES.marker_bucket
COPY = "postgres/full/00000001/7/20260101T000000Z-r/base.tar.zst"
S3_DR = {"kms:ViaService": "s3.us-west-2.amazonaws.com"}
S3_PROD = {"kms:ViaService": "s3.us-east-1.amazonaws.com"}
LEASE, JOURNAL = {"dynamodb:LeadingKeys": "lease"}, {"dynamodb:LeadingKeys": "run#1"}
TABLE_PROD, TABLE_DR = policies.table_arns(NAMES)
BREAK_GLASS = NAMES.role_arn("break-glass")
WRITER = policies.writer_policy(NAMES, [KEY_PROD, KEY_DR])
GUARD = policies.guard_policy(NAMES)
PROMOTER = policies.promoter_policy(NAMES, [KEY_DR])
REPLICATION = policies.replication_policy(NAMES, PROD, DR, source_key=KEY_PROD, destination_key=KEY_DR)
EMERGENCY = break_glass_policy(NAMES, NAMES.account, [KEY_PROD, KEY_DR])
ROLES = {"writer": WRITER, "guard": GUARD, "promoter": PROMOTER, "replication": REPLICATION, "break-glass": EMERGENCY}


@pytest.mark.parametrize(
    ("document", "action", "resource", "context"),
    [
        (WRITER, "s3:PutObject", bucket_arn(PROD, COPY), {}),
        (WRITER, "s3:GetObject", bucket_arn(PROD, COPY), {}),
        (WRITER, "s3:PutObjectRetention", bucket_arn(PROD, COPY), {policies.LOCK_DAYS: "30"}),
        (WRITER, "s3:PutObject", bucket_arn(DR, pointer_key("postgres", "full")), {}),
        (WRITER, "kms:GenerateDataKey", KEY_PROD, S3_PROD),
        (WRITER, "dynamodb:GetItem", TABLE_DR, LEASE),
        (GUARD, "dynamodb:UpdateItem", TABLE_PROD, LEASE),
        (GUARD, "dynamodb:UpdateItem", TABLE_DR, LEASE),
        (PROMOTER, "dynamodb:UpdateItem", TABLE_DR, LEASE),
        (PROMOTER, "dynamodb:PutItem", TABLE_DR, JOURNAL),
        (PROMOTER, "s3:PutObject", bucket_arn(MARKER, MARKER_KEY), {}),
        (PROMOTER, "s3:GetObject", bucket_arn(DR, BUNDLE_KEY), {}),
        (PROMOTER, "kms:Decrypt", KEY_DR, S3_DR),
        (REPLICATION, "s3:ReplicateObject", bucket_arn(DR, COPY), {}),
        (REPLICATION, "s3:GetObjectRetention", bucket_arn(PROD, COPY), {}),
        (REPLICATION, "kms:Encrypt", KEY_DR, S3_DR),
        (EMERGENCY, "s3:BypassGovernanceRetention", bucket_arn(PROD, COPY), {}),
        (EMERGENCY, "s3:PutBucketPolicy", bucket_arn(MARKER), {}),
    ],
)
def test_a_duty_may_do_its_work(document: Any, action: str, resource: str, context: dict[str, str]) -> None:
    assert ask(document, action, resource, context) == "allow"


@pytest.mark.parametrize(
    ("document", "action", "resource", "context"),
    [
        (WRITER, "s3:PutObjectRetention", bucket_arn(PROD, COPY), {policies.LOCK_DAYS: "32"}),
        (WRITER, "s3:PutObjectRetention", bucket_arn(PROD, COPY), {}),
        (WRITER, "s3:DeleteObject", bucket_arn(PROD, COPY), {}),
        (WRITER, "s3:DeleteObjectVersion", bucket_arn(PROD, COPY), {}),
        (WRITER, "s3:BypassGovernanceRetention", bucket_arn(PROD, COPY), {}),
        (WRITER, "s3:GetObject", bucket_arn(DR, BUNDLE_KEY), {}),
        (WRITER, "s3:PutObject", bucket_arn(DR, BUNDLE_KEY), {}),
        (WRITER, "s3:PutObject", bucket_arn(MARKER, MARKER_KEY), {}),
        (WRITER, "dynamodb:UpdateItem", TABLE_DR, LEASE),
        (WRITER, "kms:Decrypt", KEY_PROD, {}),
        (GUARD, "dynamodb:PutItem", TABLE_PROD, LEASE),
        (GUARD, "dynamodb:DeleteItem", TABLE_PROD, LEASE),
        (GUARD, "dynamodb:UpdateItem", TABLE_PROD, JOURNAL),
        (GUARD, "s3:PutObject", bucket_arn(MARKER, MARKER_KEY), {}),
        (PROMOTER, "s3:DeleteObject", bucket_arn(MARKER, MARKER_KEY), {}),
        (PROMOTER, "s3:PutObject", bucket_arn(DR, COPY), {}),
        (PROMOTER, "route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z", {}),
        (REPLICATION, "s3:ReplicateDelete", bucket_arn(DR, COPY), {}),
        (REPLICATION, "kms:Decrypt", KEY_PROD, S3_DR),
        (EMERGENCY, "kms:ScheduleKeyDeletion", KEY_PROD, {}),
    ],
)
def test_a_duty_may_do_nothing_else(document: Any, action: str, resource: str, context: dict[str, str]) -> None:
    assert ask(document, action, resource, context) == "nothing"


@pytest.mark.parametrize("duty", ROLES)
def test_no_role_has_a_wildcard_for_actions_buckets_tables_or_keys(duty: str) -> None:
    for statement in ROLES[duty]["Statement"]:
        assert not [action for action in statement["Action"] if "*" in action]
        for resource in statement["Resource"]:
            assert "*" not in resource.partition("/")[0], resource
            assert resource.startswith("arn:aws:s3:::") or "*" not in resource, resource


def test_statement_names_are_unique_and_short_enough_for_s3() -> None:
    documents = [*ROLES.values(), backup_bucket_policy(PROD, KEY_PROD, BREAK_GLASS), marker_bucket_policy(NAMES, [])]
    for document in documents:
        names = [statement["Sid"] for statement in document["Statement"]]
        assert len(set(names)) == len(names)
        assert all(name.isalnum() for name in names)


BUCKET = backup_bucket_policy(PROD, KEY_PROD, BREAK_GLASS)
SSE, SSE_KEY = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
WRITER_IS = {"aws:PrincipalArn": NAMES.role_arn("writer"), "aws:SecureTransport": "true"}


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


def tags(cluster: str, namespace: str, name: str) -> dict[str, str]:
    """What EKS Pod Identity sends with a request for a role."""
    return {
        "aws:SourceAccount": NAMES.account,
        "aws:RequestTag/eks-cluster-arn": cluster,
        "aws:RequestTag/kubernetes-namespace": namespace,
        "aws:RequestTag/kubernetes-service-account": name,
    }


def test_a_role_is_handed_to_its_service_account_in_its_cluster_and_to_no_mixture_of_two() -> None:
    prod = "arn:aws:eks:us-east-1:123456789012:cluster/prod"
    trust = policies.pod_identity_trust(
        NAMES,
        [
            ServiceAccount(cluster_arn=prod, namespace="ultramarket-production", name="dr-guard"),
            ServiceAccount(cluster_arn=cluster_arn(NAMES), namespace="ultramarket-dr", name="dr-guard"),
        ],
    )
    for action in ("sts:AssumeRole", "sts:TagSession"):
        assert ask(trust, action, "*", tags(prod, "ultramarket-production", "dr-guard")) == "allow"
    assert ask(trust, "sts:AssumeRole", "*", tags(prod, "ultramarket-dr", "dr-guard")) == "nothing"
    assert ask(trust, "sts:AssumeRole", "*", tags(prod, "ultramarket-production", "default")) == "nothing"


def test_people_take_a_role_only_with_mfa_of_this_hour() -> None:
    person = "arn:aws:iam::123456789012:role/failover-engineer"
    trust = policies.pod_identity_trust(NAMES, [], [person])
    here = {"aws:RequestedRegion": "us-west-2"}
    fresh = {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": "30", **here}
    assert ask(trust, "sts:AssumeRole", "*", fresh) == "allow"
    assert ask(trust, "sts:AssumeRole", "*", {**fresh, "aws:MultiFactorAuthAge": "3600"}) == "nothing"
    assert ask(trust, "sts:AssumeRole", "*", {"aws:MultiFactorAuthPresent": "true", **here}) == "nothing"
    unseen = {**fresh, "aws:RequestedRegion": "eu-west-1"}
    assert ask(trust, "sts:AssumeRole", "*", unseen) == "nothing", "no alarm hears of a call there"
    assert ask(trust, "sts:AssumeRole", "*", {}) == "nothing"
    assert trust["Statement"][0]["Principal"] == {"AWS": [person]}


def test_service_roles_ask_whose_resource_is_behind_the_request() -> None:
    trust = policies.service_trust("s3.amazonaws.com", NAMES.account, bucket_arn(PROD))
    own = {"aws:SourceAccount": NAMES.account, "aws:SourceArn": bucket_arn(PROD)}
    assert ask(trust, "sts:AssumeRole", "*", own) == "allow"
    assert ask(trust, "sts:AssumeRole", "*", {**own, "aws:SourceArn": bucket_arn("other")}) == "nothing"
    assert ask(cluster_trust(NAMES), "sts:AssumeRole", "*", {"aws:SourceAccount": "666666666666"}) == "nothing"
    storage = tags(cluster_arn(NAMES), "kube-system", "ebs-csi-controller-sa")
    assert ask(storage_trust(NAMES), "sts:AssumeRole", "*", storage) == "allow"
