"""Incremental backups put onto the full below them while they are downloaded, as pg_combinebackup does it with copies
that lie on a disk: of a file that is `INCREMENTAL.name` only blocks are there, all else is whole.

Each file is checked against its own backup's backup_manifest; the tests hold the result against pg_combinebackup's.
The form of these files: https://github.com/postgres/postgres/blob/REL_18_STABLE/src/bin/pg_combinebackup/reconstruct.c
"""

import os
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from engines.postgres.archives import Member
from engines.postgres.expected_files import ExpectedFiles, Keep
from engines.postgres.unpack import Place, unpack
from engines.streams import ADVICE
from recovery.copies.manifest import Manifest
from recovery.errors import Corrupt
from recovery.ports.buckets import ObjectStore

_PREFIX = "INCREMENTAL."
_LABEL = "backup_label"
_MAGIC = 0xD3AE1F0D
_HEAD = struct.Struct("<III")  # magic, count of blocks, length in blocks below which older blocks stay
_BLOCK = 8192


def unpack_chain(
    store: ObjectStore, chain: Sequence[Manifest], place_of: Callable[[int | None], Place]
) -> ExpectedFiles:
    """`unpack` for the last of `chain`, whose first is a full; `place_of` knows the tablespaces of the last.

    Raises Corrupt also when an incremental was not made onto the one before it.
    """
    tip = chain[-1]
    oids = {None, *(each.oid for each in tip.tablespaces)}
    whole = unpack(store, chain[0], lambda oid: place_of(oid) if oid in oids else _Nowhere())
    for below, each in pairwise(chain):
        overlays = {oid: Overlay(place_of(oid), below) for oid in oids}
        read = whole.bytes
        whole = unpack(store, each, lambda oid, overlays=overlays: overlays.get(oid) or _Nowhere())
        whole.bytes += read
        for overlay in overlays.values():
            overlay.finish()
    return whole


class _Nowhere:
    """For a tablespace that was dropped later."""

    @contextmanager
    def member(self, member: Member, path: str) -> Iterator[Keep]:
        yield len


@dataclass
class Overlay:
    """One incremental's files over those of `below` in `place`. What it does not name is gone at the end."""

    place: Place
    below: Manifest
    _named: set[str] = field(default_factory=set[str])

    @contextmanager
    def member(self, member: Member, path: str) -> Iterator[Keep]:
        """As `Place.member`, but a file that is there is replaced, or has some of its blocks replaced."""
        name = os.path.normpath(member.name)
        folder, _, base = name.rpartition("/")
        partial = member.is_file and base.startswith(_PREFIX)
        if partial:
            name = os.path.join(folder, base.removeprefix(_PREFIX))  # noqa: PTH118
        if name in self._named:
            raise Corrupt(f"{path} is in the backup twice", next_step=ADVICE)
        self._named.add(name)
        if not member.is_file:
            self.place.make_folder(self.place.folder / name)
            yield len
            return
        self.place.make_folder((self.place.folder / name).parent)
        if partial:
            with self._blocks(name, path) as keep:
                yield keep
        elif name == _LABEL:
            label = bytearray()
            yield label.extend
            with self._new(name) as keep:
                keep(self._as_of_a_full(bytes(label), path))
        else:
            with self._new(name) as keep:
                yield keep

    def finish(self) -> None:
        """Remove what the incremental no longer has."""
        root = self.place.folder
        for folder, folders, files in os.walk(root, topdown=False):
            inside = os.path.relpath(folder, root)
            for name in files:
                if os.path.normpath(os.path.join(inside, name)) not in self._named:  # noqa: PTH118
                    os.unlink(os.path.join(folder, name))  # noqa: PTH108, PTH118
            for name in folders:
                if os.path.normpath(os.path.join(inside, name)) not in self._named:  # noqa: PTH118
                    os.rmdir(os.path.join(folder, name))  # noqa: PTH106, PTH118

    @contextmanager
    def _new(self, name: str) -> Iterator[Keep]:
        path = self.place.folder / name
        path.unlink(missing_ok=True)
        with self.place.member(Member(name, 0, True, iter(())), name) as keep:
            yield keep

    @contextmanager
    def _blocks(self, name: str, path: str) -> Iterator[Keep]:
        try:
            file = os.open(self.place.folder / name, os.O_RDWR | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise Corrupt(f"{path} changes a file that {self.below.id} does not have", next_step=ADVICE) from None
        try:
            blocks = _Blocks(file, path)
            yield blocks.keep
            blocks.end()
        finally:
            os.close(file)

    def _as_of_a_full(self, label: bytes, path: str) -> bytes:
        """The label without what makes a server refuse an incremental backup. Raises Corrupt when it names another
        backup than the one below."""
        lines = label.splitlines(keepends=True)
        found = {key: value.strip().decode() for key, _, value in (line.partition(b":") for line in lines)}
        made_onto = (found.get(b"INCREMENTAL FROM LSN"), found.get(b"INCREMENTAL FROM TLI"))
        if made_onto != (self.below.start_position, str(self.below.source.timeline)):
            raise Corrupt(
                f"{path} says that it builds on the backup at {made_onto[0]} of timeline {made_onto[1]}, not on "
                f"{self.below.id}, which is at {self.below.start_position} of timeline {self.below.source.timeline}",
                next_step=ADVICE,
            )
        return b"".join(line for line in lines if not line.startswith(b"INCREMENTAL FROM "))


class _Blocks:
    """Writes the blocks of an `INCREMENTAL.name` into the file of before."""

    def __init__(self, file: int, path: str) -> None:
        self._file, self._path = file, path
        self._head: bytearray | None = bytearray()
        self._numbers: tuple[int, ...] = ()
        self._length = 0  # in blocks
        self._taken = 0  # bytes of blocks

    def keep(self, piece: bytes) -> None:
        """The next bytes of the file."""
        if self._head is not None:
            self._head += piece
            rest = self._begin(self._head)
            if rest is None:
                return
            self._head, piece = None, rest
        left = memoryview(piece)
        while left:
            number, inside = divmod(self._taken, _BLOCK)
            if number >= len(self._numbers):
                raise self._wrong("goes on after its last block")
            written = os.pwrite(self._file, left[: _BLOCK - inside], self._numbers[number] * _BLOCK + inside)
            self._taken += written
            left = left[written:]

    def end(self) -> None:
        """All of it was there."""
        if self._head is not None or self._taken != len(self._numbers) * _BLOCK:
            raise self._wrong("ends too early")
        os.ftruncate(self._file, self._length * _BLOCK)

    def _begin(self, head: bytearray) -> bytes | None:
        """What follows the head, once that is there. The older blocks that stay are those below the length it says."""
        if len(head) < _HEAD.size:
            return None
        magic, count, kept = _HEAD.unpack_from(head)
        if magic != _MAGIC:
            raise self._wrong("does not begin as such a file does")
        size = _HEAD.size + 4 * count
        size += -size % _BLOCK if count else 0
        if len(head) < size:
            return None
        self._numbers = struct.unpack_from(f"<{count}I", head, _HEAD.size)
        self._length = max([kept, *(number + 1 for number in self._numbers)])
        if os.fstat(self._file).st_size > kept * _BLOCK:
            os.ftruncate(self._file, kept * _BLOCK)
        return bytes(head[size:])

    def _wrong(self, how: str) -> Corrupt:
        return Corrupt(f"{self._path} cannot be put together: it {how}", next_step=ADVICE)
