"""The policy pack: the same absolute rules, reached through Pulumi's policy SDK."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from policy.absolute import ABSOLUTE_RULES
from policy.pack.adapter import resource, validation
from policy.values import UNKNOWN

ROOT = Path(__file__).resolve().parents[2]
PACK = ROOT / "policy" / "pack"
TABLE = "urn:pulumi:foundation::ultramarket-dr::ultramarket:dr:ControlTable$aws:dynamodb/table:Table::control-table"


class NotKnownYet(Exception):
    """What the SDK raises."""


class Proxy(Mapping[str, Any]):
    """The SDK's mapping: it raises where a value is not known."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getitem__(self, key: str) -> Any:
        if self._values[key] is UNKNOWN:
            raise NotKnownYet
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class ListProxy(Sequence[Any]):
    """The SDK's list, which is none of Python's."""

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def __getitem__(self, place: Any) -> Any:
        return self._values[place]

    def __len__(self) -> int:
        return len(self._values)


@dataclass
class Options:
    protect: bool = False


@dataclass
class Arguments:
    resource_type: str
    props: Mapping[str, Any]
    urn: str = TABLE
    name: str = "it"
    opts: Options = field(default_factory=Options)


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
    pinned = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert next(each for each in pinned if each.startswith("pulumi==")) in needed
