"""The Pods that a stack declares."""

from functools import cache
from typing import Any

from tests.support import stacks
from tests.support.stacks import Declared


@cache
def declared(stack: str) -> tuple[Declared, ...]:
    """The stack."""
    return tuple(stacks.declare(stack))


def pods(stack: str) -> dict[str, dict[str, Any]]:
    """Specifications of all Pods of a stack, by the resource that makes them."""
    found: dict[str, dict[str, Any]] = {}
    for each in declared(stack):
        spec = each.inputs.get("spec") or {}
        template = (spec.get("jobTemplate") or {}).get("spec", spec).get("template")
        if template:
            found[each.name] = template["spec"]
    return found
