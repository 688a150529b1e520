"""Policies of buckets and keys: what even an administrator's stolen credentials must not do. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

from recovery.access.conditions import through_s3
from recovery.access.documents import Document, Statement, allow, bucket_arn, document, dr_cluster_arn
from recovery.names import CANARY_KEY, MARKER_KEY, Names
from recovery.plan.plan import SITES

# The settings that decide whether copies survive. The 2025 "Codefinger" attacks re-encrypted with SSE-C and shortened
# lifecycles; https://www.halcyon.ai/blog/abusing-aws-native-services-ransomware-encrypting-s3-buckets-with-sse-c
_SETTINGS = [
    "s3:DeleteBucketPolicy",
    "s3:PutBucketPolicy",
    "s3:PutBucketVersioning",
    "s3:PutLifecycleConfiguration",
    "s3:PutEncryptionConfiguration",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketOwnershipControls",
    # Whoever changes the rule stops the copies in the other region, or sends them elsewhere.
    "s3:PutReplicationConfiguration",
]
PUBLIC_ACCESS_SWITCHES = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
"""All four have to be on, in the names that a preview shows."""
CHECKERS_READ = "CheckersRead"
"""The statement of the marker's policy that has the ranges of Route 53's checkers."""
# Denied to everybody else, and not allowed to break-glass either: no emergency needs a bucket gone.
_ENDING = ["s3:DeleteBucket"]
_VERSIONS = ["s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"]
_HEADER = "s3:x-amz-server-side-encryption"
_KEY_HEADER = "s3:x-amz-server-side-encryption-aws-kms-key-id"


def backup_bucket_policy(bucket: str, key_arn: str, break_glass: str, grants: Sequence[Statement] = ()) -> Document:
    """TLS only, no encryption but the bucket's own key, and nothing that would end or open copies. `grants` let another
    account in."""
    copies = bucket_arn(bucket, "*")
    return document(
        tls_only(bucket),
        # Without a header the bucket's default applies, which is right; a header may say nothing else. A negated
        # condition is true for an absent header, hence the Null tests.
        _deny("OnlyKms", ["s3:PutObject"], [copies], _other_than(_HEADER, "aws:kms")),
        _deny("OnlyOurKey", ["s3:PutObject"], [copies], _other_than(_KEY_HEADER, key_arn)),
        # "aws:kms" without a key means AWS's own key, which no policy of ours governs.
        _deny("NotAwsOwnKey", ["s3:PutObject"], [copies], {"Null": {_HEADER: "false", _KEY_HEADER: "true"}}),
        _deny("KeepVersions", _VERSIONS, [copies], _unless(break_glass)),
        _deny("KeepSettings", [*_ENDING, *_SETTINGS], [bucket_arn(bucket)], _unless(break_glass)),
        *grants,
    )


def marker_bucket_policy(names: Names, checker_ranges: list[str]) -> Document:
    """Route 53's checkers may read marker and canary, only the promoter writes the marker.

    A policy that grants anonymous reads only to fixed source ranges is not "public", so all four public-access blocks
    stay on; ranges wider than /8 (IPv4) or /32 (IPv6) would make it public and S3 would refuse it.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
    Checkers' ranges: https://ip-ranges.amazonaws.com/ip-ranges.json, service ROUTE53_HEALTHCHECKS.
    """
    bucket = names.marker_bucket
    marker = bucket_arn(bucket, MARKER_KEY)
    readers: Statement = {
        "Sid": CHECKERS_READ,
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:GetObject"],
        "Resource": [marker, bucket_arn(bucket, CANARY_KEY)],
        "Condition": {"IpAddress": {"aws:SourceIp": checker_ranges}},
    }
    break_glass = names.role_arn("break-glass")
    return document(
        tls_only(bucket),
        readers,
        # The marker moves the business: nobody else may put it there or take it away.
        _deny("OnlyPromoterPuts", ["s3:PutObject"], [marker], _unless(names.role_arn("promoter"))),
        _deny("NobodyDeletes", ["s3:DeleteObject", *_VERSIONS], [marker], _unless(break_glass)),
        _deny("KeepSettings", [*_ENDING, *_SETTINGS], [bucket_arn(bucket)], _unless(break_glass)),
    )


def backup_key_policy(account: str, break_glass: str, grants: Sequence[Statement] = ()) -> Document:
    """The account's IAM policies decide who uses the key; ending the key is for break-glass alone. `grants` let another
    account in.

    A key that is gone takes every copy with it. Changing the policy stays possible, as KMS demands of its creator.
    """
    root: Statement = {
        "Sid": "IamDecides",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    keep = _deny("KeepKey", ["kms:ScheduleKeyDeletion", "kms:DisableKey"], ["*"], _unless(break_glass))
    return document(root, keep, *grants)


@dataclass(frozen=True, kw_only=True)
class Assets:
    """Production's bucket of static assets; `key_arn`: its KMS key, empty when it has none."""

    bucket: str
    key_arn: str = ""


