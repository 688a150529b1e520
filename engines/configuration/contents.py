"""What a copy of configuration holds, checked on its way out of the bucket."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from engines.configuration.index import INDEX, SEALED_FILES, SECRETS, Document, Index, name_of, parse_index
from engines.configuration.lists import read
from engines.streams import ADVICE, checked, decompressed
from recovery.copies.manifest import Manifest, Part
from recovery.errors import Corrupt
from recovery.ports.buckets import ObjectStore
from recovery.ports.sealing import Opener

SEALED = (SECRETS, SEALED_FILES)


@dataclass(frozen=True)
class Contents:
    """One copy. Each method raises Corrupt for what is not as the manifest and its index promise."""

    store: ObjectStore
    manifest: Manifest
    index: Index

    @classmethod
    def of(cls, store: ObjectStore, manifest: Manifest) -> "Contents":
        """Reads the index."""
        parts = [part for part in manifest.parts if name_of(part) == INDEX]
        if len(parts) != 1:
            raise Corrupt(f"copy {manifest.id} has no index", next_step=ADVICE)
        return cls(store, manifest, parse_index(_unpacked(store, parts), manifest, parts[0].key))

    @property
    def names(self) -> list[str]:
        """Of the parts beside the index."""
        return list(dict.fromkeys(name_of(part) for part in self.manifest.parts if name_of(part) != INDEX))

    def key(self, name: str) -> str:
        """The object of a part."""
        return self.manifest.folder + name

    def raw(self, name: str) -> Iterator[bytes]:
        """A part's content; a ciphertext where it is sealed."""
        return _unpacked(self.store, [part for part in self.manifest.parts if name_of(part) == name])

    def content(self, name: str, opener: Opener) -> Iterator[bytes]:
        """The same, opened. Raises Refused or Unreachable where no key may be used."""
        if name not in SEALED:
            return self.raw(name)
        return opener.open(lambda: self.raw(name), self.index.keys, self.index.context)

    def documents(self, name: str, opener: Opener) -> Iterator[tuple[Document, dict[str, Any]]]:
        """The objects of a part, each with its line of the index."""
        expected = iter(self.index.of(name))
        for found in read(self.content(name, opener), self.key(name)):
            entry = next(expected, None)
            if entry is None or not _is(found, entry):
                raise Corrupt(f"{self.key(name)} has an object that its index does not name", next_step=ADVICE)
            yield entry, found
        if (missing := next(expected, None)) is not None:
            raise Corrupt(f"{self.key(name)} lacks {missing.words}, which its index names", next_step=ADVICE)


def _is(found: dict[str, Any], entry: Document) -> bool:
    own = found["metadata"]
    said = (found["apiVersion"], found["kind"], own.get("namespace", ""), own["name"])
    return said == (entry.api_version, entry.kind, entry.namespace, entry.name)


def _unpacked(store: ObjectStore, parts: Iterable[Part]) -> Iterator[bytes]:
    for part in parts:
        stored = checked(store.stream(part.key), key=part.key, size=part.bytes, sha256=part.sha256)
        size = 0
        for piece in decompressed(stored, part.key):
            size += len(piece)
            yield piece
        if size != part.raw_bytes:
            raise Corrupt(
                f"{part.key} unpacks to {size:,} bytes, not to its manifest's {part.raw_bytes:,}", next_step=ADVICE
            )
