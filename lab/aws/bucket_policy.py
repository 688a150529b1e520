"""What a bucket's policy means in the lab, where every client is the same identity and nothing speaks TLS.

moto 5.2.5 evaluates no condition on a bucket's policy and takes each conditional statement that names the action for
a denial, an `Allow` included: with the usual "deny without TLS" nothing could be written. Here
- a denial holds when it is unconditional and for everybody;
- a denial with a condition, for or except a principal is left out: it is tested where the policy is made;
- an allowance for everybody holds, its conditions (the health checkers' address ranges) taken as met. It decides what
  anonymous readers may read.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, Literal

Permission = Literal["PERMITTED", "DENIED", "NEUTRAL"]


def evaluate(policy: str, action: str, resource: str) -> Permission:
    """The policy's word on `action` (`s3:GetObject`) at `resource` (an ARN)."""
    statements = [entry for entry in _listed(json.loads(policy).get("Statement", [])) if _everybody(entry)]
    matching = [
        entry for entry in statements if _names(entry, "Action", action) and _names(entry, "Resource", resource)
    ]
    if any(entry["Effect"] == "Deny" and not entry.get("Condition") for entry in matching):
        return "DENIED"
    return "PERMITTED" if any(entry["Effect"] == "Allow" for entry in matching) else "NEUTRAL"


def _everybody(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal")
    return principal == "*" or (isinstance(principal, dict) and "*" in _listed(principal.get("AWS", [])))


def _names(statement: dict[str, Any], element: str, value: str) -> bool:
    if f"Not{element}" in statement:
        return not _any_match(_listed(statement[f"Not{element}"]), value)
    return _any_match(_listed(statement.get(element, [])), value)


def _any_match(patterns: Iterable[str], value: str) -> bool:
    # Only * and ? are special: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    shapes = (re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".") for pattern in patterns)
    return any(re.fullmatch(shape, value, re.DOTALL) for shape in shapes)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
