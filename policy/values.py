"""Property values as a preview shows them: plain data, and three things that are not: missing, unknown, secret."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

import yaml

from recovery.plan.strict_yaml import HIDDEN_BREAK

# Pulumi's own marks, pulumi/sdk/go/common/resource/sig/sig.go and pkg/resource/stack/deployment.go (v3.259.0).
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_PLAIN = (  # assets, archives, references to resources
    "c44067f5952c0a294b673a41bacd8c17",
    "0def7320c3a5731c473e5ecbe6d01bc7",
    "5cf8f73096256a8f31e491e813e4eb8e",
)
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


class Urn(NamedTuple):
    """What `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME` says. `parents` are the types of the components around it."""

    stack: str
    parents: tuple[str, ...]
    type: str
    name: str

    @classmethod
    def read(cls, text: str) -> "Urn":
        """The parts of `text`; one that is no URN is a name and nothing else."""
        parts = text.removeprefix("urn:pulumi:").split("::", 3)
        if len(parts) < 4:
            return cls("?", (), "", text)
        *parents, kind = parts[2].split("$")
        return cls(parts[0], tuple(parents), kind, parts[3])


def decode(raw: Value, met: Callable[[Value], None] = lambda _: None, depth: int = 0) -> Value:
    """`raw` with Pulumi's marks replaced. A null says nothing, so in a mapping its key is dropped.

    What is marked as secret is dropped here, after `met` has seen it. What lies deeper than any resource is nested is
    not read, so whatever compares it finds a value that is not known.
    """
    if depth >= _DEEPEST and isinstance(raw, Mapping | list):
        return UNKNOWN
    if isinstance(raw, Mapping):
        mark = raw.get(_SIGNATURE)
        if mark == _OUTPUT and not raw.get("secret"):
            return decode(raw["value"], met, depth + 1) if "value" in raw else UNKNOWN
        if mark is not None and mark not in _PLAIN:
            met({key: value for key, value in raw.items() if key != _SIGNATURE})
            return SECRET
        return {str(key): decode(value, met, depth + 1) for key, value in raw.items() if value is not None}
    if isinstance(raw, list):
        return [decode(item, met, depth + 1) for item in raw]
    if raw == _BLINDED:
        return SECRET
    if isinstance(raw, str) and raw in _UNKNOWN:
        return UNKNOWN
    return raw


def read_json(text: Value) -> Value:
    """JSON in a text. Raises ValueError, also for what is nested deeper than anything of ours."""
    try:
        found = json.loads(text)
        is_deep = _depth(found) > _DEEPEST
    except (TypeError, RecursionError):
        raise ValueError("not JSON that can be read") from None
    if is_deep:
        raise ValueError("nested too deeply")
    return found


def read_yaml(text: str) -> list[Value]:
    """The documents of a YAML text. Raises ValueError; also for an alias, which can unfold into more than memory
    holds, and for what ends a line for YAML alone."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    if HIDDEN_BREAK.search(text):
        raise ValueError("a line break that editors do not show")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=loader)):
            raise ValueError("an alias")
        return list(yaml.load_all(text, Loader=loader))
    except (yaml.YAMLError, RecursionError):
        raise ValueError("not YAML that can be read") from None


def _depth(value: Value) -> int:
    return 1 + max(map(_depth, inside(value)), default=0) if isinstance(value, Mapping | list) else 0


def inside(value: Value) -> Collection[Value]:
    """What lies directly in a mapping or a list; in anything else there is nothing."""
    return value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()


def contains(value: Value, mark: Absent) -> bool:
    """Whether `mark` stands anywhere in `value`."""
    if isinstance(value, dict | list):
        return any(contains(each, mark) for each in (value.values() if isinstance(value, dict) else value))
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
