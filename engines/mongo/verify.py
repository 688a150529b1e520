"""Verify a copy of MongoDB to its last byte while it is downloaded: the checksum of every object, every document's
frame, how many there are, and what makes each collection again. Nothing touches the disk."""

import time

from engines.engine import Verdict
from engines.mongo.contents import Stored, batches, stored
from recovery.copies.manifest import Manifest
from recovery.ports.buckets import ObjectStore


def verify(store: ObjectStore, manifest: Manifest) -> Verdict:
    """Download and check it. Raises Corrupt when anything differs from what the manifest promises."""
    begun = time.monotonic()
    found = verified(store, manifest)
    return Verdict(
        files=len(manifest.parts),
        bytes=manifest.stored_bytes,
        raw_bytes=manifest.raw_bytes,
        seconds=time.monotonic() - begun,
        remark=f"{sum(each.documents for each in found):,} documents in {len(found):,} collections and views",
    )


def verified(store: ObjectStore, manifest: Manifest) -> list[Stored]:
    """Its collections, when all of it is what the manifest promises. Raises Corrupt."""
    found = stored(store, manifest)
    for each in found:
        if each.parts:
            for _ in batches(store, each):
                pass
    return found
