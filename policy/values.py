"""Property values as a preview shows them: plain data, and three things that are not: missing, unknown, secret."""

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

# Pulumi's own marks, pulumi/sdk/go/common/resource/properties.go and pkg/resource/stack/deployment.go (v3.259.0).
_SECRET_KEY = "4dabf18193072939515e22adb298388d"  # noqa: S105  marks a secret, is none
_SECRET_MARK = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105
_BLINDED = "[secret]"
_UNKNOWN = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # what a preview writes
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # the others: typed unknowns on the wire
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
        "[unknown]",
    }
)
_DEEPEST = 100


class Absent(Enum):
    """What stands where no plain value is."""

    MISSING = "-"
    UNKNOWN = "known only after apply"
    SECRET = "a secret"  # noqa: S105


MISSING, UNKNOWN, SECRET = Absent.MISSING, Absent.UNKNOWN, Absent.SECRET
Value = Any
"""Plain JSON data with `Absent` in it."""
Path = tuple[str, ...]
"""Where a property lies: keys, and `[name]` or `[0]` for an element of a list."""


def decode(raw: Value, depth: int = 0) -> Value:
    """`raw` with Pulumi's marks replaced. A null says nothing, so in a mapping its key is dropped.

    What is secret is dropped here and reaches no output. What lies deeper than any resource is nested is not read, so
    whatever compares it finds a value that is not known.
    """
    if depth >= _DEEPEST and isinstance(raw, Mapping | list):
        return UNKNOWN
    if isinstance(raw, Mapping):
        if raw.get(_SECRET_KEY) == _SECRET_MARK:
            return SECRET
        return {str(key): decode(value, depth + 1) for key, value in raw.items() if value is not None}
    if isinstance(raw, list):
        return [decode(item, depth + 1) for item in raw]
    if raw == _BLINDED:
        return SECRET
    if isinstance(raw, str) and raw in _UNKNOWN:
        return UNKNOWN
    return raw


def read_json(text: Value) -> Value:
    """JSON in a text. Raises ValueError, also for what is nested deeper than anything of ours."""
    try:
        found = json.loads(text)
    except (TypeError, RecursionError):
        raise ValueError("not JSON that can be read") from None
    if _is_deep(found):
        raise ValueError("nested too deeply")
    return found


def _is_deep(value: Value) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            below
            for each in level
            if isinstance(each, Mapping | list)
            for below in (each.values() if isinstance(each, Mapping) else each)
        ]
    return any(isinstance(each, Mapping | list) for each in level)


def contains(value: Value, mark: Absent) -> bool:
    """Whether `mark` stands anywhere in `value`."""
    if isinstance(value, Mapping):
        return any(contains(item, mark) for item in value.values())
    if isinstance(value, list):
        return any(contains(item, mark) for item in value)
    return value is mark


def at(value: Value, *keys: str) -> Value:
    """The value below `keys`, MISSING when there is none."""
    for key in keys:
        if not isinstance(value, Mapping):
            return MISSING
        value = value.get(key, MISSING)
    return value


def mapping(value: Value) -> Mapping[str, Value]:
    """`value` as a mapping; anything else is an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: Value) -> list[Value]:
    """`value` as a list: a single one becomes a list, MISSING an empty one."""
    if value is MISSING:
        return []
    return list(value) if isinstance(value, list) else [value]


def words(value: Value) -> str:
    """`value` for people, whole, on one line; whoever prints it shortens it."""
    if isinstance(value, Absent):
        return value.value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        value = int(value) if value.is_integer() else f"{value:.10g}"
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        text = ", ".join(str(item) for item in value) or "none"
    elif isinstance(value, Mapping | list):
        text = json.dumps(value, sort_keys=True, default=lambda mark: getattr(mark, "value", "?"))
    else:
        text = str(value)
    return " ".join(text.split()) or "nothing"


def path_text(path: Sequence[str]) -> str:
    """`("spec", "env", "[A]", "value")` → `spec.env[A].value`; keys with dots are quoted as Pulumi does."""
    text = ""
    for part in path:
        if part.startswith("["):
            text += part
        elif "." in part:
            text += f'["{part}"]'
        else:
            text += f".{part}" if text else part
    return text
