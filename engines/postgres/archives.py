"""What a full consists of, read back: which objects belong together, their bytes checked, and the files of a tar."""

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath

from engines.postgres.base_backup_client import DATA_DIRECTORY, MANIFEST
from engines.streams import ADVICE, ahead, checked, decompressed
from recovery.copies.manifest import Manifest, Part
from recovery.errors import Corrupt, Refused
from recovery.ports.buckets import ObjectStore

_OBJECT = re.compile(r"(.+)\.zst(?:\.\d{4,})?")
_BLOCK = 512  # of a tar: https://www.gnu.org/software/tar/manual/html_node/Standard.html


@dataclass(frozen=True)
class Series:
    """The objects that are one stream: an archive or PostgreSQL's manifest. `tablespace` is its oid."""

    name: str
    parts: tuple[Part, ...]
    tablespace: int | None = None

    @property
    def key(self) -> str:
        """Of the first object, which stands for all in messages."""
        return self.parts[0].key


@dataclass(frozen=True)
class Contents:
    """All of a full: `archives` in the order in which they were written, the data directory last."""

    archives: tuple[Series, ...]
    manifest: Series


def contents(manifest: Manifest) -> Contents:
    """Raises Refused for a backup of another layout, Corrupt when an archive is missing or stands for nothing."""
    found: dict[str, list[Part]] = {}
    for part in manifest.parts:
        name = _OBJECT.fullmatch(part.key.rpartition("/")[2])
        found.setdefault(name[1] if name else part.key, []).append(part)
    if list(found) == [DATA_DIRECTORY]:
        raise Refused(
            f"{manifest.id} was made by an earlier release of `dr`, by pg_basebackup, and is not read any more",
            next_step="make a new one: `dr backup postgres full`; by hand: zstd -dc base.tar.zst | tar x",
        )
    oids = {f"{each.oid}.tar": each.oid for each in manifest.tablespaces}
    wanted = {*oids, DATA_DIRECTORY, MANIFEST}
    if set(found) != wanted:
        raise Corrupt(
            f"{manifest.id} holds {', '.join(sorted(found))}, its manifest's tablespaces ask for "
            f"{', '.join(sorted(wanted))}",
            next_step=ADVICE,
        )
    every = {name: Series(name, tuple(parts), oids.get(name)) for name, parts in found.items()}
    return Contents(
        archives=tuple(every[name] for name in (*oids, DATA_DIRECTORY)),
        manifest=every[MANIFEST],
    )


def raw(store: ObjectStore, series: Series) -> Iterator[bytes]:
    """The stream as the server sent it. Raises Corrupt when an object is not what the manifest promises."""
    promised, count = sum(part.raw_bytes for part in series.parts), 0
    for chunk in decompressed(ahead(_stored(store, series)), series.key):
        count += len(chunk)
        if count > promised:
            raise Corrupt(f"{series.key} unpacks to more than its manifest's {promised:,} bytes", next_step=ADVICE)
        yield chunk
    if count < promised:
        raise Corrupt(
            f"{series.key} unpacks to {count:,} bytes, its manifest says {promised:,}",
            next_step=ADVICE,
        )


def _stored(store: ObjectStore, series: Series) -> Iterator[bytes]:
    for part in series.parts:
        yield from checked(store.stream(part.key), key=part.key, size=part.bytes, sha256=part.sha256)


@dataclass(frozen=True)
class Member:
    """A file or folder of an archive. All of `content` has to be read before the next member comes."""

    name: str
    size: int
    is_file: bool
    content: Iterator[bytes]


def members(chunks: Iterator[bytes], key: str) -> Iterator[Member]:
    """The members of a tar as PostgreSQL writes it: plain files and folders with plain headers.

    Raises Corrupt naming `key` for anything else: a link, a name that leaves the folder (fault 49), an end too early.
    """
    source = _Source(chunks, key)
    while (header := source.exactly(_BLOCK)) != bytes(_BLOCK):
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise Corrupt(f"{key} cannot be unpacked: {error}", next_step=ADVICE) from None
        _require_plain(info, key)
        yield Member(info.name, info.size, info.isfile(), source.pieces(info.size))
        source.exactly(-info.size % _BLOCK)
    if source.goes_on():
        raise Corrupt(f"{key} goes on after its end", next_step=ADVICE)


class _Source:
    """Chunks, read in other portions."""

    def __init__(self, chunks: Iterator[bytes], key: str) -> None:
        self._chunks, self._key = chunks, key
        self._chunk, self._at = b"", 0

    def pieces(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes."""
        while size:
            if self._at == len(self._chunk):
                following = next(self._chunks, None)
                if following is None:
                    raise Corrupt(f"{self._key} cannot be unpacked: it ends too early", next_step=ADVICE)
                self._chunk, self._at = following, 0
            piece = self._chunk[self._at : self._at + size]  # a whole chunk is not copied
            self._at += len(piece)
            size -= len(piece)
            yield piece

    def goes_on(self) -> bool:
        """Whether anything but zero bytes is left."""
        return any(chunk.strip(b"\0") for chunk in chain([self._chunk[self._at :]], self._chunks))

    def exactly(self, size: int) -> bytes:
        """The next `size` bytes at once."""
        return b"".join(self.pieces(size))


def _require_plain(member: tarfile.TarInfo, key: str) -> None:
    path = PurePosixPath(member.name)
    if not (member.isfile() or member.isdir()) or path.is_absolute() or ".." in path.parts:
        raise Corrupt(
            f"{key} contains {member.name!r}, which is no plain file or folder below the data directory",
            next_step=ADVICE,
        )
