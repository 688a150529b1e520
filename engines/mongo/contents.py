"""A dump read back out of its bucket, checked as it passes: its bytes, its frames, its metadata, its counts."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from engines.mongo.frames import BrokenFrames, Frames
from engines.mongo.layout import COMPRESSED, METADATA, Collection
from engines.streams import ADVICE, ahead, checked, decompressed
from recovery.copies.manifest import Manifest, Part
from recovery.errors import Corrupt
from recovery.ports.buckets import ObjectStore

_LARGEST_METADATA = 64 * 1024 * 1024


@dataclass
class Stored:
    """A collection of a dump, the objects with its documents in their order, and how many they are."""

    collection: Collection
    parts: list[Part] = field(default_factory=list[Part])
    documents: int = 0


def stored(store: ObjectStore, manifest: Manifest) -> list[Stored]:
    """Every collection, in the order in which they are to be made. Reads their metadata alone. Raises Corrupt when an
    object belongs to none, or a collection has not all that the manifest promises."""
    found, data = list[Stored](), dict[str, list[Part]]()
    for part in manifest.parts:
        name = part.key.removeprefix(manifest.folder)
        if name.endswith(METADATA + COMPRESSED):
            found.append(Stored(_metadata(store, part)))
        else:
            data.setdefault(_whole_name(name), []).append(part)
    for each in found:
        if not each.collection.stored_in:
            continue
        each.parts = data.pop(each.collection.data_object, [])
        promised = manifest.documents.get(each.collection.name)
        if not each.parts or promised is None:
            raise Corrupt(
                f"{manifest.id} has no documents of {each.collection.name!r}, although its metadata is there",
                next_step=ADVICE,
            )
        each.documents = promised
    if data:
        raise Corrupt(f"{next(iter(data.values()))[0].key} is of no collection of this dump", next_step=ADVICE)
    return found


def batches(store: ObjectStore, of: Stored) -> Iterator[memoryview]:
    """Its documents, whole ones in each piece; what has passed counts only when the end is reached. Raises Corrupt when
    anything differs from what the manifest promises."""
    frames, key = Frames(), of.parts[0].key
    try:
        yield from frames.batches(ahead(decompressed(_bytes(store, of.parts), key)))
    except BrokenFrames as error:
        raise Corrupt(f"{key} holds no whole documents: {error}", next_step=ADVICE) from None
    raw_bytes = sum(part.raw_bytes for part in of.parts)
    if (frames.count, frames.bytes) != (of.documents, raw_bytes):
        raise Corrupt(
            f"{key} has {frames.count:,} documents in {frames.bytes:,} bytes, its manifest says {of.documents:,} in "
            f"{raw_bytes:,}",
            next_step=ADVICE,
        )


def _metadata(store: ObjectStore, part: Part) -> Collection:
    body = bytearray()
    for chunk in decompressed(_bytes(store, [part]), part.key):
        body += chunk
        if len(body) > min(part.raw_bytes, _LARGEST_METADATA):
            raise Corrupt(f"{part.key} unpacks to more than its manifest says", next_step=ADVICE)
    if len(body) != part.raw_bytes:
        raise Corrupt(
            f"{part.key} unpacks to {len(body):,} bytes, its manifest says {part.raw_bytes:,}", next_step=ADVICE
        )
    try:
        found = Collection.from_metadata(bytes(body))
    except ValueError as error:
        raise Corrupt(f"{part.key} describes no collection: {error}", next_step=ADVICE) from None
    if not part.key.endswith(f"/{found.metadata_object}"):
        raise Corrupt(f"{part.key} describes another collection, {found.name!r}", next_step=ADVICE)
    return found


def _bytes(store: ObjectStore, parts: list[Part]) -> Iterator[bytes]:
    for part in parts:
        yield from checked(store.stream(part.key), key=part.key, size=part.bytes, sha256=part.sha256)


def _whole_name(name: str) -> str:
    """Of an object that goes on in another one, which has a number behind."""
    whole, _, number = name.rpartition(".")
    return whole if number.isdigit() and len(number) >= 4 else name
