"""What each role may do: calls that must pass and calls that must not."""

import itertools
import json
from typing import Any

import pytest

from recovery.access.buckets import break_glass_policy
from recovery.access.conditions import LOCK_DAYS
from recovery.access.documents import bucket_arn, table_arns
from recovery.access.duties import writer
from recovery.access.duties.exporter import exporter_policy
from recovery.access.duties.guard import guard_policy
from recovery.access.duties.monitor import monitor_policy
from recovery.access.duties.promoter import promoter_policy
from recovery.access.duties.pruner import pruner_policy
from recovery.access.duties.restorer import restorer_policy
from recovery.access.duties.shipper import shipper_policy
from recovery.access.duties.wall import wall_policy
from recovery.access.duties.writer import writer_policy
from recovery.access.replication import replication_policy
from recovery.copies.log import Line, Range, Segment
from recovery.names import BUNDLE_KEY, MARKER_KEY, METRICS_NAMESPACE, PACKS, Names, guard_item, pointer_key
from recovery.plan.loading import load_plan
from recovery.plan.plan import SITES
from tests.support.iam import ask
from tests.support.plans import ROOT

NAMES = Names(load_plan(ROOT / "recovery.yaml"), "123456789012")
KEY_PROD, KEY_DR = "arn:aws:kms:us-east-1:123456789012:key/prod", "arn:aws:kms:us-west-2:123456789012:key/dr"
PROD, DR, MARKER = NAMES.backup_bucket("prod"), NAMES.backup_bucket("dr"), NAMES.marker_bucket
FOLDER = "postgres/full/00000001/7/20260101T000000Z-r"
COPY, MANIFEST, LOG = f"{FOLDER}/base.tar.zst", f"{FOLDER}/manifest.json", "postgres/log/00000001/7/0-16777216"
POINTER, LOG_POINTER = pointer_key("postgres", "full", 1), pointer_key("postgres", "log", 1)
S3_DR, S3_PROD = {"kms:ViaService": "s3.us-west-2.amazonaws.com"}, {"kms:ViaService": "s3.us-east-1.amazonaws.com"}
AT_PROD, AT_DR = ({"aws:PrincipalTag/eks-cluster-name": name} for name in ("ultramarket", NAMES.dr_cluster))
REPORT_PROD, REPORT_DR = ({"dynamodb:LeadingKeys": guard_item(site)} for site in SITES)
OBJECTS = "configuration/full/00000001/u/20260101T000000Z-r/4-secrets.json.sealed.zst"
OBJECTS_POINTER = pointer_key("configuration", "full", 1)
OF_OBJECTS, OF_OTHERS = ({"kms:EncryptionContext:dataset": each} for each in ("configuration", "postgres"))
RUNS_OBJECTS = {"dynamodb:LeadingKeys": "copies#prod#configuration#full"}
LEASE, JOURNAL = {"dynamodb:LeadingKeys": "lease"}, {"dynamodb:LeadingKeys": "run#1"}
PRUNED_PROD = {"dynamodb:LeadingKeys": "copies#prod#prune#dr"}
RUNS_PROD, RUNS_DR = ({"dynamodb:LeadingKeys": f"copies#{site}#postgres#full"} for site in SITES)
SHIPS_PROD = {"dynamodb:LeadingKeys": "copies#prod#postgres#log"}
WALL_PROD, WALL_DR = ({"dynamodb:LeadingKeys": f"wall#{site}"} for site in SITES)
TABLE_PROD, TABLE_DR = table_arns(NAMES)
WRITER = writer_policy(NAMES, [KEY_PROD, KEY_DR])
SHIPPER = shipper_policy(NAMES, KEY_DR)
_LINE = Line(1, "7", 1)
RANGE, SEGMENT = Range(_LINE, 0, 9).key, Segment(_LINE, 0, 2**24).key
RESTORER = restorer_policy(NAMES, KEY_PROD, KEY_DR)
EXPORTER = exporter_policy(NAMES, KEY_PROD, KEY_DR)
MONITOR = monitor_policy(NAMES, [KEY_PROD, KEY_DR])
PRUNER = pruner_policy(NAMES, [KEY_PROD, KEY_DR])
GUARD = guard_policy(NAMES, KEY_DR)
WALL = wall_policy(NAMES)
PROMOTER = promoter_policy(NAMES, [KEY_DR])
REPLICATION = replication_policy(NAMES, PROD, DR, source_key=KEY_PROD, destination_key=KEY_DR)
EMERGENCY = break_glass_policy(NAMES, NAMES.account, [KEY_PROD, KEY_DR])
ON_COPIES = {"exporter": EXPORTER, "shipper": SHIPPER, "restorer": RESTORER, "monitor": MONITOR, "pruner": PRUNER}
ROLES = {
    "writer": WRITER,
    **ON_COPIES,
    "guard": GUARD,
    "promoter": PROMOTER,
    "replication": REPLICATION,
    "break-glass": EMERGENCY,
}


