"""The objects of a dump, named and written as mongodump names and writes its files, so that mongorestore reads them.

A collection is NAME.bson, its documents one after another, and NAME.metadata.json; a view has only that; a time-series
collection's documents are its buckets, system.buckets.NAME.bson. mongodump has them in a folder of their database's
name, which is left out here: a backup is of one database. Each is compressed, so .zst follows.
https://www.mongodb.com/docs/database-tools/mongodump/#output
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import quote

Kind = Literal["collection", "view", "timeseries"]
KINDS: tuple[Kind, ...] = ("collection", "view", "timeseries")
DATA, METADATA, COMPRESSED = ".bson", ".metadata.json", ".zst"
BUCKETS = "system.buckets."
"""What the collection's name begins with in which MongoDB keeps a time series."""
# Go's url.PathEscape, by which mongodump makes a file's name, leaves these as they are, and what quote() does.
_AS_THEY_ARE = "$&+:=@"
_LONGEST, _KEPT = 238, 208  # of a name; of a longer one so much is kept, and its digest follows


def file_name(name: str) -> str:
    """What the files of a collection are called, without their endings.

    Two dots beside each other are escaped as well, which mongorestore reads the same: no key of ours has them."""
    escaped = quote(name, safe=_AS_THEY_ARE).replace("..", ".%2E")
    if len(escaped) <= _LONGEST:
        return escaped
    digest = urlsafe_b64encode(hashlib.sha1(name.encode(), usedforsecurity=False).digest()).decode().rstrip("=")
    return f"{escaped[:_KEPT]}%24{digest}"


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A collection, view or time series as its server describes it. `options` and `indexes` are what a new one has to
    be made with; `uuid` is 32 hexadecimal digits, empty where it has none."""

    name: str
    kind: Kind = "collection"
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    indexes: Sequence[Mapping[str, Any]] = ()
    uuid: str = ""

    @property
    def stored_in(self) -> str:
        """The collection that has its documents; empty for a view, which has none."""
        return {"collection": self.name, "view": "", "timeseries": BUCKETS + self.name}[self.kind]

    @property
    def metadata_object(self) -> str:
        """Its name within a backup's folder."""
        return file_name(self.name) + METADATA + COMPRESSED

    @property
    def data_object(self) -> str:
        """The same of its documents; empty for a view."""
        return file_name(self.stored_in) + DATA + COMPRESSED if self.stored_in else ""

    def to_metadata(self) -> bytes:
        """In canonical extended JSON, which keeps the type of every number."""
        from bson import json_util

        content: dict[str, Any] = {"options": self.options} if self.options else {}
        content |= {"indexes": list(self.indexes)} | ({"uuid": self.uuid} if self.uuid else {})
        content |= {"collectionName": self.name, "type": self.kind}
        return json_util.dumps(content, json_options=json_options(), separators=(",", ":")).encode()

    @classmethod
    def from_metadata(cls, body: bytes) -> "Collection":
        """Raises ValueError for what is none."""
        from bson import json_util
        from bson.errors import BSONError

        try:
            found = json_util.loads(body.decode(), json_options=json_options())
        except (ValueError, TypeError, BSONError) as error:
            raise ValueError(str(error)) from None
        if not isinstance(found, dict):
            raise ValueError("it is no object")  # noqa: TRY004  (of one kind for whoever reads it)
        content = cast("dict[str, Any]", found)
        name, kind = content.get("collectionName"), content.get("type", "collection")
        options, indexes = content.get("options") or {}, content.get("indexes")
        if not isinstance(name, str) or not name or kind not in KINDS:
            raise ValueError("it names no collection")
        if not isinstance(options, dict) or not isinstance(indexes, list):
            raise ValueError("it has no options or indexes")  # noqa: TRY004
        specs = cast("list[Any]", indexes)
        if not all(isinstance(each, dict) and "key" in each and "name" in each for each in specs):
            raise ValueError("one of its indexes has no name or no key")
        return cls(
            name=name,
            kind=kind,
            options=cast("dict[str, Any]", options),
            indexes=tuple(specs),
            uuid=str(content.get("uuid", "")),
        )


def json_options() -> Any:
    """Nothing becomes what Python would rather have: no UUID, no date that a datetime cannot hold."""
    from bson.codec_options import DatetimeConversion
    from bson.json_util import JSONMode, JSONOptions

    return JSONOptions(
        json_mode=JSONMode.CANONICAL, document_class=dict, datetime_conversion=DatetimeConversion.DATETIME_MS
    )
