"""What a copy holds, read pack by pack: each pack is asked for once, and memory grows by a few numbers a file.

The index lies unpacked in a file meanwhile, and is read again where an entry is needed.
"""

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from engines.files.index import Entry, entries_of, shown
from engines.streams import ADVICE, ahead, checked, decompressed
from recovery.copies.manifest import Manifest, Part
from recovery.errors import Corrupt
from recovery.names import pack_key
from recovery.ports.buckets import ObjectStore

_NUMBERS = 4
_Numbers = tuple[int, int, int, int]
"""Of a piece: its offset, its bytes, where its entry's line begins, which piece of its file it is."""


class Sink(Protocol):
    """Where one file's content goes."""

    def write(self, content: memoryview) -> None: ...

    def end(self, entry: Entry) -> None:
        """All of it came, and is what the index says."""
        ...

    def close(self) -> None:
        """Whatever became of it."""
        ...


@dataclass(slots=True)
class _Filling:
    sink: Sink
    digest: "hashlib._Hash"
    next: int = 0


class Contents:
    """Those entries of `manifest`'s index that are `wanted`, which lies in `file` from now on. `files` and `bytes`: how
    many files they are, and their sizes.

    Raises Corrupt when the index is not what the manifest says.
    """

    def __init__(
        self,
        store: ObjectStore,
        manifest: Manifest,
        file: BinaryIO,
        wanted: Callable[[Entry], Entry | None] = lambda entry: entry,
        *,
        heard: Callable[[Entry, int], None] = lambda *_: None,
    ) -> None:
        self.files = self.bytes = 0
        self._store, self._file = store, file
        self._packs: dict[str, array[int]] = {}
        self._parts = {part.key: part for part in manifest.parts}
        for found in entries_of(store, manifest):
            entry = wanted(found)
            if entry is None:
                continue
            position = file.tell()
            file.write(entry.to_line())
            self.files += entry.kind == "file"
            self.bytes += entry.size
            if not entry.same:
                for number, piece in enumerate(entry.pieces):
                    numbers = self._packs.setdefault(piece.pack, array("Q"))
                    numbers.extend((piece.offset, piece.bytes, position, number))
            heard(entry, position)
        file.flush()

    def entry(self, position: int) -> Entry:
        """The entry whose line begins there."""
        self._file.seek(position)
        return Entry.from_line(self._file.readline())

    @property
    def parts(self) -> list[Part]:
        """The packs that are needed."""
        return [self._parts[pack_key(name)] for name in self._packs]

    def read(self, sink_of: Callable[[Entry], Sink]) -> None:
        """Give every file that has content to a sink of its own; a long one may come in several turns.

        Packs are read in the order in which the index names them first, which is the one they were written in: so a
        file's pieces come one after another, and each pack is read once. Only one whose content repeats itself, such as
        a long hole, is read again. Raises Corrupt for whatever is not what manifest and index say.
        """
        filling: dict[int, _Filling] = {}
        left = {name: _pieces(numbers) for name, numbers in self._packs.items()}
        try:
            while left:
                before = sum(map(len, left.values()))
                for name in list(left):
                    while any(_ready(filling, each) for each in left[name]):
                        left[name] = self._read_pack(self._parts[pack_key(name)], left[name], filling, sink_of)
                left = {name: pieces for name, pieces in left.items() if pieces}
                if sum(map(len, left.values())) == before:
                    raise Corrupt(f"{pack_key(next(iter(left)))} holds pieces that no file needs", next_step=ADVICE)
        finally:
            for each in filling.values():
                each.sink.close()

    def _read_pack(
        self, part: Part, pieces: list[_Numbers], filling: dict[int, _Filling], sink_of: Callable[[Entry], Sink]
    ) -> list[_Numbers]:
        """Returns the pieces that have to wait: for one before them, or for the pack's beginning."""
        stored = checked(self._store.stream(part.key), key=part.key, size=part.bytes, sha256=part.sha256)
        stream, waiting = _Stream(ahead(decompressed(stored, part.key)), part.key), list[_Numbers]()
        for each in pieces:
            offset, size, position, number = each
            if offset < stream.at or not _ready(filling, each):
                waiting.append(each)
                continue
            entry = self.entry(position)
            if number == 0:
                filling[position] = _Filling(sink_of(entry), hashlib.sha256())
            file = filling[position]
            file.next += 1
            stream.skip(offset - stream.at)
            for content in stream.take(size):
                file.digest.update(content)
                file.sink.write(content)
            if file.next == len(entry.pieces):
                if file.digest.hexdigest() != entry.sha256:
                    raise Corrupt(
                        f"{shown(entry.path)} in {part.key} was changed: its SHA-256 is not the index's",
                        next_step=ADVICE,
                    )
                file.sink.end(entry)
                file.sink.close()
                del filling[position]
        stream.rest()
        if stream.at != part.raw_bytes:
            raise Corrupt(
                f"{part.key} unpacks to {stream.at:,} bytes, its manifest says {part.raw_bytes:,}", next_step=ADVICE
            )
        return waiting


def _pieces(numbers: "array[int]") -> list[_Numbers]:
    """In the order in which they lie in their pack."""
    quadruples = (numbers[start : start + _NUMBERS] for start in range(0, len(numbers), _NUMBERS))
    return sorted((offset, size, position, number) for offset, size, position, number in quadruples)


def _ready(filling: dict[int, _Filling], piece: _Numbers) -> bool:
    """Whether all of its file that comes before it is there."""
    _, _, position, number = piece
    return number == (filling[position].next if position in filling else 0)


class _Stream:
    """A pack's content, taken from the front."""

    def __init__(self, chunks: Iterable[bytes], key: str) -> None:
        self.at = 0
        self._chunks, self._key, self._left = iter(chunks), key, memoryview(b"")

    def take(self, size: int) -> Iterator[memoryview]:
        while size:
            if not self._left:
                chunk = next(self._chunks, None)
                if chunk is None:
                    raise Corrupt(f"{self._key} ends at byte {self.at:,} of its content", next_step=ADVICE)
                self._left = memoryview(chunk)
            content, self._left = self._left[:size], self._left[size:]
            size -= len(content)
            self.at += len(content)
            yield content

    def skip(self, size: int) -> None:
        for _ in self.take(size):
            pass

    def rest(self) -> None:
        """To the end: only there is the checksum of what is stored known to be right."""
        self.at += len(self._left)
        for chunk in self._chunks:
            self.at += len(chunk)
