"""Which calls people are told of, where the news goes, and who may send it."""

import json
from functools import cache

import pytest

from recovery.access.tampering import (
    ALARMS,
    BREAK_GLASS,
    BUCKETS,
    KEY,
    ROLES,
    TAMPERING,
    alarm_regions,
    topic_policy,
)
from recovery.names import Names
from recovery.plan.loading import load_plan
from recovery.plan.plan import SITES
from tests.support import stacks
from tests.support.cloud_trail import (
    assumed,
    bucket_policy_deleted,
    logging_stopped,
    record,
    refused,
    role_rewritten,
    rule_put,
    told,
    topic_deleted,
)
from tests.support.iam import ask
from tests.support.plans import ROOT
from tests.support.stacks import Declared

PLAN = load_plan(ROOT / "recovery.yaml")
NAMES = Names(PLAN, "123456789012")
REGIONS = {"prod": "us-east-1", "dr": "us-west-2"}


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulumi runs the program in the project's folder."""
    monkeypatch.chdir(stacks.ROOT)


@cache
def declared() -> dict[str, Declared]:
    """foundation."""
    return {each.name: each for each in stacks.declare("foundation")}


@pytest.mark.parametrize("name", ["ScheduleKeyDeletion", "DisableKey", "PutKeyPolicy", "DisableKeyRotation"])
def test_reaching_for_a_key_is_told_even_when_it_was_refused(name: str) -> None:
    assert told(KEY, NAMES, record("kms", name, requestParameters={"keyId": "k"}))
    assert told(KEY, NAMES, refused("kms", name, "arn:aws:kms:us-west-2:123456789012:key/k"))


@pytest.mark.parametrize("name", ["Decrypt", "GenerateDataKey", "DescribeKey"])
def test_using_a_key_is_no_alarm(name: str) -> None:
    assert not told(KEY, NAMES, record("kms", name, requestParameters={"keyId": "k"}))


def test_taking_the_break_glass_role_is_told_and_taking_another_is_not() -> None:
    """CloudTrail counts AssumeRole as a call that only reads, and a plain rule hears of none of those."""
    assert told(BREAK_GLASS, NAMES, assumed(NAMES.role_arn("break-glass")))
    assert not told(BREAK_GLASS, NAMES, assumed(NAMES.role_arn("writer")))


def test_a_refused_attempt_at_break_glass_is_told_though_its_event_has_no_parameters() -> None:
    assert told(BREAK_GLASS, NAMES, refused("sts", "AssumeRole", NAMES.role_arn("break-glass"), readOnly=True))
    assert not told(BREAK_GLASS, NAMES, refused("sts", "AssumeRole", NAMES.role_arn("writer"), readOnly=True))
    wrong_code = {"errorCode": "AccessDenied", "errorMessage": "MultiFactorAuthentication failed with invalid MFA one"}
    assert told(BREAK_GLASS, NAMES, record("sts", "AssumeRole", readOnly=True, **wrong_code))


@pytest.mark.parametrize("name", ["UpdateAssumeRolePolicy", "PutRolePolicy", "AttachRolePolicy", "DeleteRole"])
def test_changing_a_role_of_ours_is_told_also_when_it_was_refused(name: str) -> None:
    assert told(ROLES, NAMES, record("iam", name, requestParameters={"roleName": "ultramarket-dr-break-glass"}))
    assert told(ROLES, NAMES, refused("iam", name, "arn:aws:iam::123456789012:role/ultramarket-dr-promoter"))
    assert not told(ROLES, NAMES, record("iam", name, requestParameters={"roleName": "somebody-else-s"}))
    assert not told(ROLES, NAMES, refused("iam", name, "arn:aws:iam::123456789012:role/somebody-else-s"))


def test_a_role_rewritten_by_an_attacker_is_told_and_a_role_that_is_read_is_not() -> None:
    assert told(ROLES, NAMES, role_rewritten("ultramarket-dr-break-glass"))
    assert not told(ROLES, NAMES, record("iam", "GetRole", requestParameters={"roleName": "ultramarket-dr-writer"}))


@pytest.mark.parametrize("bucket", [*(NAMES.backup_bucket(s) for s in SITES), NAMES.marker_bucket, NAMES.assets_bucket])
def test_reaching_for_what_protects_a_bucket_is_told_granted_or_refused(bucket: str) -> None:
    assert told(BUCKETS, NAMES, bucket_policy_deleted(bucket))
    assert told(BUCKETS, NAMES, bucket_policy_deleted(bucket, errorCode="AccessDenied", errorMessage="Access Denied"))
    for name in ("PutBucketPolicy", "PutBucketLifecycle", "PutBucketVersioning", "DeleteBucket"):
        assert told(BUCKETS, NAMES, record("s3", name, requestParameters={"bucketName": bucket})), name


def test_using_a_bucket_and_changing_another_are_no_alarm() -> None:
    bucket = NAMES.backup_bucket("dr")
    assert not told(BUCKETS, NAMES, bucket_policy_deleted("somebody-else-s"))
    assert not told(BUCKETS, NAMES, record("s3", "PutObject", requestParameters={"bucketName": bucket}))


