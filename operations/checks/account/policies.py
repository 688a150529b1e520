"""A bucket's or key's policy beside the declared one."""

import json
from typing import Any

from recovery.access.documents import Document


def policy_faults(found: str, declared: Document, *, whole: bool) -> list[str]:
    """Declared statements that are not there as declared, and, when `whole`, statements that nobody declared. `whole`
    is false where another account's part of the policy is not known."""
    there = json.loads(found or '{"Statement": []}')["Statement"]
    plain, ours = [_plain(each) for each in there], [_plain(each) for each in declared["Statement"]]
    missing = [each["Sid"] for each in declared["Statement"] if _plain(each) not in plain]
    names = [str(each.get("Sid", "a statement without Sid")) for each in there if _plain(each) not in ours]
    foreign = [name for name in names if whole and name not in missing]  # one that was changed is told once
    said = [f"its policy lacks or changes {', '.join(missing)}"] if missing else []
    return [*said, *(f"its policy has {name}, which nobody declared" for name in foreign)]


def _plain(part: Any) -> Any:
    """A part of a policy in one spelling: AWS may answer a list of one as its element, and lists in another order."""
    if isinstance(part, dict):
        return {str(key): _plain(value) for key, value in part.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(part, list):
        items = sorted(str(each) for each in part)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return items if len(items) != 1 else items[0]
    return part
