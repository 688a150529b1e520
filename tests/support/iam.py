"""Enough of IAM's evaluation to ask a policy document about one call: explicit deny, allow, or nothing."""

import fnmatch
import ipaddress
from collections.abc import Mapping
from typing import Any, Literal

Verdict = Literal["allow", "deny", "nothing"]
Context = Mapping[str, str]


def ask(document: Mapping[str, Any], action: str, resource: str, context: Context | None = None) -> Verdict:
    """What the document says to this call."""
    effects = {
        statement["Effect"]
        for statement in document["Statement"]
        if _named(statement["Action"], action)
        and _named(statement.get("Resource", "*"), resource)
        and _conditions(statement.get("Condition", {}), context or {})
    }
    return "deny" if "Deny" in effects else "allow" if "Allow" in effects else "nothing"


def _named(patterns: str | list[str], value: str) -> bool:
    return any(fnmatch.fnmatchcase(value, pattern) for pattern in _list(patterns))


def _conditions(conditions: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    return all(
        _condition(operator, context.get(key), _list(wanted))
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _condition(operator: str, found: str | None, wanted: list[str]) -> bool:
    """A negated operator is true for an absent key, a positive one is not (ForAllValues is).
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"""
    if operator == "Null":
        return (found is None) == (wanted == ["true"])
    if operator in ("StringNotEquals", "ArnNotEquals"):
        return found not in wanted
    if operator == "ForAllValues:StringEquals":
        return found is None or found in wanted
    if found is None:
        return False
    if operator == "IpAddress":
        return any(ipaddress.ip_address(found) in ipaddress.ip_network(each) for each in wanted)
    if operator == "NumericLessThan":
        return any(float(found) < float(each) for each in wanted)
    if operator == "NumericLessThanEquals":
        return any(float(found) <= float(each) for each in wanted)
    if operator == "StringLike":
        return any(fnmatch.fnmatchcase(found, each) for each in wanted)
    if operator in ("StringEquals", "Bool", "ArnLike", "ArnEquals"):
        return found in wanted
    raise NotImplementedError(operator)


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
