"""Checks a resource's inputs against the classes of the SDK that declared it.

A dict literal with a misspelt key passes Python and, with a lenient stand-in, would pass the lab too. Unknown values
(outputs of what a preview has not made yet) fit everywhere.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lab.providers.sdk import Hint, Shapes, shapes_of
from lab.providers.values import UNKNOWN

_SCALARS: Mapping[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
}
_WORDS = {"boolean": "a boolean", "integer": "a whole number", "number": "a number", "string": "a string"}
_SET_BY_THE_SDK = ("apiVersion", "kind")


class Failure(NamedTuple):
    """One wrong property."""

    path: str
    reason: str


def check(token: str, inputs: Mapping[str, Any]) -> list[Failure]:
    """Everything wrong with the inputs, each with its path. Raises KeyError when the SDK does not know the token."""
    return list(_Checker(shapes_of(token)).block("", inputs, ""))


class _Checker:
    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes

    def block(self, name: str, value: Mapping[str, Any], path: str) -> Iterator[Failure]:
        shape = self.shapes[name]
        for key, item in value.items():
            where = _join(path, key)
            if key in shape["properties"]:
                yield from self.value(shape["properties"][key], item, where)
            elif not key.startswith("__"):
                near = difflib.get_close_matches(key, shape["properties"], n=1)
                yield Failure(where, "unknown property" + (f"; did you mean {near[0]}?" if near else ""))
        for key in shape["required"]:
            if value.get(key) is None and key not in _SET_BY_THE_SDK:
                yield Failure(_join(path, key), "missing required property")

    def value(self, hint: Hint, value: Any, path: str) -> Iterator[Failure]:
        if value is None or value == UNKNOWN or hint == "any":
            return
        if isinstance(hint, str):
            if not isinstance(value, _SCALARS[hint]) or (isinstance(value, bool) and hint != "boolean"):
                yield _wrong(path, value, _WORDS[hint])
            return
        ((kind, inner),) = hint.items()
        if kind == "ref":
            fits = isinstance(value, Mapping)
            yield from self.block(inner, value, path) if fits else [_wrong(path, value, "a block of properties")]
        elif kind == "list":
            yield from self.items(inner, value, path) if isinstance(value, list) else [_wrong(path, value, "a list")]
        elif kind == "map":
            yield from (
                self.entries(inner, value, path) if isinstance(value, Mapping) else [_wrong(path, value, "a map")]
            )
        elif kind == "literal":
            if value not in inner:
                yield Failure(path, f"wrong value: {value!r} where {' or '.join(map(repr, inner))} is needed")
        else:
            attempts = [list(self.value(one, value, path)) for one in inner]
            if all(attempts):
                yield from min(attempts, key=len)

    def items(self, hint: Hint, value: list[Any], path: str) -> Iterator[Failure]:
        for index, item in enumerate(value):
            yield from self.value(hint, item, f"{path}[{index}]")

    def entries(self, hint: Hint, value: Mapping[str, Any], path: str) -> Iterator[Failure]:
        for key, item in value.items():
            yield from self.value(hint, item, _join(path, key))


def _join(path: str, key: str) -> str:
    """`a.b`, and `a["b.c/d"]` for keys that are no names, as Pulumi writes property paths."""
    if not key.replace("_", "").replace("$", "").isalnum():
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key


def _wrong(path: str, value: Any, wanted: str) -> Failure:
    if isinstance(value, bool):
        word = "a boolean"
    elif isinstance(value, str):
        word = "a string"
    elif isinstance(value, int | float):
        word = "a number"
    else:
        word = "a list" if isinstance(value, list) else "a block"
    return Failure(path, f"wrong type: {word} where {wanted} is needed")