@pytest.mark.parametrize(
    ("document", "action", "resource", "context"),
    [
        (WRITER, "s3:PutObject", bucket_arn(PROD, COPY), {}),
        (WRITER, "s3:GetObject", bucket_arn(PROD, COPY), {}),
        (WRITER, "s3:PutObjectRetention", bucket_arn(PROD, COPY), {LOCK_DAYS: "30"}),
        (WRITER, "s3:PutObject", bucket_arn(DR, pointer_key("postgres", "full", 1)), {}),
        (WRITER, "kms:GenerateDataKey", KEY_PROD, S3_PROD),
        (WRITER, "dynamodb:GetItem", TABLE_DR, LEASE),
        (WRITER, "dynamodb:GetItem", TABLE_DR, RUNS_PROD),
        (WRITER, "dynamodb:PutItem", TABLE_DR, RUNS_PROD | AT_PROD),
        (WRITER, "dynamodb:PutItem", TABLE_PROD, RUNS_DR | AT_DR),
        (EXPORTER, "s3:PutObject", bucket_arn(PROD, OBJECTS), {}),
        (EXPORTER, "s3:PutObjectRetention", bucket_arn(PROD, OBJECTS), {LOCK_DAYS: "30"}),
        (EXPORTER, "s3:PutObject", bucket_arn(DR, OBJECTS_POINTER), {}),
        (EXPORTER, "kms:GenerateDataKey", KEY_DR, OF_OBJECTS),
        (EXPORTER, "kms:Encrypt", KEY_PROD, OF_OBJECTS),
        (EXPORTER, "kms:GenerateDataKey", KEY_PROD, S3_PROD),
        (EXPORTER, "dynamodb:GetItem", TABLE_DR, LEASE),
        (EXPORTER, "dynamodb:PutItem", TABLE_DR, RUNS_OBJECTS | AT_PROD),
        (RESTORER, "kms:Decrypt", KEY_DR, OF_OBJECTS),
        (GUARD, "dynamodb:UpdateItem", TABLE_PROD, LEASE),
        (GUARD, "dynamodb:UpdateItem", TABLE_DR, LEASE),
        (GUARD, "dynamodb:PutItem", TABLE_DR, REPORT_DR | AT_DR),
        (GUARD, "dynamodb:PutItem", TABLE_PROD, REPORT_PROD | AT_PROD),
        (GUARD, "s3:GetObject", bucket_arn(DR, LOG), AT_DR),
        (GUARD, "s3:GetObject", bucket_arn(DR, COPY), AT_DR),
        (GUARD, "s3:ListBucket", bucket_arn(DR), AT_DR),
        (GUARD, "kms:Decrypt", KEY_DR, AT_DR | S3_DR),
        (PROMOTER, "s3:GetObject", bucket_arn(DR, LOG), {}),
        (PROMOTER, "s3:RestoreObject", bucket_arn(DR, COPY), {}),
        (PROMOTER, "dynamodb:GetItem", TABLE_DR, REPORT_DR),
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
        (SHIPPER, "s3:PutObject", bucket_arn(DR, LOG), {}),
        (SHIPPER, "s3:PutObjectRetention", bucket_arn(DR, LOG), {LOCK_DAYS: "7"}),
        (SHIPPER, "s3:GetObject", bucket_arn(DR, LOG), {}),
        (SHIPPER, "s3:DeleteObject", bucket_arn(DR, RANGE), {}),
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
        (RESTORER, "s3:ListBucketMultipartUploads", bucket_arn(PROD), {}),
        (RESTORER, "s3:RestoreObject", bucket_arn(DR, COPY), {}),
        (RESTORER, "kms:Decrypt", KEY_PROD, S3_PROD),
        (MONITOR, "s3:GetObject", bucket_arn(PROD, POINTER), {}),
        (MONITOR, "s3:GetObject", bucket_arn(DR, MANIFEST), {}),
        (MONITOR, "s3:ListBucket", bucket_arn(PROD), {}),
        (MONITOR, "s3:ListBucketMultipartUploads", bucket_arn(DR), {}),
        (MONITOR, "s3:GetReplicationConfiguration", bucket_arn(PROD), {}),
        (MONITOR, "kms:Decrypt", KEY_DR, S3_DR),
        (MONITOR, "dynamodb:GetItem", TABLE_DR, LEASE),
        (MONITOR, "dynamodb:GetItem", TABLE_DR, JOURNAL),
        (MONITOR, "s3:GetObject", bucket_arn(MARKER, MARKER_KEY), {}),
        (MONITOR, "s3:ListBucket", bucket_arn(MARKER), {}),
        (MONITOR, "cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": METRICS_NAMESPACE}),
        (MONITOR, "dynamodb:PutItem", TABLE_PROD, WALL_DR),
        (WALL, "dynamodb:PutItem", TABLE_PROD, WALL_PROD),
        (WALL, "dynamodb:PutItem", TABLE_DR, WALL_PROD),
        (WALL, "dynamodb:GetItem", TABLE_PROD, REPORT_PROD),
        (PROMOTER, "dynamodb:GetItem", TABLE_DR, WALL_DR),
        (PRUNER, "s3:DeleteObject", bucket_arn(PROD, COPY), {}),
        (PRUNER, "s3:DeleteObject", bucket_arn(DR, LOG), {}),
        (PRUNER, "s3:GetObject", bucket_arn(DR, MANIFEST), {}),
        (PRUNER, "s3:GetObject", bucket_arn(DR, POINTER), {}),
        (PRUNER, "s3:ListBucket", bucket_arn(DR), {}),
        (PRUNER, "s3:ListBucketVersions", bucket_arn(DR), {}),
        (PRUNER, "s3:GetObjectRetention", bucket_arn(PROD, COPY), {}),
        (PRUNER, "dynamodb:GetItem", TABLE_PROD, LEASE),
        (PRUNER, "dynamodb:GetItem", TABLE_PROD, PRUNED_PROD),
        (PRUNER, "dynamodb:PutItem", TABLE_PROD, PRUNED_PROD | AT_PROD),
    ],
)
def test_a_duty_may_do_its_work(document: Any, action: str, resource: str, context: dict[str, str]) -> None:
    assert ask(document, action, resource, context) == "allow"


