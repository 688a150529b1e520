"""What the SDK's own classes say about a resource's inputs: properties, types, which are required.

Importing the SDK costs up to seconds on a busy machine, reading the answer back from a file costs milliseconds, so
the answer for each type is kept in a per-user cache named after the SDK's version.
"""

import importlib
import json
import os
import re
import sys
import tempfile
import types
import typing
from collections.abc import Awaitable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

Hint = Any
"""A type on the wire: a scalar's name, "any", {"ref": class}, {"list": hint}, {"map": hint}, {"literal": […]} or
{"one of": [hints]}."""
Shapes = dict[str, dict[str, Any]]
"""Classes by name, each {"properties": {Pulumi name: hint}, "required": [Pulumi names]}; "" is the resource's."""

_SCALARS: dict[Any, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}
_PACKAGES = {"aws": "pulumi-aws", "kubernetes": "pulumi-kubernetes"}


@cache
def shapes_of(token: str) -> Shapes:
    """The shapes a type's inputs are made of. Raises KeyError when the SDK does not know the token."""
    kept = _cache_folder(token.split(":")[0]) / (re.sub(r"\W", "_", token) + ".json")
    try:
        return json.loads(kept.read_text())
    except (OSError, json.JSONDecodeError):
        shapes = _read_from_sdk(token)
    with tempfile.NamedTemporaryFile("w", dir=kept.parent, delete=False) as out:
        json.dump(shapes, out)
    Path(out.name).replace(kept)
    return shapes


def _cache_folder(package: str) -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "ultramarket-lab" / "types" / f"{package}-{version(_PACKAGES[package])}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _read_from_sdk(token: str) -> Shapes:
    shapes: Shapes = {}
    shapes[""] = _shape(class_of(token), shapes)
    return shapes


def class_of(token: str) -> type:
    """The SDK's class for a resource's inputs. Raises KeyError when the SDK does not know the token."""
    package, module, name = token.split(":")
    area, _, rest = module.partition("/")
    path = f"pulumi_aws.{area}.{_snake(rest)}" if package == "aws" else f"pulumi_kubernetes.{area.split('.')[0]}.{rest}"
    try:
        home = importlib.import_module(path)
    except ImportError as error:
        raise KeyError(token) from error
    # Where a nested class has the plain name already, the resource's own is called InitArgs.
    for suffix in ("InitArgs", "Args"):
        if hasattr(home, name + suffix):
            return getattr(home, name + suffix)
    raise KeyError(token)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _shape(args: type, shapes: Shapes) -> dict[str, Any]:
    """Read from `__init__`: its hints carry the types, a parameter without default is required."""
    from pulumi._types import input_type_py_to_pulumi_names

    init: Any = args.__init__
    names = input_type_py_to_pulumi_names(args)
    scope = sys.modules[args.__module__].__dict__
    given = {key: hint for key, hint in init.__annotations__.items() if key in names}
    return {
        "properties": {names[key]: _hint(hint, scope, shapes) for key, hint in given.items()},
        "required": sorted(names[key] for key in given if key not in (init.__kwdefaults__ or {})),
    }


def _hint(hint: Any, scope: dict[str, Any], shapes: Shapes) -> Hint:
    if isinstance(hint, typing.ForwardRef):
        hint = hint.__forward_arg__
    if isinstance(hint, str):
        return _hint(eval(hint, scope), scope, shapes)  # noqa: S307 - the SDK's own annotations
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _one_of([_hint(arg, scope, shapes) for arg in args if not _is_wrapper(arg)])
    if origin in (Sequence, list):
        return {"list": _hint(args[0], scope, shapes)}
    if origin in (Mapping, dict):
        return {"map": _hint(args[1], scope, shapes)}
    if origin is typing.Literal:
        return {"literal": list(args)}
    return _plain_class(hint, shapes)


def _plain_class(hint: Any, shapes: Shapes) -> Hint:
    from pulumi._types import is_input_type

    if hint in _SCALARS:
        return _SCALARS[hint]
    if not (isinstance(hint, type) and is_input_type(hint)):
        return "any"  # assets, and enums, which the SDK always offers beside a plain string
    name = f"{hint.__module__}.{hint.__name__}"
    if name not in shapes:
        shapes[name] = {}  # named before it is read: some classes contain themselves
        shapes[name] = _shape(hint, shapes)
    return {"ref": name}


def _is_wrapper(arg: Any) -> bool:
    """`Input[T]` is T, an awaitable T or the forward reference "Output[T]"; only the first is ever on the wire."""
    if isinstance(arg, typing.ForwardRef):
        return arg.__forward_arg__.startswith("Output[")
    return arg is type(None) or typing.get_origin(arg) is Awaitable


def _one_of(hints: list[Hint]) -> Hint:
    flat: list[Hint] = []
    for hint in hints:
        for one in hint["one of"] if isinstance(hint, dict) and "one of" in hint else [hint]:
            if one not in flat:
                flat.append(one)
    # An enum arrives as its plain value: beside a scalar it adds nothing, and "any" would let everything through.
    if len(flat) > 1 and any(one in _SCALARS.values() for one in flat):
        flat = [one for one in flat if one != "any"]
    return flat[0] if len(flat) == 1 else {"one of": flat}