def break_glass_policy(names: Names, account: str, key_arns: list[str], assets: Assets | None = None) -> Document:
    """What the bucket and key policies of `account` deny to everybody else, short of ending bucket or key, for a person
    with MFA and a reason. `key_arns` are that account's. `assets` may be brought back to a
    time (`dr restore assets`)."""
    holders = [(names.backup_bucket(site), names.account_of_copies(site)) for site in SITES]
    holders += [(names.marker_bucket, names.account), (names.assets_bucket, names.account_of_copies("dr"))]
    buckets = [bucket for bucket, holder in holders if holder == account]
    cluster = allow("FindCluster", ["eks:DescribeCluster"], [dr_cluster_arn(names)])  # it administers it as well
    # To see a setting before and after it is changed (docs/runbooks/guarded-buckets.md).
    reading = [action.replace(":Put", ":Get") for action in _SETTINGS if ":Put" in action]
    reading += ["s3:ListBucket", "s3:ListBucketVersions"]
    objects = ["s3:GetObject", "s3:DeleteObject", *_VERSIONS]
    return document(
        allow("Settings", [*_SETTINGS, *reading], [bucket_arn(bucket) for bucket in buckets]),
        allow("Versions", objects, [bucket_arn(bucket, "*") for bucket in buckets]),
        allow("Keys", ["kms:DescribeKey", "kms:CancelKeyDeletion", "kms:EnableKey", "kms:Decrypt"], key_arns),
        *([cluster, _pass_replication(names)] if account == names.account else []),
        *(_undo_assets(names, account, key_arns, assets)),
    )


def _undo_assets(names: Names, account: str, key_arns: list[str], assets: Assets | None) -> list[Statement]:
    """To copy older versions over newer ones, in production's bucket and in the copy of it that this account holds: a
    login that always may is what ransomware looks for. A version is never ended by it; DeleteObjectVersion takes delete
    markers away (and production's bucket is its owners' own)."""
    if assets is None:
        return []
    buckets = [assets.bucket] if account == names.account else []
    buckets += [names.assets_bucket] if account == names.account_of_copies("dr") else []
    objects = [bucket_arn(bucket, "*") for bucket in buckets]
    read = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectVersionTagging", "s3:GetObjectVersionAcl"]
    write = ["s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectAcl", "s3:DeleteObject", "s3:DeleteObjectVersion"]
    look = ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketOwnershipControls"]
    keys = [*key_arns, *([assets.key_arn] if assets.key_arn and account == names.account else [])]
    return [
        allow("FindAssets", look, [bucket_arn(bucket) for bucket in buckets]),
        allow("UndoAssets", [*read, *write, "s3:AbortMultipartUpload"], objects),
        allow("CopyUnderKeys", ["kms:Decrypt", "kms:GenerateDataKey"], keys, through_s3(names)),
    ]


def _pass_replication(names: Names) -> Statement:
    """S3 takes a replication rule only from who may pass its role to S3."""
    roles = [names.role_arn(duty) for duty in ("replication", "assets-replication")]
    return allow(
        "PassReplication", ["iam:PassRole"], roles, {"StringEquals": {"iam:PassedToService": "s3.amazonaws.com"}}
    )


def tls_only(bucket: str) -> Statement:
    """Nothing in the clear, whoever asks."""
    insecure: Document = {"Bool": {"aws:SecureTransport": "false"}}
    return _deny("TlsOnly", ["s3:*"], [bucket_arn(bucket), bucket_arn(bucket, "*")], insecure)


def _deny(sid: str, actions: list[str], resources: list[str], condition: Document) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": resources,
        "Condition": condition,
    }


def _other_than(header: str, value: str) -> Document:
    return {"Null": {header: "false"}, "StringNotEquals": {header: value}}


def _unless(role_arn: str) -> Document:
    return {"ArnNotEquals": {"aws:PrincipalArn": role_arn}}
