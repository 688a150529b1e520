"""Documents, collections and indexes of every kind, and a workload that changes them."""

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import (
    DBRef,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Timestamp,
)
from bson.binary import Binary
from bson.code import Code
from bson.raw_bson import RawBSONDocument
from bson.regex import Regex

from engines.mongo.listing import IMAGES, codec

KEPT: dict[str, Any] = {IMAGES: {"enabled": True}}
"""The option that every collection has to have."""
EVERY_TYPE: dict[str, Any] = {
    "double": 1.0,
    "negative zero": -0.0,
    "infinity": float("-inf"),
    "string": "ünïcode\u0000\n",
    "object": {"b": 1, "a": {"deep": [1, {"x": None}]}},
    "array": [1, "two", 3.0, None, []],
    "binary": Binary(b"\x00\xff", 0),
    "user binary": Binary(b"own", 128),
    "uuid": Binary(bytes(range(16)), 4),
    "old uuid": Binary(bytes(range(16)), 3),
    "object id": ObjectId("5f50c31e1c9d440000a1b2c3"),
    "true": True,
    "date": datetime(2026, 11, 30, 12, tzinfo=UTC),
    "early date": datetime(1, 1, 1, tzinfo=UTC),
    "late date": datetime(9999, 12, 31, tzinfo=UTC),
    "null": None,
    "regex": Regex("^a.*$", re.IGNORECASE | re.MULTILINE),
    "reference": DBRef("orders", ObjectId("5f50c31e1c9d440000a1b2c3")),
    "code": Code("function () { return 1 }"),
    "code with scope": Code("function () { return x }", {"x": 1}),
    "int": 1,
    "timestamp": Timestamp(1764500000, 7),
    "long": Int64(1),
    "large long": Int64(2**62),
    "decimal": Decimal128("0.10"),
    "decimal not a number": Decimal128("NaN"),
    "least": MinKey(),
    "most": MaxKey(),
    "": "a field without a name",
}


def content(database: Any) -> dict[str, dict[bytes, bytes]]:
    """Every collection's documents as their bytes, by their ids' bytes."""
    found: dict[str, dict[bytes, bytes]] = {}
    for each in database.list_collections():
        if each.get("type") == "view" or each["name"].startswith("system."):
            continue
        found[each["name"]] = documents(database, each["name"])
    return found


def documents(database: Any, name: str) -> dict[bytes, bytes]:
    """Of one collection."""
    raw = codec().with_options(document_class=RawBSONDocument)
    return {_id(each): each.raw for each in database.get_collection(name, codec_options=raw).find()}


def _id(document: RawBSONDocument) -> bytes:
    return (
        RawBSONDocument(document.raw)["_id"].raw
        if isinstance(document["_id"], RawBSONDocument)
        else repr(document["_id"]).encode()
    )


def described(database: Any) -> dict[str, tuple[str, Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Every collection's kind, options and indexes."""
    exact = database.with_options(codec_options=codec())
    found: dict[str, tuple[str, Mapping[str, Any], list[Mapping[str, Any]]]] = {}
    for each in exact.list_collections():
        name, kind = each["name"], each.get("type", "collection")
        if name.startswith("system."):
            continue
        specs = [] if kind == "view" else sorted(exact[name].list_indexes(), key=lambda spec: spec["name"])
        found[name] = (kind, each.get("options", {}), [_typed(dict(spec)) for spec in specs])
    return found


def _typed(value: Any) -> Any:
    """With the type of every number, in the order of its keys: -1 is not 1, and 1 is not 1.0."""
    if isinstance(value, Mapping):
        return [(name, _typed(each)) for name, each in value.items()]
    return (type(value).__name__, value)


class Workload:
    """Inserts, updates, replacements and deletes of some collections, the same for the same seed."""

    def __init__(
        self, database: Any, seed: int, names: tuple[str, ...] = ("orders", "products", "odd/name%x\n")
    ) -> None:
        self.database, self.names = database, names
        self.random = random.Random(seed)  # noqa: S311
        self.next = 0

    def make(self) -> None:
        """The collections."""
        for name in self.names:
            self.database.command({"create": name, **KEPT})

    def step(self) -> None:
        """One change."""
        collection = self.database[self.random.choice(self.names)]
        kind = self.random.random()
        some = self.random.randrange(max(self.next, 1))
        if kind < 0.5:
            self.next += 1
            collection.insert_one(self._document(self.next))
        elif kind < 0.75:
            collection.update_one({"_id": some}, {"$set": {"n": self.random.randrange(1000)}, "$inc": {"changes": 1}})
        elif kind < 0.85:
            collection.replace_one({"_id": some}, self._document(some))
        else:
            collection.delete_one({"_id": some})

    def _document(self, number: int) -> dict[str, Any]:
        noise = self.random.randbytes(self.random.randrange(2000))
        chosen = self.random.sample(sorted(EVERY_TYPE), 3)
        when = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
        return {"_id": number, "noise": noise, "at": when, **{name: EVERY_TYPE[name] for name in chosen}}
