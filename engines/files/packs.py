"""Packs: the contents of many files, some 16 MiB one after another, as one zstd stream, named by its own SHA-256.

A pack is put together in memory, since its name is known only when it is whole; one is on its way while the next one is
filled. So a run holds two of them, however much it copies. Where a pack ends follows from what is in it alone: a run
that is killed has stored what the next one would.
"""

import hashlib
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from engines.streams import Compressor
from recovery.copies.manifest import Part
from recovery.errors import Failed, Refused
from recovery.names import pack_key
from recovery.ports.buckets import PackBucket

RAW_BYTES = 16 * 1024 * 1024
"""A pack is closed when it unpacks to this."""
MOST_PIECES = 20_000
"""Or when it holds so many: until its name is known, their lines of the index wait in memory."""


@dataclass(slots=True)
class Draft:
    """A pack that is being filled; `name` is empty until it is whole."""

    name: str = ""
    raw_bytes: int = 0
    pieces: int = 0


@dataclass(frozen=True, slots=True)
class Laid:
    """Where a stretch of a file went."""

    draft: Draft
    offset: int
    bytes: int


class Packs:
    """Stores what it is given, locked until `until`. `parts`: every pack stored so far, by name. `closed` is called
    after each pack, and may raise."""

    def __init__(
        self, store: PackBucket, until: datetime, pool: ThreadPoolExecutor, closed: Callable[["Packs"], None]
    ) -> None:
        self.parts: dict[str, Part] = {}
        self.raw_bytes = self.stored_bytes = 0
        self.discarding = False
        """Whatever is not on its way is not stored any more: what it holds must not be."""
        self._store, self._until, self._pool, self._closed = store, until, pool, closed
        self._sending: Future[None] | None = None
        self._compressor = Compressor()  # its flush ends a frame; the next bytes begin another
        self._begin()

    def add(self, chunks: Iterable[bytes | memoryview]) -> tuple[Laid, ...]:
        """Put a file's content in; a long one goes on in the next pack. Raises what storing a pack raised."""
        laid: list[Laid] = []
        start = self.draft.raw_bytes
        for chunk in chunks:
            self._body += self._compressor.compress(chunk)
            self.draft.raw_bytes += len(chunk)
            self.raw_bytes += len(chunk)
            if self.draft.raw_bytes >= RAW_BYTES:
                laid.append(Laid(self.draft, start, self.draft.raw_bytes - start))
                self.draft.pieces += 1
                self.close()
                start = 0
        if self.draft.raw_bytes > start:
            laid.append(Laid(self.draft, start, self.draft.raw_bytes - start))
            self.draft.pieces += 1
            if self.draft.pieces >= MOST_PIECES:
                self.close()
        return tuple(laid)

    def close(self) -> None:
        """Name the pack that is being filled and send it, once the one before it has arrived."""
        if not self.draft.raw_bytes:
            return
        self._body += self._compressor.flush()
        body, draft = self._body, self.draft
        self._begin()
        draft.name = hashlib.sha256(body).hexdigest()
        self.settle()
        if draft.name in self.parts or self.discarding:
            return
        part = Part(key=pack_key(draft.name), bytes=len(body), sha256=draft.name, raw_bytes=draft.raw_bytes)
        self.parts[draft.name] = part
        self.stored_bytes += len(body)
        self._sending = self._pool.submit(put, self._store, part, body, self._until)
        self._closed(self)

    def settle(self) -> None:
        """Wait for what is on its way. Raises what became of it."""
        sending, self._sending = self._sending, None
        if sending:
            sending.result()

    def _begin(self) -> None:
        self.draft, self._body = Draft(), bytearray()


@contextmanager
def packing(store: PackBucket, until: datetime, closed: Callable[[Packs], None] = lambda _: None) -> Generator[Packs]:
    """Packs that are sent by a thread of their own."""
    with ThreadPoolExecutor(1, thread_name_prefix="pack") as pool:
        yield Packs(store, until, pool, closed)


def put(store: PackBucket, part: Part, body: bytearray, until: datetime) -> None:
    """Store a pack, unless it is there and stays as long. A write whose answer was lost is settled by looking."""
    if store.put_whole(part.key, body, sha256=part.sha256, retain_until=until) or stays(store, part, until):
        return
    store.put_whole(part.key, body, sha256=part.sha256, retain_until=until, over=True)
    if not stays(store, part, until):
        raise Failed(
            f"{part.key} was stored and is not there as it was sent",
            next_step="see who else writes to this bucket, and run it again",
        )


def stays(store: PackBucket, part: Part, until: datetime) -> bool:
    """Whether a pack is there, is what its name says, and is locked at least `until`: its lock is made longer if that
    is all it lacks."""
    held = store.head(part.key)
    if held is None or held.bytes != part.bytes or held.sha256 != part.sha256:
        return False
    if held.locked_until is None or held.locked_until < until:
        try:
            store.lock(part.key, until)
        except Refused:
            return False
    return True


def all_staying(
    store: PackBucket, parts: Iterable[Part], until: datetime, hurry: Callable[[], None]
) -> dict[str, Part]:
    """Those of `parts` that stay, by name; `hurry` is called now and then and may raise."""

    def look(part: Part) -> Part | None:
        hurry()
        return part if stays(store, part, until) else None

    with ThreadPoolExecutor(8, thread_name_prefix="look") as pool:
        return {part.sha256: part for part in pool.map(look, parts) if part}
