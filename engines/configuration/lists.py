"""Many objects as one `List`, which kubectl takes as it is: an object a line."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from engines.streams import ADVICE
from recovery.errors import Corrupt
from recovery.ports.cluster_objects import Object

_BEGIN, _END = b'{"apiVersion":"v1","kind":"List","items":[', b"]}"
_LONGEST = 8 * 1024 * 1024
"""Bytes of a line; etcd takes no object of more than 1.5 MB."""


def written(objects: Iterable[Object]) -> Iterator[memoryview]:
    """The list's bytes, an object at a time."""
    yield memoryview(_BEGIN)
    between = b"\n"
    for each in objects:
        yield memoryview(between + json.dumps(each, separators=(",", ":"), sort_keys=True).encode())
        between = b",\n"
    yield memoryview(b"\n" + _END + b"\n")


def read(chunks: Iterable[bytes | memoryview], key: str) -> Iterator[dict[str, Any]]:
    """The objects of a list. Raises Corrupt naming `key` for what `written` does not write."""
    lines = _lines(chunks, key)
    if next(lines, b"") != _BEGIN:
        raise _broken(key, "it does not begin as a list")
    ended = False
    for line in lines:
        if ended:
            raise _broken(key, "something follows its end")
        if line == _END:
            ended = True
            continue
        try:
            found = json.loads(line.removesuffix(b","))
            named = found["apiVersion"], found["kind"], found["metadata"]["name"]
        except (ValueError, KeyError, TypeError):
            raise _broken(key, "a line of it is no object") from None
        if not all(isinstance(each, str) for each in named):
            raise _broken(key, "a line of it is no object")
        yield found
    if not ended:
        raise _broken(key, "it has no end")


def _lines(chunks: Iterable[bytes | memoryview], key: str) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + bytes(chunk)).split(b"\n")
        yield from whole
        if len(rest) > _LONGEST:
            raise _broken(key, "a line of it is longer than any object")
    if rest:
        yield rest


def _broken(key: str, why: str) -> Corrupt:
    return Corrupt(f"{key} is no list of objects: {why}", next_step=ADVICE)
