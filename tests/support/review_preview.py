"""Previews as Pulumi writes them, made by hand."""

import json
from collections import Counter
from typing import Any

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SECRET = "[secret]"
STACK = "urn:pulumi:prod::shop::pulumi:pulumi:Stack::shop-prod"


def urn(kind: str, name: str, parents: str = "") -> str:
    """A resource's URN."""
    return f"urn:pulumi:prod::shop::{parents}{kind}::{name}"


def state(inputs: dict[str, Any] | None, **options: Any) -> dict[str, Any] | None:
    """A resource's state, None when there is none."""
    return None if inputs is None else {"custom": True, "inputs": inputs, **options}


def step(
    op: str,
    kind: str,
    name: str,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
    *,
    parents: str = "",
    **more: Any,
) -> dict[str, Any]:
    """One step; `old` and `new` are inputs."""
    return {"op": op, "urn": urn(kind, name, parents), "oldState": state(old), "newState": state(new), **more}


def stack_step(op: str = "same") -> dict[str, Any]:
    """The stack itself, which is in every preview."""
    found = {"custom": False, "inputs": {}}
    return {"op": op, "urn": STACK, "newState": found, "oldState": None if op == "create" else found}


def preview(*steps: dict[str, Any], **more: Any) -> str:
    """The file, made with --show-sames: as many steps as the summary counts."""
    found = [stack_step(), *steps]
    summary = Counter(each["op"] for each in found)
    return json.dumps({"config": {}, "steps": found, "duration": 1, "changeSummary": summary, **more})