@pytest.mark.parametrize(
    ("document", "action", "resource", "context"),
    [
        (WRITER, "s3:PutObjectRetention", bucket_arn(PROD, COPY), {LOCK_DAYS: "32"}),
        (WRITER, "s3:PutObjectRetention", bucket_arn(PROD, COPY), {}),
        (WRITER, "s3:DeleteObject", bucket_arn(PROD, COPY), {}),
        (WRITER, "s3:DeleteObjectVersion", bucket_arn(PROD, COPY), {}),
        (WRITER, "s3:BypassGovernanceRetention", bucket_arn(PROD, COPY), {}),
        (WRITER, "s3:GetObject", bucket_arn(DR, BUNDLE_KEY), {}),
        (WRITER, "s3:PutObject", bucket_arn(DR, BUNDLE_KEY), {}),
        (WRITER, "s3:PutObject", bucket_arn(MARKER, MARKER_KEY), {}),
        (WRITER, "dynamodb:UpdateItem", TABLE_DR, LEASE),
        (WRITER, "dynamodb:PutItem", TABLE_DR, LEASE | AT_DR),
        (WRITER, "dynamodb:PutItem", TABLE_DR, RUNS_DR | AT_PROD),
        (WRITER, "dynamodb:PutItem", TABLE_DR, SHIPS_PROD | AT_PROD),
        (WRITER, "dynamodb:GetItem", TABLE_DR, SHIPS_PROD),
        (WRITER, "kms:Decrypt", KEY_PROD, {}),
        (WRITER, "kms:Decrypt", KEY_DR, OF_OBJECTS),
        (WRITER, "s3:PutObject", bucket_arn(PROD, OBJECTS), {}),
        (WRITER, "s3:PutObject", bucket_arn(PROD, OBJECTS_POINTER), {}),
        (WRITER, "kms:GenerateDataKey", KEY_DR, OF_OBJECTS),
        (EXPORTER, "kms:Decrypt", KEY_DR, OF_OBJECTS),
        (EXPORTER, "kms:GenerateDataKey", KEY_DR, OF_OTHERS),
        (EXPORTER, "kms:GenerateDataKey", KEY_DR, {}),
        (EXPORTER, "kms:Encrypt", KEY_PROD, {}),
        (EXPORTER, "s3:PutObject", bucket_arn(PROD, COPY), {}),
        (EXPORTER, "s3:GetObject", bucket_arn(PROD, COPY), {}),
        (EXPORTER, "s3:PutObject", bucket_arn(PROD, POINTER), {}),
        (EXPORTER, "s3:DeleteObject", bucket_arn(PROD, OBJECTS), {}),
        (EXPORTER, "dynamodb:PutItem", TABLE_DR, RUNS_PROD | AT_PROD),
        (EXPORTER, "dynamodb:PutItem", TABLE_DR, LEASE | AT_PROD),
        (RESTORER, "kms:Decrypt", KEY_PROD, OF_OBJECTS),
        (RESTORER, "kms:Decrypt", KEY_DR, OF_OTHERS),
        (MONITOR, "kms:Decrypt", KEY_DR, OF_OBJECTS),
        (PROMOTER, "kms:Decrypt", KEY_DR, OF_OBJECTS),
        (GUARD, "kms:Decrypt", KEY_DR, OF_OBJECTS | AT_DR),
        (GUARD, "dynamodb:PutItem", TABLE_PROD, LEASE),
        (GUARD, "dynamodb:PutItem", TABLE_DR, LEASE | AT_DR),
        (GUARD, "dynamodb:PutItem", TABLE_DR, REPORT_DR | AT_PROD),
        (GUARD, "dynamodb:PutItem", TABLE_DR, REPORT_PROD | AT_DR),
        (GUARD, "dynamodb:PutItem", TABLE_DR, REPORT_DR),
        (GUARD, "dynamodb:DeleteItem", TABLE_DR, REPORT_DR | AT_DR),
        (GUARD, "dynamodb:DeleteItem", TABLE_PROD, LEASE),
        (GUARD, "dynamodb:UpdateItem", TABLE_PROD, JOURNAL),
        (GUARD, "s3:PutObject", bucket_arn(MARKER, MARKER_KEY), {}),
        (GUARD, "s3:GetObject", bucket_arn(DR, LOG), AT_PROD),
        (GUARD, "s3:GetObject", bucket_arn(DR, COPY), AT_PROD),
        (GUARD, "s3:GetObject", bucket_arn(PROD, COPY), AT_DR),
        (GUARD, "s3:GetObject", bucket_arn(DR, BUNDLE_KEY), AT_DR),
        (GUARD, "s3:PutObject", bucket_arn(DR, LOG), AT_DR),
        (GUARD, "s3:ListBucket", bucket_arn(DR), AT_PROD),
        (GUARD, "kms:Decrypt", KEY_DR, AT_DR),
        (GUARD, "kms:Decrypt", KEY_DR, AT_PROD | S3_DR),
        (PROMOTER, "s3:DeleteObject", bucket_arn(MARKER, MARKER_KEY), {}),
        (PROMOTER, "s3:PutObject", bucket_arn(DR, COPY), {}),
        (PROMOTER, "s3:RestoreObject", bucket_arn(PROD, COPY), {}),
        (PROMOTER, "route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z", {}),
        (REPLICATION, "s3:ReplicateDelete", bucket_arn(DR, COPY), {}),
        (REPLICATION, "kms:Decrypt", KEY_PROD, S3_DR),
        (EMERGENCY, "kms:ScheduleKeyDeletion", KEY_PROD, {}),
        (SHIPPER, "s3:PutObjectRetention", bucket_arn(DR, LOG), {LOCK_DAYS: "9"}),
        (SHIPPER, "s3:PutObject", bucket_arn(DR, COPY), {}),
        (SHIPPER, "s3:PutObject", bucket_arn(PROD, LOG), {}),
        (SHIPPER, "s3:PutObject", bucket_arn(DR, POINTER), {}),
        (SHIPPER, "s3:PutObject", bucket_arn(DR, BUNDLE_KEY), {}),
        (SHIPPER, "s3:DeleteObject", bucket_arn(DR, LOG), {}),
        (SHIPPER, "s3:DeleteObject", bucket_arn(DR, SEGMENT), {}),
        (SHIPPER, "s3:DeleteObject", bucket_arn(DR, "mongo/log/ranges/x"), {}),
        (SHIPPER, "s3:DeleteObjectVersion", bucket_arn(DR, RANGE), {}),
        (SHIPPER, "s3:AbortMultipartUpload", bucket_arn(DR, RANGE), {}),
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
        (MONITOR, "s3:PutObject", bucket_arn(MARKER, MARKER_KEY), {}),
        (MONITOR, "cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AWS/Route53"}),
        (MONITOR, "dynamodb:PutItem", TABLE_DR, LEASE),
        (MONITOR, "dynamodb:PutItem", TABLE_DR, WALL_PROD),
        (GUARD, "dynamodb:PutItem", TABLE_DR, WALL_DR),
        (WALL, "dynamodb:PutItem", TABLE_PROD, WALL_DR),
        (WALL, "dynamodb:PutItem", TABLE_PROD, LEASE),
        (WALL, "dynamodb:GetItem", TABLE_PROD, LEASE),
        (WRITER, "dynamodb:PutItem", TABLE_DR, PRUNED_PROD | AT_PROD),
        (PRUNER, "dynamodb:PutItem", TABLE_PROD, PRUNED_PROD | AT_DR),
        (PRUNER, "dynamodb:PutItem", TABLE_PROD, RUNS_PROD | AT_PROD),
        (PRUNER, "dynamodb:PutItem", TABLE_PROD, LEASE | AT_PROD),
        (PRUNER, "s3:GetObjectVersion", bucket_arn(DR, COPY), {}),
        (WALL, "dynamodb:GetItem", TABLE_PROD, REPORT_DR),
        (WALL, "dynamodb:PutItem", TABLE_PROD, REPORT_PROD),
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
        if statement["Action"] == ["cloudwatch:PutMetricData"]:  # metrics are no resources: the namespace says which
            assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": METRICS_NAMESPACE}}
            continue
        for resource in statement["Resource"]:
            assert "*" not in resource.partition("/")[0], resource
            assert resource.startswith("arn:aws:s3:::") or "*" not in resource, resource


@pytest.mark.parametrize("duty", [each for each in ROLES if each != "replication"])
def test_who_reads_objects_is_told_which_are_absent(duty: str) -> None:
    """S3 answers 404 only to who may list the bucket, and 403 to everybody else. A request for an object carries no
    prefix, so a permission to list that asks for one is none here."""
    reads = [each for each in ROLES[duty]["Statement"] if "s3:GetObject" in each["Action"]]
    for bucket in {resource.partition("/")[0] for each in reads for resource in each["Resource"]}:
        assert ask(ROLES[duty], "s3:ListBucket", bucket, AT_DR) == "allow", bucket


def test_statement_names_are_unique_and_plain() -> None:
    for document in ROLES.values():
        names = [statement["Sid"] for statement in document["Statement"]]
        assert len(set(names)) == len(names)
        assert all(name.isalnum() for name in names)


def test_no_duty_on_copies_destroys_a_version_opens_a_lock_or_changes_a_setting() -> None:
    destructive = ("DeleteObjectVersion", "BypassGovernanceRetention", "PutObjectLegalHold", "DeleteBucket")
    settings = ("PutBucketPolicy", "PutBucketVersioning", "PutLifecycleConfiguration", "PutReplicationConfiguration")
    for document, action, bucket in itertools.product(ON_COPIES.values(), (*destructive, *settings), (PROD, DR)):
        for resource in (bucket_arn(bucket), bucket_arn(bucket, COPY)):
            assert ask(document, f"s3:{action}", resource) == "nothing"


def test_a_role_s_policy_fits_into_iam() -> None:
    """Inline policies of a role: 10,240 characters without white space.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    for duty, document in ROLES.items():
        assert len(json.dumps(document, separators=(",", ":"))) < 10_240, duty


def test_a_writer_of_files_makes_the_locks_of_packs_longer_and_sees_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the policy will be with the CronJob that copies files."""
    monkeypatch.setattr(writer, "WRITTEN", ("files/",))
    monkeypatch.setattr(writer, "SHARED", (PACKS,))
    policy = writer_policy(NAMES, [KEY_PROD, KEY_DR])
    pack, manifest = (bucket_arn(PROD, key) for key in (f"{PACKS}a.zst", "files/full/1/x/y/manifest.json"))
    may = {
        ("s3:PutObject", pack, ""),
        ("s3:GetObject", pack, ""),
        ("s3:PutObjectRetention", pack, "30"),  # of what the DR site makes, which is locked for longest
        ("s3:GetObjectRetention", pack, ""),
    }
    may_not = {
        ("s3:PutObjectRetention", pack, "40"),
        ("s3:GetObjectRetention", manifest, ""),
        ("s3:DeleteObject", pack, ""),
        ("s3:DeleteObjectVersion", pack, ""),
        ("s3:BypassGovernanceRetention", pack, ""),
    }
    asked = {each: ask(policy, each[0], each[1], {LOCK_DAYS: each[2]} if each[2] else {}) for each in may | may_not}
    assert {each for each, said in asked.items() if said == "allow"} == may
    assert ask(WRITER, "s3:GetObjectRetention", pack) == "nothing"  # no stack makes copies of files yet
