"""What the real provider refuses by looking at a resource's inputs alone. The facts stand in `limits.yaml`.

Values that are not known yet fit everywhere, and count as given.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lab.providers.types import Failure
from lab.providers.values import UNKNOWN, Plain, has_unknown

TABLE = Path(__file__).with_name("limits.yaml")
_SHOWN = 60
_INDEXES = ("localSecondaryIndexes", "globalSecondaryIndexes")
Block = Mapping[str, Plain]
Limit = Mapping[str, Any]
Bounds = tuple[int, int | None]
"""The lowest and the highest that is allowed, the latter None for no end."""


@cache
def table() -> dict[str, list[Limit]]:
    """By type, each with its list of limits."""
    return yaml.safe_load(TABLE.read_text())


def check(token: str, inputs: Block) -> list[Failure]:
    """Everything that the real provider would not take, each with its path. Inputs are of the right types already."""
    return [failure for limit in table().get(token, []) for failure in failures(limit, inputs)]


def failures(limit: Limit, inputs: Block) -> Iterator[Failure]:
    """What one limit has against the inputs."""
    for path, block, value in _at(limit.get("at", ""), inputs):
        holder = value if isinstance(value, Mapping) else block
        if value is None or value == UNKNOWN or not _applies(limit.get("when", {}), holder):
            continue
        for kind, wanted in limit.items():
            if kind in _VALUES and value not in limit.get("or", []) and (words := _VALUES[kind](wanted, value)):
                yield Failure(path, f"expected {limit.get('says', words)}, found {_shown(value)}")
            elif kind in _BLOCKS and isinstance(value, Mapping) and (words := _BLOCKS[kind](wanted, value)):
                yield Failure(path or "inputs", words)


def _at(path: str, inputs: Block) -> Iterator[tuple[str, Block, Plain]]:
    """Every place that the path means: where it is, the innermost block around it, and what is there."""
    places: list[tuple[str, Block, Plain]] = [("", inputs, inputs)]
    for part in filter(None, path.split(".")):
        name, each = part.removesuffix("[*]"), part.endswith("[*]")
        found: list[tuple[str, Block, Plain]] = []
        for where, _, value in places:
            if not isinstance(value, Mapping):
                continue
            inner, there = value.get(name), f"{where}.{name}" if where else name
            if each and isinstance(inner, list):
                found += [(f"{there}[{index}]", value, item) for index, item in enumerate(inner)]
            elif not each:
                found.append((there, value, inner))
        places = found
    yield from places


def _applies(when: Mapping[str, list[Plain]], block: Block) -> bool:
    return all(block.get(key) in values for key, values in when.items())


def _given(names: list[str], block: Block) -> list[str]:
    return [name for name in names if block.get(name) not in (None, [])]


def _range(bounds: Bounds, unit: str = "") -> str:
    low, high = bounds
    return f"at least {low}{unit}" if high is None else f"{low} to {high}{unit}"


def _outside(bounds: Bounds, number: float) -> bool:
    low, high = bounds
    return number < low or (high is not None and number > high)


def _between(bounds: Bounds, value: Plain) -> str:
    return _range(bounds) if _outside(bounds, value) else ""


def _length(bounds: Bounds, value: Plain) -> str:
    return _range(bounds, " characters") if _outside(bounds, len(value)) else ""


def _items(bounds: Bounds, value: Plain) -> str:
    return _range(bounds, " items") if _outside(bounds, len(value)) else ""


def _one_of(wanted: list[Plain], value: Plain) -> str:
    return "" if value in wanted else f"one of {', '.join(map(str, wanted))}"


def _multiple(of: int, value: Plain) -> str:
    return "" if value % of == 0 else f"a multiple of {of}"


def _matches(pattern: str, value: Plain) -> str:
    return "" if re.fullmatch(pattern, value, re.DOTALL) else f"what fits {pattern}"


def _arn(_: bool, value: Plain) -> str:
    return "" if re.fullmatch(r"arn:[^:]+:[^:]*:[^:]*:[^:]*:.+", value) else "an ARN"


def _json(_: bool, value: Plain) -> str:
    if not isinstance(value, str) or not value:
        return ""
    try:
        json.loads(value)
    except ValueError:
        return "JSON"
    return ""


def _network(prefixes: bool | Bounds, value: Plain) -> str:
    try:
        prefix = ipaddress.ip_network(value).prefixlen if "/" in value else None
    except ValueError:
        prefix = None
    if prefix is None:
        return "a network such as 10.2.0.0/16, without bits of a host"
    if isinstance(prefixes, bool) or not _outside(prefixes, prefix):
        return ""
    return f"a prefix of {_range(prefixes)} bits"


def _count(least: int, most: float, words: str) -> Callable[[list[str], Block], str]:
    def look(names: list[str], block: Block) -> str:
        given = _given(names, block)
        found = " and ".join(given) or "none of them"
        return "" if least <= len(given) <= most else f"expected {words} of {', '.join(names)}, found {found}"

    return look


def _together(names: list[str], block: Block) -> str:
    given = _given(names, block)
    return "" if len(given) in (0, len(names)) else f"expected all of {', '.join(names)} or none, found {given[0]}"


def _requires(names: list[str], block: Block) -> str:
    missing = [name for name in names if name not in _given(names, block)]
    return f"expected also {', '.join(missing)}, beside what is there" if missing else ""


def _forbids(names: list[str], block: Block) -> str:
    given = _given(names, block)
    return f"expected no {', '.join(given)}, beside what is there" if given else ""


def _indexed(attributes: str, table_inputs: Block) -> str:
    """Of a table: its attributes are those that its keys and indexes name."""
    if any(has_unknown(table_inputs.get(name)) for name in (attributes, "hashKey", "rangeKey", *_INDEXES)):
        return ""
    blocks = [table_inputs, *(index for kind in _INDEXES for index in table_inputs.get(kind) or [])]
    keys = {block[key] for block in blocks for key in ("hashKey", "rangeKey") if block.get(key)}
    named = {each.get("name") for each in table_inputs.get(attributes) or []}
    if keys == named:
        return ""
    return f"expected the {attributes} that keys and indexes name ({', '.join(sorted(keys))}), found {sorted(named)}"


def _shown(value: Plain) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(value)} long)"


_VALUES: dict[str, Callable[[Any, Plain], str]] = {
    "between": _between,
    "length": _length,
    "items": _items,
    "one_of": _one_of,
    "multiple_of": _multiple,
    "matches": _matches,
    "arn": _arn,
    "json": _json,
    "network": _network,
}
_BLOCKS: dict[str, Callable[[Any, Block], str]] = {
    "exactly_one": _count(1, 1, "exactly one"),
    "at_least_one": _count(1, float("inf"), "at least one"),
    "at_most_one": _count(0, 1, "at most one"),
    "together": _together,
    "requires": _requires,
    "forbids": _forbids,
    "indexed": _indexed,
}
