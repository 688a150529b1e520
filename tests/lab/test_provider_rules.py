"""What the providers decide without an engine: types, replacement, refresh, names."""

import asyncio
from typing import Any

import pytest
from pulumi.provider.experimental import provider as protocol
from pulumi.provider.experimental.provider import PropertyDiffKind

from lab.providers import types
from lab.providers.aws.provider import AwsProvider
from lab.providers.base import LabProvider
from lab.providers.kubernetes.provider import KubernetesProvider
from lab.providers.replacement import table
from lab.providers.sdk import shapes_of
from lab.providers.serving import OLD_INPUTS
from lab.providers.values import UNKNOWN, observe, property_map

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
TABLE = "aws:dynamodb/table:Table"


def urn(token: str) -> str:
    return f"urn:pulumi:dev::scratch::{token}::thing"


def diff(provider: LabProvider, token: str, old: dict[str, Any], new: dict[str, Any]) -> protocol.DiffResponse:
    request = protocol.DiffRequest(urn(token), "id", property_map(old), property_map(new), [])
    OLD_INPUTS.set(old)
    return asyncio.run(provider.diff(request))


def check(provider: LabProvider, token: str, new: dict[str, Any], old: dict[str, Any] | None = None) -> dict[str, Any]:
    request = protocol.CheckRequest(urn(token), property_map(old or {}), property_map(new), b"seed")
    answer = asyncio.run(provider.check(request))
    assert not answer.failures, [failure.reason for failure in answer.failures]
    return {key: value.value for key, value in (answer.inputs or {}).items()}


@pytest.fixture
def aws_provider(monkeypatch: pytest.MonkeyPatch) -> AwsProvider:
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    return AwsProvider()


@pytest.mark.parametrize(
    ("token", "inputs", "said"),
    [
        (
            DEPLOYMENT,
            {"spec": {"selector": {}, "template": {"spec": {"containers": [{"name": "c", "imagee": "x"}]}}}},
            ["spec.template.spec.containers[0].imagee: unknown property; did you mean image?"],
        ),
        (
            DEPLOYMENT,
            {"metadata": {"labels": {"app.kubernetes.io/name": 1}}, "spec": {"selector": {}, "template": {}}},
            ['metadata.labels["app.kubernetes.io/name"]: wrong type: a number where a string is needed'],
        ),
        (
            DEPLOYMENT,
            {"spec": {"replicas": "2", "template": {}}},
            [
                "spec.replicas: wrong type: a string where a whole number is needed",
                "spec.selector: missing required property",
            ],
        ),
        (TABLE, {"attributes": {"name": "pk"}}, ["attributes: wrong type: a block where a list is needed"]),
        (
            "aws:s3/bucketVersioning:BucketVersioning",
            {"versioningConfiguration": {"status": True}},
            [
                "versioningConfiguration.status: wrong type: a boolean where a string is needed",
                "bucket: missing required property",
            ],
        ),
        (DEPLOYMENT, {"metadata": UNKNOWN, "spec": {"selector": UNKNOWN, "template": {"spec": UNKNOWN}}}, []),
    ],
)
def test_inputs_are_checked_against_the_classes_of_the_sdk(token: str, inputs: dict[str, Any], said: list[str]) -> None:
    assert [f"{path}: {reason}" for path, reason in types.check(token, inputs)] == said


@pytest.mark.parametrize("token", sorted(table()))
def test_every_path_of_the_table_is_a_property_of_the_sdk(token: str) -> None:
    rule, shapes = table()[token], shapes_of(token)
    paths = [*rule.replace, *rule.replace_when, *([rule.autoname] if rule.autoname else [])]
    for path in paths:
        block = shapes[""]
        for part in path.replace("[*]", "").split("."):
            assert part in block["properties"], f"{token} has no {path}"
            hint = block["properties"][part]
            hint = hint.get("list", hint) if isinstance(hint, dict) else hint
            block = shapes[hint["ref"]] if isinstance(hint, dict) and "ref" in hint else {"properties": {}}


def test_a_type_that_is_not_in_the_table_is_refused(aws_provider: AwsProvider) -> None:
    request = protocol.CheckRequest(urn("aws:sqs/queue:Queue"), {}, {}, b"")
    (failure,) = asyncio.run(aws_provider.check(request)).failures or []
    assert failure.reason.startswith("the lab does not know aws:sqs/queue:Queue; add it to lab/providers/replace.yaml")


