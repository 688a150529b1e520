"""The files of a copy's archive, one after another."""

import io
import tarfile
from collections.abc import Iterable, Iterator
from typing import Any, cast

from engines.streams import ADVICE
from recovery.errors import Corrupt

_PIECE = 64 * 1024


def entries_of(chunks: Iterable[bytes], key: str) -> Iterator[tuple[tarfile.TarInfo, Iterator[bytes]]]:
    """Each with its content, which is to be read before the next; all of `chunks` is read in the end. Raises Corrupt
    naming `key`."""
    source = _File(chunks)
    try:
        with tarfile.open(fileobj=cast("Any", source), mode="r|") as archive:
            for entry in archive:
                yield entry, _content(archive, entry)
    except tarfile.TarError as error:
        raise Corrupt(f"{key} is no archive: {error}", next_step=ADVICE) from None
    for _ in source.rest():
        pass


def _content(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Iterator[bytes]:
    file = archive.extractfile(entry) if entry.isreg() else None
    while file is not None and (piece := file.read(_PIECE)):
        yield piece


class _File(io.RawIOBase):
    """Chunks as tarfile reads them."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._waiting = iter(chunks), b""

    def read(self, size: int = -1) -> bytes:
        """As many bytes, fewer at the end."""
        while len(self._waiting) < size and (piece := next(self._chunks, None)) is not None:
            self._waiting += piece
        found, self._waiting = self._waiting[:size], self._waiting[size:]
        return found

    def rest(self) -> Iterator[bytes]:
        """What nobody has read."""
        return self._chunks
