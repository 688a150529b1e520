"""Verify a copy of files to its last byte while it is downloaded: the index, every pack, every file's SHA-256.

Only the index touches the disk.
"""

import tempfile
import time
from pathlib import Path

from engines.engine import Verdict
from engines.files.contents import Contents
from engines.files.index import Entry, index_parts
from engines.streams import ADVICE
from recovery.copies.manifest import Manifest
from recovery.errors import Corrupt, Refused
from recovery.names import SCRATCH
from recovery.ports.buckets import ObjectStore


class _Nowhere:
    """Content that is only looked at."""

    def write(self, content: memoryview) -> None: ...

    def end(self, entry: Entry) -> None: ...

    def close(self) -> None: ...


def _require_all_named(contents: Contents, manifest: Manifest) -> None:
    packs = len(manifest.parts) - len(index_parts(manifest))
    if len(contents.parts) != packs:
        raise Corrupt(
            f"the manifest names {packs:,} packs, its index {len(contents.parts):,} of them", next_step=ADVICE
        )


def verify(store: ObjectStore, manifest: Manifest, *, scratch: Path) -> Verdict:
    """Download and check `manifest`'s copy; its index lies in an unnamed file under `scratch` meanwhile.

    Raises Corrupt when anything differs from what the manifest promises, Refused when there is no room for the index.
    """
    begun = time.monotonic()
    try:
        with tempfile.TemporaryFile(dir=scratch) as file:
            contents = Contents(store, manifest, file)
            _require_all_named(contents, manifest)
            contents.read(lambda _: _Nowhere())
    except OSError as error:
        raise Refused(
            f"{scratch} cannot hold the index: {error.strerror}", next_step=f"name a folder with --scratch ({SCRATCH})"
        ) from None
    return Verdict(
        files=contents.files,
        bytes=manifest.stored_bytes,
        raw_bytes=contents.bytes,
        seconds=time.monotonic() - begun,
    )
