"""The copy before this one: what has not changed since is where it was, so long as it stays."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime

from engines.files.index import Entry, entries_of, order
from engines.files.packs import all_staying
from recovery.copies.gaps import CLOCKS
from recovery.copies.manifest import Manifest, Part
from recovery.errors import Corrupt
from recovery.ports.buckets import PackBucket


class PreviousDamaged(Exception):
    """Raised when the copy before cannot be relied on. Nothing that rested on it counts."""

    def __init__(self, error: Corrupt) -> None:
        super().__init__(error.what)
        self.what = error.what


class Previous:
    """Reads the index of `base` beside a walk, both in the same order. Without a base there is nothing to be found.

    `parts`: its packs that stay until `until`, by name. `files`: how many it had, once all of it is read.
    """

    def __init__(self, store: PackBucket, base: Manifest | None, until: datetime, hurry: Callable[[], None]) -> None:
        self.parts: dict[str, Part] = {}
        self.files = 0
        self._entries: Iterator[Entry] = iter(())
        self._young = ""
        if base:
            packs = [part for part in base.parts if not part.key.startswith(base.folder)]
            self.parts = all_staying(store, packs, until, hurry)
            self._entries = entries_of(store, base)
            # A file that was written after it was read, in the same tick of the clock, looks the same.
            self._young = f"{(base.started - CLOCKS).timestamp():.9f}"
        self._next: Entry | None = None
        self._key: list[bytes] = []
        self._advance()

    def unchanged(self, path: bytes, status: os.stat_result) -> Entry | None:
        """The entry of a file that is still as it was copied. Raises PreviousDamaged."""
        key = order(path)
        while self._next is not None and self._key < key:
            self._advance()
        found = self._next
        if found is None or self._key != key or found.kind != "file" or found.unsteady:
            return None
        now = status.st_size, seconds(status.st_mtime_ns), seconds(status.st_ctime_ns), status.st_ino
        if now != (found.size, found.mtime, found.ctime, found.inode):
            return None
        if max(status.st_mtime_ns, status.st_ctime_ns) >= float(self._young) * 1e9:
            return None
        return found if all(piece.pack in self.parts for piece in found.pieces) else None

    def finish(self) -> None:
        """Read what is left: only then is its checksum known to be right. Raises PreviousDamaged."""
        while self._next is not None:
            self._advance()

    def _advance(self) -> None:
        try:
            self._next = next(self._entries, None)
        except Corrupt as error:
            raise PreviousDamaged(error) from None
        if self._next is not None:
            self._key = order(self._next.path)
            self.files += self._next.kind == "file"


def seconds(nanoseconds: int) -> str:
    """As the index has times."""
    whole, fraction = divmod(nanoseconds, 1_000_000_000)
    return f"{whole}.{fraction:09d}"
