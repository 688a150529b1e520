"""The RDB of a backup, checked on its way out of the bucket."""

from collections.abc import Iterator

from engines.redis.rdb import BrokenRdb, PassingRdb
from engines.streams import ADVICE, ahead, checked, decompressed
from recovery.copies.manifest import Manifest
from recovery.errors import Corrupt
from recovery.ports.buckets import ObjectStore


def rdb_of(store: ObjectStore, manifest: Manifest) -> Iterator[memoryview]:
    """Every byte of it; what has passed counts only when the end is reached. Raises Corrupt when anything differs from
    what the manifest promises."""
    key = manifest.parts[0].key
    rdb = PassingRdb()
    try:
        yield from rdb.passing(map(memoryview, decompressed(ahead(_stored(store, manifest)), key)))
        header = rdb.header
    except BrokenRdb as error:
        raise Corrupt(f"{key} holds no whole RDB: {error}", next_step=ADVICE) from None
    if rdb.bytes != manifest.raw_bytes:
        raise Corrupt(
            f"{key} unpacks to {rdb.bytes:,} bytes, not to its manifest's {manifest.raw_bytes:,}", next_step=ADVICE
        )
    said = (header.magic, header.position or manifest.stop_position, header.as_of)
    if said != (manifest.data_format, manifest.stop_position, manifest.as_of):
        raise Corrupt(
            f"{key} is {header.magic} of {header.position}, its manifest says {manifest.data_format} of "
            f"{manifest.stop_position}, which differs from what is inside",
            next_step=ADVICE,
        )


def _stored(store: ObjectStore, manifest: Manifest) -> Iterator[bytes]:
    for part in manifest.parts:
        yield from checked(store.stream(part.key), key=part.key, size=part.bytes, sha256=part.sha256)
