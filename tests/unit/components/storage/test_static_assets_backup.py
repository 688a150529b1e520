"""Production's static assets, copied to a bucket of their own."""

import json
from functools import cache
from typing import Any

from recovery.access.buckets import Assets, break_glass_policy
from recovery.access.documents import bucket_arn
from recovery.access.duties import duty_policies
from recovery.names import Names
from recovery.plan.loading import load_plan
from tests.support import stacks
from tests.support.iam import ask
from tests.support.plans import ROOT
from tests.support.project import in_the_project as in_the_project  # a fixture
from tests.support.stacks import Declared

PLAN = load_plan(ROOT / "recovery.yaml")
NAMES = Names(PLAN, "123456789012")
SOURCE, COPY = "ultramarket-static", NAMES.assets_bucket
KEY = "arn:aws:kms:us-east-1:123456789012:key/assets"


@cache
def declared(key: str = "") -> dict[str, Declared]:
    """foundation with assets to copy."""
    found = stacks.declare("foundation", {"assetsBucket": SOURCE, "assetsKey": key or None})
    return {each.name: each for each in found}


def inputs(name: str) -> dict[str, Any]:
    """Inputs of one resource."""
    return declared()[name].inputs


def test_without_a_bucket_in_the_configuration_nothing_is_copied() -> None:
    assert not [each.name for each in stacks.declare("foundation") if "static-assets" in each.name]


def test_the_copy_is_as_protected_as_a_backup() -> None:
    for what in ("bucket", "versioning", "encryption", "lifecycle", "policy", "public-access"):
        resource = declared()[f"static-assets-copy-{what}"]
        assert resource.protected and resource.kept_on_delete, what
        assert resource.inputs["region"] == "us-west-2"
    assert inputs("static-assets-copy-bucket")["bucket"] == COPY
    policy = json.loads(inputs("static-assets-copy-policy")["policy"])
    admin = {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/admin", "aws:SecureTransport": "true"}
    assert ask(policy, "s3:DeleteObjectVersion", bucket_arn(COPY, "logo.png"), admin) == "deny"
    emergency = break_glass_policy(NAMES, NAMES.account, [])
    assert ask(emergency, "s3:DeleteObjectVersion", bucket_arn(COPY, "logo.png"), {}) == "allow"


def test_a_deletion_at_production_stays_there_and_what_is_overwritten_can_be_brought_back() -> None:
    rule = inputs("static-assets-replication-rule")
    assert (rule["bucket"], rule["region"]) == (SOURCE, "us-east-1")
    assert rule["rules"][0]["deleteMarkerReplication"] == {"status": "Disabled"}
    (lifecycle,) = inputs("static-assets-copy-lifecycle")["rules"]
    assert lifecycle["noncurrentVersionExpiration"] == {"noncurrentDays": 30}
    assert lifecycle["expiration"] == {"expiredObjectDeleteMarker": True}


def test_s3_may_copy_the_assets_and_nothing_else() -> None:
    policy = json.loads(inputs("static-assets-replication-permission")["policy"])
    assert ask(policy, "s3:GetObjectVersionForReplication", bucket_arn(SOURCE, "a"), {}) == "allow"
    assert ask(policy, "s3:ReplicateObject", bucket_arn(COPY, "a"), {}) == "allow"
    assert ask(policy, "s3:ReplicateDelete", bucket_arn(COPY, "a"), {}) == "nothing"
    assert ask(policy, "s3:ReplicateObject", bucket_arn(NAMES.backup_bucket("dr"), "a"), {}) == "nothing"
    assert not [each for each in policy["Statement"] if each["Sid"] == "DecryptSource"]
    role = inputs("static-assets-replication-role")
    assert role["name"] == "ultramarket-dr-assets-replication"


def test_a_source_under_a_key_is_decrypted_by_s3_there_and_not_elsewhere() -> None:
    policy = json.loads(declared(KEY)["static-assets-replication-permission"].inputs["policy"])
    assert ask(policy, "kms:Decrypt", KEY, {"kms:ViaService": "s3.us-east-1.amazonaws.com"}) == "allow"
    assert ask(policy, "kms:Decrypt", KEY, {"kms:ViaService": "s3.us-west-2.amazonaws.com"}) == "nothing"


def test_only_break_glass_may_copy_older_versions_over_newer_ones() -> None:
    duties = duty_policies(NAMES, {"prod": KEY, "dr": KEY}, SOURCE)
    emergency = break_glass_policy(NAMES, NAMES.account, [KEY], Assets(bucket=SOURCE, key_arn=KEY))
    needed = ("s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObjectVersion")
    for bucket in (SOURCE, COPY):
        for action in needed:
            assert ask(emergency, action, bucket_arn(bucket, "logo.png"), {}) == "allow"
            assert {ask(each, action, bucket_arn(bucket, "logo.png"), {}) for each in duties.values()} == {"nothing"}
        assert ask(emergency, "s3:ListBucketVersions", bucket_arn(bucket), {}) == "allow"


def test_who_watches_sees_the_rule_and_no_object() -> None:
    duties = duty_policies(NAMES, {"prod": KEY, "dr": KEY}, SOURCE)
    for duty in ("monitor", "promoter"):
        for action in ("s3:GetReplicationConfiguration", "s3:GetBucketVersioning"):
            assert ask(duties[duty], action, bucket_arn(SOURCE), {}) == "allow"
        assert ask(duties[duty], "s3:GetObject", bucket_arn(SOURCE, "logo.png"), {}) == "nothing"
        assert ask(duties[duty], "cloudwatch:GetMetricData", "*", {}) == "allow"
    without = duty_policies(NAMES, {"prod": KEY, "dr": KEY})["monitor"]
    assert ask(without, "cloudwatch:GetMetricData", "*", {}) == "nothing"
