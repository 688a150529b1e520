"""Duties on copies: shipper, restorer, monitor, pruner. Calls that must pass and calls that must not."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from recovery import copy_policies, policies
from recovery.loading import load_plan
from recovery.names import BUNDLE_KEY, MARKER_KEY, Names, pointer_key
from recovery.policies import bucket_arn
from tests.unit.iam import ask

NAMES = Names(load_plan(Path(__file__).resolve().parents[2] / "recovery.yaml"), "123456789012")
KEY_PROD, KEY_DR = "arn:aws:kms:us-east-1:123456789012:key/prod", "arn:aws:kms:us-west-2:123456789012:key/dr"
PROD, DR, MARKER = NAMES.backup_bucket("prod"), NAMES.backup_bucket("dr"), NAMES.marker_bucket
FOLDER = "postgres/full/00000001/7/20260101T000000Z-r"
COPY, MANIFEST, LOG = f"{FOLDER}/base.tar.zst", f"{FOLDER}/manifest.json", "postgres/log/00000001/7/0-16777216"
POINTER, LOG_POINTER = pointer_key("postgres", "full"), pointer_key("postgres", "log")
S3_DR, S3_PROD = {"kms:ViaService": "s3.us-west-2.amazonaws.com"}, {"kms:ViaService": "s3.us-east-1.amazonaws.com"}
LEASE, JOURNAL = {"dynamodb:LeadingKeys": "lease"}, {"dynamodb:LeadingKeys": "run#1"}
TABLE_PROD, TABLE_DR = policies.table_arns(NAMES)
SHIPPER = copy_policies.shipper_policy(NAMES, KEY_DR)
RESTORER = copy_policies.restorer_policy(NAMES, [KEY_PROD, KEY_DR])
MONITOR = copy_policies.monitor_policy(NAMES, [KEY_PROD, KEY_DR])
PRUNER = copy_policies.pruner_policy(NAMES, [KEY_PROD, KEY_DR])
ROLES = {"shipper": SHIPPER, "restorer": RESTORER, "monitor": MONITOR, "pruner": PRUNER}


@pytest.mark.parametrize(
    ("document", "action", "resource", "context"),
    [
        (SHIPPER, "s3:PutObject", bucket_arn(DR, LOG), {}),
        (SHIPPER, "s3:PutObjectRetention", bucket_arn(DR, LOG), {policies.LOCK_DAYS: "7"}),
        (SHIPPER, "s3:GetObject", bucket_arn(DR, LOG), {}),
        (SHIPPER, "s3:PutObject", bucket_arn(DR, LOG_POINTER), {}),
        (SHIPPER, "s3:ListBucket", bucket_arn(DR), {}),
        (SHIPPER, "kms:GenerateDataKey", KEY_DR, S3_DR),
        (SHIPPER, "dynamodb:GetItem", TABLE_DR, LEASE),
        (SHIPPER, "dynamodb:GetItem", TABLE_PROD, LEASE),
        (RESTORER, "s3:GetObject", bucket_arn(PROD, COPY), {}),
        (RESTORER, "s3:GetObject", bucket_arn(DR, LOG), {}),
        (RESTORER, "s3:GetObjectVersion", bucket_arn(DR, COPY), {}),
        (RESTORER, "s3:GetObject", bucket_arn(DR, BUNDLE_KEY), {}),
        (RESTORER, "s3:ListBucketVersions", bucket_arn(DR), {}),
        (RESTORER, "s3:RestoreObject", bucket_arn(DR, COPY), {}),
        (RESTORER, "kms:Decrypt", KEY_PROD, S3_PROD),
        (MONITOR, "s3:GetObject", bucket_arn(PROD, POINTER), {}),
        (MONITOR, "s3:GetObject", bucket_arn(DR, MANIFEST), {}),
        (MONITOR, "s3:ListBucket", bucket_arn(PROD), {}),
        (MONITOR, "s3:GetReplicationConfiguration", bucket_arn(PROD), {}),
        (MONITOR, "kms:Decrypt", KEY_DR, S3_DR),
        (MONITOR, "dynamodb:GetItem", TABLE_DR, LEASE),
        (PRUNER, "s3:DeleteObject", bucket_arn(PROD, COPY), {}),
        (PRUNER, "s3:DeleteObject", bucket_arn(DR, LOG), {}),
        (PRUNER, "s3:GetObject", bucket_arn(DR, MANIFEST), {}),
        (PRUNER, "s3:GetObject", bucket_arn(DR, POINTER), {}),
        (PRUNER, "s3:ListBucket", bucket_arn(DR), {}),
        (PRUNER, "dynamodb:GetItem", TABLE_PROD, LEASE),
    ],
)
def test_a_duty_may_do_its_work(document: Any, action: str, resource: str, context: dict[str, str]) -> None:
    assert ask(document, action, resource, context) == "allow"


@pytest.mark.parametrize(
    ("document", "action", "resource", "context"),
    [
        (SHIPPER, "s3:PutObjectRetention", bucket_arn(DR, LOG), {policies.LOCK_DAYS: "9"}),
        (SHIPPER, "s3:PutObject", bucket_arn(DR, COPY), {}),
        (SHIPPER, "s3:PutObject", bucket_arn(PROD, LOG), {}),
        (SHIPPER, "s3:PutObject", bucket_arn(DR, POINTER), {}),
        (SHIPPER, "s3:PutObject", bucket_arn(DR, BUNDLE_KEY), {}),
        (SHIPPER, "s3:DeleteObject", bucket_arn(DR, LOG), {}),
        (SHIPPER, "s3:GetObject", bucket_arn(DR, COPY), {}),
        (SHIPPER, "kms:Decrypt", KEY_DR, {}),
        (SHIPPER, "kms:GenerateDataKey", KEY_PROD, S3_PROD),
        (SHIPPER, "dynamodb:GetItem", TABLE_DR, JOURNAL),
        (SHIPPER, "dynamodb:UpdateItem", TABLE_DR, LEASE),
        (RESTORER, "s3:PutObject", bucket_arn(DR, COPY), {}),
        (RESTORER, "s3:DeleteObject", bucket_arn(DR, COPY), {}),
        (RESTORER, "s3:DeleteObjectVersion", bucket_arn(DR, COPY), {}),
        (RESTORER, "s3:GetObject", bucket_arn(MARKER, MARKER_KEY), {}),
        (RESTORER, "kms:Decrypt", KEY_DR, {}),
        (RESTORER, "kms:GenerateDataKey", KEY_DR, S3_DR),
        (RESTORER, "dynamodb:UpdateItem", TABLE_DR, LEASE),
        (MONITOR, "s3:GetObject", bucket_arn(PROD, COPY), {}),
        (MONITOR, "s3:GetObject", bucket_arn(DR, LOG), {}),
        (MONITOR, "s3:PutObject", bucket_arn(DR, POINTER), {}),
        (MONITOR, "s3:PutReplicationConfiguration", bucket_arn(PROD), {}),
        (MONITOR, "s3:DeleteObject", bucket_arn(DR, COPY), {}),
        (MONITOR, "dynamodb:UpdateItem", TABLE_DR, LEASE),
        (PRUNER, "s3:DeleteObjectVersion", bucket_arn(PROD, COPY), {}),
        (PRUNER, "s3:BypassGovernanceRetention", bucket_arn(PROD, COPY), {}),
        (PRUNER, "s3:DeleteObject", bucket_arn(DR, BUNDLE_KEY), {}),
        (PRUNER, "s3:DeleteObject", bucket_arn(DR, POINTER), {}),
        (PRUNER, "s3:DeleteObject", bucket_arn(MARKER, MARKER_KEY), {}),
        (PRUNER, "s3:GetObject", bucket_arn(DR, COPY), {}),
        (PRUNER, "s3:PutObject", bucket_arn(DR, COPY), {}),
        (PRUNER, "s3:PutObjectRetention", bucket_arn(DR, COPY), {}),
        (PRUNER, "s3:PutLifecycleConfiguration", bucket_arn(DR), {}),
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


def test_no_duty_on_copies_destroys_a_version_opens_a_lock_or_changes_a_setting() -> None:
    destructive = ("DeleteObjectVersion", "BypassGovernanceRetention", "PutObjectLegalHold", "DeleteBucket")
    settings = ("PutBucketPolicy", "PutBucketVersioning", "PutLifecycleConfiguration", "PutReplicationConfiguration")
    for document, action, bucket in itertools.product(ROLES.values(), (*destructive, *settings), (PROD, DR)):
        for resource in (bucket_arn(bucket), bucket_arn(bucket, COPY)):
            assert ask(document, f"s3:{action}", resource) == "nothing"


def test_a_role_s_policy_fits_into_iam() -> None:
    """Inline policies of a role: 10,240 characters without white space.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    for duty, document in ROLES.items():
        assert len(json.dumps(document, separators=(",", ":"))) < 10_240, duty