@pytest.mark.parametrize("name", ["StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"])
def test_silencing_a_trail_is_told(name: str) -> None:
    assert told(ALARMS, NAMES, record("cloudtrail", name, requestParameters={"name": "any"}))
    assert told(ALARMS, NAMES, logging_stopped("arn:aws:cloudtrail:us-west-2:123456789012:trail/example-trail"))


def test_taking_the_alarms_apart_is_told() -> None:
    rule, topic = NAMES.alarm_rule("key"), NAMES.alarm_topic_arn("us-west-2")
    assert told(ALARMS, NAMES, rule_put(rule))
    assert not told(ALARMS, NAMES, rule_put("somebody-else-s"))
    for name in ("DeleteRule", "DisableRule"):
        assert told(ALARMS, NAMES, record("events", name, requestParameters={"name": rule})), name
    assert told(ALARMS, NAMES, record("events", "RemoveTargets", requestParameters={"rule": rule, "ids": ["alarms"]}))
    assert told(ALARMS, NAMES, topic_deleted(topic))
    assert not told(ALARMS, NAMES, topic_deleted("arn:aws:sns:us-west-2:123456789012:hello-topic"))
    assert told(ALARMS, NAMES, record("sns", "Unsubscribe", requestParameters={"subscriptionArn": f"{topic}:4f9d"}))
    for name in ("DeleteAlarms", "DisableAlarmActions"):
        parameters = {"alarmNames": ["somebody-else-s", NAMES.alarm_rule("canary")]}
        assert told(ALARMS, NAMES, record("monitoring", name, requestParameters=parameters)), name


def test_an_alarm_s_own_publishing_and_reading_is_no_alarm() -> None:
    topic = NAMES.alarm_topic_arn("us-west-2")
    assert not told(ALARMS, NAMES, record("sns", "Publish", requestParameters={"topicArn": topic}))
    assert not told(
        ALARMS, NAMES, record("events", "DescribeRule", requestParameters={"name": NAMES.alarm_rule("key")})
    )


def test_no_event_that_was_sent_by_hand_passes_for_aws_s() -> None:
    """PutEvents admits any detail, but no source that begins with `aws.`."""
    assert not told(ALARMS, NAMES, {**logging_stopped("any"), "source": "us"})


@pytest.mark.parametrize(("site", "region"), REGIONS.items())
def test_each_region_has_its_own_alarm_and_topic(site: str, region: str) -> None:
    found = declared()
    for watched in TAMPERING:
        name = f"tampering-{site}-{watched.name}"
        assert (name in found) == (watched.only_in in ("", region)), name
        if name not in found:
            continue
        rule, target = found[name].inputs, found[f"{name}-target"].inputs
        assert (rule["region"], target["region"]) == (region, region)
        assert rule["name"] == target["rule"] == NAMES.alarm_rule(watched.name)
        assert target["arn"] == f"arn:aws:test:::alarms-{site}-topic"
        assert rule["state"] == watched.state
        assert json.loads(rule["eventPattern"]) == watched.pattern(NAMES, NAMES.account)
        assert len(rule["eventPattern"]) <= 2048, "EventBridge refuses a longer one"
    assert not [each for each in found.values() if each.type.endswith("TopicSubscription")], "ADR 11: made by hand"


def test_iam_s_calls_are_heard_in_us_east_1_wherever_the_sites_are() -> None:
    assert "tampering-prod-roles" in declared()
    assert "tampering-dr-roles" not in declared()
    elsewhere = PLAN.sites.model_copy(update={"prod": PLAN.sites.prod.model_copy(update={"region": "eu-west-1"})})
    regions = alarm_regions(PLAN.model_copy(update={"sites": elsewhere}))
    assert regions == {"prod": "eu-west-1", "dr": "us-west-2", "global": "us-east-1"}


def test_only_our_rules_and_our_account_s_metric_alarms_publish() -> None:
    policy, topic = topic_policy(NAMES, "us-west-2", NAMES.account), NAMES.alarm_topic_arn("us-west-2")
    (rules, alarms) = policy["Statement"]
    assert rules["Condition"]["ArnLike"]["aws:SourceArn"].startswith("arn:aws:events:us-west-2:123456789012:rule/ultra")
    assert ask(policy, "sns:Publish", topic, {"aws:SourceAccount": NAMES.account}) == "allow"
    assert ask(policy, "sns:Publish", topic, {"aws:SourceAccount": "666666666666"}) == "nothing"
    assert ask(policy, "sns:Subscribe", topic, {"aws:SourceAccount": NAMES.account}) == "nothing"
    assert {alarms["Principal"]["Service"], rules["Principal"]["Service"]} == {
        "events.amazonaws.com",
        "cloudwatch.amazonaws.com",
    }


def test_images_are_copied_only_when_asked_for_and_only_ours() -> None:
    assert "image-replication" not in declared()
    found = {each.name: each for each in stacks.declare("foundation", {"replicateImages": True})}
    copied = found["image-replication"]
    assert copied.inputs["region"] == "us-east-1"
    (rule,) = copied.inputs["replicationConfiguration"]["rules"]
    assert rule["destinations"] == [{"region": "us-west-2", "registryId": "123456789012"}]
    assert rule["repositoryFilters"] == [{"filter": "ultramarket/", "filterType": "PREFIX_MATCH"}]
