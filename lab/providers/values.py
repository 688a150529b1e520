"""Pulumi's property values as plain Python, and the two comparisons the plugins need.

An unknown (the output of something a preview has not made) is the string `UNKNOWN`: that is what it is on the wire,
so it survives every copy and merge on the way back to the engine.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pulumi
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

Plain = Any
UNKNOWN: str = rpc.UNKNOWN


def to_plain(value: PropertyValue) -> Plain:
    """Plain dicts, lists, strings, numbers; secrets are opened (the engine marks them again by name)."""
    inner = value.value
    if isinstance(inner, bool) or inner is None or isinstance(inner, str):
        return inner
    if isinstance(inner, float):
        return int(inner) if inner.is_integer() else inner
    if isinstance(inner, Mapping):
        return {key: to_plain(item) for key, item in inner.items()}
    if isinstance(inner, Sequence):
        return [to_plain(item) for item in inner]
    if isinstance(inner, pulumi.Asset | pulumi.Archive):
        return inner
    return UNKNOWN


def to_property(value: Plain) -> PropertyValue:
    """The way back; numbers become floats, which is all that Pulumi knows."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return PropertyValue(value)
    if isinstance(value, int | float):
        return PropertyValue(float(value))
    if isinstance(value, Mapping):
        return PropertyValue({str(key): to_property(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return PropertyValue([to_property(item) for item in value])
    if isinstance(value, pulumi.Asset | pulumi.Archive):
        return PropertyValue(value)
    return PropertyValue(str(value))


def plain_map(values: Mapping[str, PropertyValue]) -> dict[str, Plain]:
    return {key: to_plain(value) for key, value in values.items()}


def property_map(values: Mapping[str, Plain]) -> dict[str, PropertyValue]:
    return {key: to_property(value) for key, value in values.items()}


def has_unknown(value: Plain) -> bool:
    """Is any part of it still unknown?"""
    if isinstance(value, str):
        return UNKNOWN in value
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return False


def same_json(one: Plain, other: Plain) -> bool:
    """Are both JSON documents of equal content? AWS gives policies back in its own spelling."""
    if not (isinstance(one, str) and isinstance(other, str) and one[:1] in "{[" and other[:1] in "{["):
        return False
    try:
        return _canonical(json.loads(one)) == _canonical(json.loads(other))
    except json.JSONDecodeError:
        return False


def _canonical(value: Plain) -> Plain:
    """A policy's list of one is the same as its only element, and the order of actions means nothing."""
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        items = [_canonical(item) for item in value]
        if all(isinstance(item, str) for item in items):
            items.sort()
        return items[0] if len(items) == 1 else items
    return value


def policy_text(policy: Plain) -> str:
    """A policy as text; the SDK also takes one as a block of properties."""
    return policy if isinstance(policy, str) else json.dumps(policy)


Same = Callable[[Plain, Plain], bool]


def equal(one: Plain, other: Plain) -> bool:
    """Equal, where true and "true" or 1 and "1" are not told apart (AWS answers with either)."""
    if one == other or same_json(one, other):
        return True
    if isinstance(one, str) != isinstance(other, str) and not isinstance(one, dict | list):
        return str(one).lower() == str(other).lower()
    return False


def observe(declared: Plain, live: Plain, *, same: Same = equal, drop_missing: bool = False) -> Plain:
    """What a refresh shows: the declared paths with their live values, and nothing that we did not declare.

    Keys are matched without regard to case (`kmsMasterKeyId`, `KMSMasterKeyID`). A declared key that the live object
    does not have is kept, or with `drop_missing` left out. List elements with a name are matched by it.
    """
    if isinstance(declared, dict) and isinstance(live, dict):
        keys = {key.lower(): key for key in live}
        seen: dict[str, Plain] = {}
        for key, value in declared.items():
            found = key if key in live else keys.get(key.lower())
            if found is not None:
                seen[key] = observe(value, live[found], same=same, drop_missing=drop_missing)
            elif not drop_missing or not value:  # empty values are left out by the other side
                seen[key] = value
        return seen
    if isinstance(declared, list) and isinstance(live, list):
        return _observe_list(declared, live, same=same, drop_missing=drop_missing)
    return declared if same(declared, live) else live


def _observe_list(declared: list[Plain], live: list[Plain], *, same: Same, drop_missing: bool) -> list[Plain]:
    if _named(declared) and _named(live):
        by_name = {item["name"]: item for item in live}
        return [
            observe(item, by_name[item["name"]], same=same, drop_missing=drop_missing)
            for item in declared
            if item["name"] in by_name
        ]
    if len(declared) != len(live):
        return live
    if all(isinstance(item, str) for item in declared + live) and sorted(declared) == sorted(live):
        return declared
    return [observe(a, b, same=same, drop_missing=drop_missing) for a, b in zip(declared, live, strict=True)]


def _named(items: list[Plain]) -> bool:
    names = [item.get("name") for item in items if isinstance(item, dict)]
    return bool(names) and None not in names and len(names) == len(items) == len(set(names))
