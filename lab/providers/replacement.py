"""What a change of inputs means: which properties differ, which of them replace, and in what order.

The facts stand in `replace.yaml`; this module only applies them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pulumi.provider.experimental.provider import DiffResponse, PropertyDiff, PropertyDiffKind

from lab.providers.values import Plain, Same

TABLE = Path(__file__).with_name("replace.yaml")
DEFAULTS = "__defaults"
"""Lists the inputs that were filled in rather than written, as Pulumi's own bridge records them."""
_KINDS = {
    ("add", False): PropertyDiffKind.ADD,
    ("add", True): PropertyDiffKind.ADD_REPLACE,
    ("delete", False): PropertyDiffKind.DELETE,
    ("delete", True): PropertyDiffKind.DELETE_REPLACE,
    ("update", False): PropertyDiffKind.UPDATE,
    ("update", True): PropertyDiffKind.UPDATE_REPLACE,
}


@dataclass(frozen=True)
class Rule:
    """One type's entry in the table."""

    replace: tuple[str, ...]
    replace_when: Mapping[str, str]
    autoname: str | None
    delete_first: bool
    mutable_with: Mapping[str, tuple[str, ...]]
    plural: str
    cluster_wide: bool


@dataclass(frozen=True)
class Change:
    """One property that differs. `leaves` are the paths below it that do, in the table's [*] notation."""

    path: str
    kind: str
    leaves: tuple[str, ...]
    old: Plain
    new: Plain


@cache
def table() -> dict[str, Rule]:
    raw = yaml.safe_load(TABLE.read_text())
    return {token: _rule(entry) for token, entry in raw.items()}


def _rule(entry: dict[str, Any]) -> Rule:
    return Rule(
        replace=tuple(entry["replace"]),
        replace_when=entry.get("replace_when", {}),
        autoname=entry.get("autoname"),
        delete_first=entry.get("delete_first", False),
        mutable_with={key: tuple(paths) for key, paths in entry.get("mutable_with", {}).items()},
        plural=entry.get("plural", ""),
        cluster_wide=entry.get("cluster_wide", False),
    )


def changes(old: Mapping[str, Plain], new: Mapping[str, Plain], same: Same) -> list[Change]:
    """Every property that differs, at the deepest place where it can be named."""
    return list(_compare("", dict(old), dict(new), same))


def _compare(path: str, old: Plain, new: Plain, same: Same) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new} - {DEFAULTS}):
            where = _join(path, key)
            if new.get(key) is None and old.get(key) is not None:
                yield _change(where, "delete", old[key], None)
            elif old.get(key) is None and new.get(key) is not None:
                yield _change(where, "add", None, new[key])
            elif key in old and key in new:
                yield from _compare(where, old[key], new[key], same)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            where = f"{path}[{index}]"
            if index >= len(new):
                yield _change(where, "delete", old[index], None)
            elif index >= len(old):
                yield _change(where, "add", None, new[index])
            else:
                yield from _compare(where, old[index], new[index], same)
    elif old != new and not same(old, new):
        yield _change(path, "update", old, new)


def _join(path: str, key: str) -> str:
    if not re.fullmatch(r"[\w$]+", key):
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key


def _change(path: str, kind: str, old: Plain, new: Plain) -> Change:
    value = new if old is None else old
    general = re.sub(r"\[\d+\]", "[*]", path)
    return Change(path, kind, tuple(_leaves(general, value)), old, new)


def _leaves(path: str, value: Plain) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(_join(path, key), item)
    elif isinstance(value, list) and value:
        for item in value:
            yield from _leaves(f"{path}[*]", item)
    else:
        yield path


def _inside(path: str, pattern: str) -> bool:
    return path == pattern or path.startswith((f"{pattern}.", f"{pattern}["))


def replaces(
    rule: Rule, change: Change, *, own_account: Callable[[], str] = str, mutable: tuple[str, ...] = ()
) -> bool:
    """Does this change replace the resource?"""
    if any(_inside(leaf, pattern) for leaf in change.leaves for pattern in rule.replace if pattern not in mutable):
        return True
    for path, condition in rule.replace_when.items():
        if any(_inside(leaf, path) for leaf in change.leaves) and _holds(condition, change, path, own_account):
            return True
    return False


def _holds(condition: str, change: Change, path: str, own_account: Callable[[], str]) -> bool:
    at_path = change.path == path
    match condition.split():
        case ["removed"]:
            return at_path and change.kind == "delete"
        case ["to", "another", "non-empty", "value"]:
            return bool(change.new)
        case ["from", "a", "set", "value"]:
            return bool(change.old)
        case ["not", "from", "unset", "to", "the", "own", "account"]:
            return not (change.kind == "add" and change.new == own_account())
        case [before, "to", after]:
            return change.old == before and change.new == after
    raise ValueError(f"replace.yaml: the condition {condition!r} for {path} is not one replacement.py knows")


def answer(
    rule: Rule,
    found: list[Change],
    *,
    delete_first: bool,
    replacing: Callable[[Change], bool],
) -> DiffResponse:
    """The engine's form of it. Equal inputs answer with no change, whatever else the state holds."""
    detailed: dict[str, PropertyDiff] = {}
    roots: list[str] = []
    for change in found:
        does = replacing(change)
        detailed[change.path] = PropertyDiff(_KINDS[change.kind, does], input_diff=True)
        if does:
            roots.append(change.path)
    return DiffResponse(
        changes=bool(found),
        replaces=roots,
        delete_before_replace=bool(roots) and (delete_first or rule.delete_first),
        diffs=sorted({re.split(r"[.\[]", change.path)[0] for change in found}),
        detailed_diff=detailed,
    )


def was_written(inputs: Mapping[str, Plain], name: str) -> bool:
    """Was this input written in the program (and not made up from the resource's name)?"""
    return inputs.get(name) is not None and name not in inputs.get(DEFAULTS, [])
