"""Which calls people are told of, where the news goes, and who may send it."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from recovery.alarms import BREAK_GLASS, KEY, topic_policy
from recovery.loading import load_plan
from recovery.names import Names
from tests.unit import stacks
from tests.unit.iam import ask
from tests.unit.stacks import Declared

PLAN = load_plan(Path(__file__).resolve().parents[2] / "recovery.yaml")
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


def matches(pattern: Any, event: Any) -> bool:
    """EventBridge's rule: a list matches any of its values, a block must match in all its keys."""
    if isinstance(pattern, dict):
        return isinstance(event, dict) and all(matches(inner, event.get(key)) for key, inner in pattern.items())
    return event in pattern


def call(service: str, name: str, **parameters: str) -> dict[str, Any]:
    """A call as CloudTrail tells it."""
    return {
        "source": f"aws.{service}",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "requestParameters": parameters,
            "errorCode": "AccessDenied",
        },
    }


@pytest.mark.parametrize("name", ["ScheduleKeyDeletion", "DisableKey", "PutKeyPolicy", "DisableKeyRotation"])
def test_reaching_for_a_key_is_told_even_when_it_was_refused(name: str) -> None:
    assert matches(KEY.pattern(NAMES, NAMES.account), call("kms", name, keyId="k"))


@pytest.mark.parametrize("name", ["Decrypt", "GenerateDataKey", "DescribeKey"])
def test_using_a_key_is_no_alarm(name: str) -> None:
    assert not matches(KEY.pattern(NAMES, NAMES.account), call("kms", name, keyId="k"))


def test_taking_the_break_glass_role_is_told_and_taking_another_is_not() -> None:
    pattern = BREAK_GLASS.pattern(NAMES, NAMES.account)
    assert matches(pattern, call("sts", "AssumeRole", roleArn=NAMES.role_arn("break-glass")))
    assert not matches(pattern, call("sts", "AssumeRole", roleArn=NAMES.role_arn("writer")))


@pytest.mark.parametrize(("site", "region"), REGIONS.items())
def test_each_region_has_its_own_alarm_and_topic(site: str, region: str) -> None:
    found = declared()
    for what in ("key", "break-glass"):
        rule, target = found[f"tampering-{site}-{what}"].inputs, found[f"tampering-{site}-{what}-target"].inputs
        assert (rule["region"], target["region"]) == (region, region)
        assert rule["name"] == target["rule"] == NAMES.alarm_rule(what)
        assert target["arn"] == f"arn:aws:test:::alarms-{site}-topic"
        assert "state" not in rule
    assert json.loads(found[f"tampering-{site}-key"].inputs["eventPattern"]) == KEY.pattern(NAMES, NAMES.account)
    assert not [each for each in found.values() if each.type.endswith("TopicSubscription")], "ADR 11: made by hand"


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