def test_a_name_that_was_left_out_is_made_once_and_kept(aws_provider: AwsProvider) -> None:
    first = check(aws_provider, "aws:s3/bucket:Bucket", {})
    assert first["bucket"].startswith("thing-")
    assert len(first["bucket"]) == len("thing-") + 7
    kept = check(aws_provider, "aws:s3/bucket:Bucket", {}, {"bucket": "thing-0000000", "__defaults": ["bucket"]})
    assert kept["bucket"] == "thing-0000000"
    assert check(aws_provider, "aws:kms/alias:Alias", {"targetKeyId": "k"})["name"].startswith("alias/thing-")


def test_a_hand_written_name_deletes_before_it_replaces_and_a_made_up_one_after(aws_provider: AwsProvider) -> None:
    old, new = {"name": "a", "hashKey": "x"}, {"name": "a", "hashKey": "y"}
    answer = diff(aws_provider, TABLE, old, new)
    assert (answer.replaces, answer.delete_before_replace) == (["hashKey"], True)
    made_up = {"__defaults": ["name"]}
    assert not diff(aws_provider, TABLE, old | made_up, new | made_up).delete_before_replace


@pytest.mark.parametrize(
    ("old", "new", "replaces"),
    [
        ({"deletionProtectionEnabled": True}, {"deletionProtectionEnabled": False}, []),
        ({"hashKey": "pk"}, {"hashKey": UNKNOWN}, ["hashKey"]),
        ({}, {"localSecondaryIndexes": [{"name": "a", "rangeKey": "b"}]}, ["localSecondaryIndexes"]),
        ({}, {"restoreSourceName": "other"}, ["restoreSourceName"]),
        ({"restoreSourceName": "other"}, {}, []),
        ({"region": "us-west-2"}, {}, []),
        ({}, {"region": "us-east-1"}, ["region"]),
    ],
)
def test_only_the_properties_of_the_table_replace(
    old: dict[str, Any], new: dict[str, Any], replaces: list[str], aws_provider: AwsProvider
) -> None:
    assert diff(aws_provider, TABLE, old, new).replaces == replaces


def test_a_policy_that_says_the_same_is_no_change(aws_provider: AwsProvider) -> None:
    old = {"policy": '{"Statement": [{"Action": ["a", "b"], "Effect": "Allow"}]}'}
    new = {"policy": '{"Statement": {"Effect":"Allow","Action":["b","a"]}}'}
    assert not diff(aws_provider, "aws:s3/bucketPolicy:BucketPolicy", old, new).changes
    other = {"policy": '{"Statement": {"Effect":"Deny","Action":["b","a"]}}'}
    assert diff(aws_provider, "aws:s3/bucketPolicy:BucketPolicy", old, other).changes


def test_changes_are_named_at_the_deepest_place_with_their_kind() -> None:
    old = {"spec": {"selector": {"matchLabels": {"a": "1"}}, "paused": True, "minReadySeconds": 1}}
    new = {"spec": {"selector": {"matchLabels": {"a": "2"}}, "revisionHistoryLimit": 3, "minReadySeconds": 2}}
    detailed = diff(KubernetesProvider(), DEPLOYMENT, old, new).detailed_diff
    assert {path: change.kind for path, change in detailed.items()} == {
        "spec.minReadySeconds": PropertyDiffKind.UPDATE,
        "spec.paused": PropertyDiffKind.DELETE,
        "spec.revisionHistoryLimit": PropertyDiffKind.ADD,
        "spec.selector.matchLabels.a": PropertyDiffKind.UPDATE_REPLACE,
    }


def test_a_config_map_changes_in_place_only_where_the_provider_says_so() -> None:
    provider = KubernetesProvider()
    old, new = {"metadata": {"name": "n"}, "data": {"a": "1"}}, {"metadata": {"name": "n"}, "data": {"a": "2"}}
    answer = diff(provider, CONFIG_MAP, old, new)
    assert (answer.replaces, answer.delete_before_replace) == (["data.a"], True)
    provider.settings = {"enableConfigMapMutable"}
    assert diff(provider, CONFIG_MAP, old, new).replaces == []
    assert diff(provider, CONFIG_MAP, old, {**new, "immutable": True}).replaces == ["data.a"]


def test_a_refresh_sees_declared_fields_only() -> None:
    declared = {"a": 1, "list": [{"name": "x", "v": 1}], "empty": "", "nested": {"kmsKeyId": "k"}}
    live = {
        "a": 2,
        "list": [{"name": "added"}, {"name": "x", "v": 1, "default": 9}],
        "nested": {"KMSKeyId": "k"},
        "b": 3,
    }
    assert observe(declared, live, drop_missing=True) == {**declared, "a": 2}
    assert observe({"gone": 1}, {}, drop_missing=True) == {}
    assert observe({"unknown to the other side": 1}, {}) == {"unknown to the other side": 1}
