"""The policy pack: the same absolute rules, reached through Pulumi's policy SDK."""

import tomllib

import yaml

from policy.absolute.rules import ABSOLUTE_RULES
from policy.pack.adapter import resource, validation
from policy.values import UNKNOWN
from tests.support.plans import ROOT
from tests.support.policy_sdk import Arguments, ListProxy, NotKnownYet, Proxy

PACK = ROOT / "policy" / "pack"


def reported(rule: str, args: Arguments) -> list[str]:
    (found,) = (each for each in ABSOLUTE_RULES if each.name == rule)
    said: list[str] = []
    validation(found, NotKnownYet)(args, said.append)
    return said


def test_the_sdks_values_become_plain_and_what_is_not_known_is_named_so() -> None:
    props = Proxy({"a": UNKNOWN, "b": Proxy({"c": ListProxy([Proxy({"d": UNKNOWN}), "e"])})})
    found = resource(Arguments("aws:dynamodb/table:Table", props), NotKnownYet)
    assert found.inputs == {"a": UNKNOWN, "b": {"c": [{"d": UNKNOWN}, "e"]}}
    assert found.parents == ("ultramarket:dr:ControlTable",)


def test_a_violation_says_where_why_and_what_to_do() -> None:
    args = Arguments("aws:dynamodb/table:Table", Proxy({}))
    assert reported("stateful-protected", args) == [
        "protect: it holds what cannot be made again, and a destroy would take it. "
        "What to do: protect=True in its options."
    ]
    args.opts.protect = True
    assert reported("stateful-protected", args) == []


def test_containers_behind_the_sdks_lists_are_seen() -> None:
    containers = ListProxy([Proxy({"name": "c", "image": "a:latest"})])
    spec = Proxy({"template": Proxy({"spec": Proxy({"containers": containers})})})
    args = Arguments("kubernetes:apps/v1:Deployment", Proxy({"spec": spec}))
    assert len(reported("image-by-digest", args)) == 1


def test_the_packs_description_is_what_pulumi_reads() -> None:
    found = yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text())
    assert found["runtime"]["name"] == "python"
    needed = (PACK / "requirements.txt").read_text()
    assert "pulumi-policy==" in needed
    assert yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["runtime"]["name"] == "python"
    pinned = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["infra"]
    assert next(each for each in pinned if each.startswith("pulumi==")) in needed
