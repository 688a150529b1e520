"""The lab's AWS provider refuses what the real one refuses by looking at the inputs (lab/providers/limits.yaml)."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.provider.experimental import provider as protocol

from lab.providers import limits, types
from lab.providers.aws.provider import AwsProvider
from lab.providers.sdk import shapes_of
from lab.providers.values import UNKNOWN, property_map
from tests.support import stacks

KEY = "aws:kms/key:Key"
BLOCK_KINDS = ("exactly_one", "at_least_one", "at_most_one", "together", "requires", "forbids")
CASES = yaml.safe_load(Path(__file__).with_name("refused_inputs.yaml").read_text())


def written_out(value: Any) -> Any:
    """A case's inputs, with a<65> as 65 times a."""
    if isinstance(value, dict):
        return {key: written_out(item) for key, item in value.items()}
    if isinstance(value, list):
        return [written_out(item) for item in value]
    return re.sub(r"(.)<(\d+)>", lambda run: run[1] * int(run[2]), value) if isinstance(value, str) else value


@pytest.mark.parametrize("token", sorted(CASES))
def test_what_the_real_provider_refused_is_refused_at_the_same_place(token: str) -> None:
    taken = []
    for case in CASES[token]:
        failures = limits.check(token, written_out(case["inputs"]))
        if case["at"] not in [failure.path for failure in failures]:
            taken.append((case, failures))
    assert taken == []


@pytest.mark.parametrize("token", sorted(limits.table()))
def test_every_limit_is_there_for_a_refusal_of_the_real_provider(token: str) -> None:
    def caught(limit: limits.Limit) -> bool:
        cases = [(each["at"], written_out(each["inputs"])) for each in CASES[token]]
        return any(at in [failure.path for failure in limits.failures(limit, inputs)] for at, inputs in cases)

    assert [limit for limit in limits.table()[token] if not caught(limit)] == []


@pytest.mark.parametrize("token", sorted(limits.table()))
def test_every_limit_is_of_a_property_of_the_sdk(token: str) -> None:
    shapes = shapes_of(token)
    for limit in limits.table()[token]:
        block = shapes[""]
        for part in filter(None, limit.get("at", "").replace("[*]", "").split(".")):
            assert part in block["properties"], f"{token} has no {limit['at']}"
            hint = block["properties"][part]
            hint = hint.get("list", hint) if isinstance(hint, dict) else hint
            block = shapes[hint["ref"]] if isinstance(hint, dict) and "ref" in hint else {"properties": {}}
        if block["properties"]:
            named = [name for kind in BLOCK_KINDS for name in limit.get(kind, [])]
            assert [name for name in named if name not in block["properties"]] == []


@pytest.mark.parametrize("stack", ["foundation", "prod", "dr"])
def test_what_our_stacks_declare_is_taken(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(stacks.ROOT)
    own = [each for each in stacks.declare(stack) if each.type.startswith("aws:")]
    assert own and [(each.name, limits.check(each.type, each.inputs)) for each in own] == [
        (each.name, []) for each in own
    ]


def test_what_is_not_known_yet_fits() -> None:
    for token, every in limits.table().items():
        names = shapes_of(token)[""]["properties"]
        unknown = dict.fromkeys(names, UNKNOWN)
        exclusive = ("exactly_one", "at_most_one", "forbids")
        alone = [limit for limit in every if not any(kind in limit for kind in exclusive)]
        assert [failure for limit in alone for failure in limits.failures(limit, unknown)] == []


def test_the_engine_is_told_property_wish_and_value() -> None:
    inputs = property_map({"deletionWindowInDays": 3, "policy": "{"})
    request = protocol.CheckRequest(f"urn:pulumi:dev::scratch::{KEY}::key", {}, inputs, b"")
    failures = asyncio.run(AwsProvider().check(request)).failures or []
    assert [failure.reason for failure in failures] == [
        "deletionWindowInDays: expected 7 to 30, found 3",
        "policy: expected JSON, found '{'",
    ]


def test_a_wrong_type_is_told_alone() -> None:
    assert types.check(KEY, {"deletionWindowInDays": "3"})
    inputs = property_map({"deletionWindowInDays": "3", "policy": "{"})
    request = protocol.CheckRequest(f"urn:pulumi:dev::scratch::{KEY}::key", {}, inputs, b"")
    (failure,) = asyncio.run(AwsProvider().check(request)).failures or []
    assert "wrong type" in failure.reason
