"""What one object of MongoDB's log holds: zstd frames, each of a header, events as the server sent them, and a trailer.

All are BSON documents, one after another, so `zstd -d` and bsondump show them. A range is one frame, a segment the
frames of its ranges unchanged. Header: `dr`, `format`, `epoch`, `source`, `start`, `token`. Trailer: `dr`, `end`,
`token`, `count`, `sha256` of all that is before it in the frame. `token` resumes the change stream at `start` and at
`end`.
"""

import hashlib
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import TYPE_CHECKING, Any

from engines.compression import zstd
from recovery.copies.log_times import parts, place, shown
from recovery.copies.mongo_log import Line, Piece
from recovery.errors import Corrupt

if TYPE_CHECKING:
    from bson.raw_bson import RawBSONDocument

_BEGIN, _END, _FORMAT = "log", "end", 1
_LEVEL = 1
_AT_A_TIME = 1024 * 1024  # of what is unpacked, in memory
_SLICE = 64 * 1024
_LENGTH = Struct("<i")
_SMALLEST, _LARGEST = 5, 64 * 1024 * 1024
_ADVICE = "compare this object's versions to see who changed it; a dump that is newer needs it no more"


class Frame:
    """One that is being written: of `line`, from `start` on, where `token` resumes the stream."""

    def __init__(self, line: Line, start: int, token: bytes) -> None:
        from bson import encode

        options: dict[int, int] = {
            zstd.CompressionParameter.compression_level: _LEVEL,
            zstd.CompressionParameter.checksum_flag: 1,
        }
        self.line, self.start, self.count, self.raw_bytes, self.packed_bytes = line, start, 0, 0, 0
        self._compressor, self._sha256, self._chunks = (
            zstd.ZstdCompressor(options=options),
            hashlib.sha256(),
            list[bytes](),
        )
        header = {
            "dr": _BEGIN,
            "format": _FORMAT,
            "epoch": line.epoch,
            "source": line.source,
            "start": _timestamp(start),
        }
        self._add(encode(header | {"token": _document(token)}))

    def add(self, event: bytes | memoryview) -> None:
        """An event as the server sent it."""
        self.count += 1
        self._add(event)

    def close(self, end: int, token: bytes) -> bytes:
        """The frame, which holds everything before `end`, where `token` resumes the stream."""
        from bson import encode

        trailer = {"dr": _END, "end": _timestamp(end), "token": _document(token), "count": self.count}
        self._keep(self._compressor.compress(encode(trailer | {"sha256": self._sha256.hexdigest()})))
        self._keep(self._compressor.flush())
        return b"".join(self._chunks)

    def _add(self, document: bytes | memoryview) -> None:
        self._sha256.update(document)
        self.raw_bytes += len(document)
        self._keep(self._compressor.compress(document))

    def _keep(self, chunk: bytes) -> None:
        if chunk:
            self.packed_bytes += len(chunk)
            self._chunks.append(chunk)


class PieceReader:
    """Reads one object; `token` is the last trailer's once all of it has been read."""

    def __init__(self, piece: Piece, chunks: Iterable[bytes]) -> None:
        self.token = b""
        self._piece, self._chunks = piece, chunks

    def events(self) -> Iterator["RawBSONDocument"]:
        """Every event, in order. Raises Corrupt for whatever is not as its name, header and trailer say; what came
        before that may be right, and is not known to be."""
        position = self._piece.start
        for documents in _frames(self._piece, self._chunks):
            position = yield from self._frame(documents, position)
        if position != self._piece.end:
            raise self._corrupt(f"it ends at {shown(position)}, its name says {shown(self._piece.end)}")

    def _frame(self, documents: Iterator[bytes], position: int) -> Iterator["RawBSONDocument"]:
        """Of one frame, which has to begin at `position`; returns where it ends."""
        from bson.raw_bson import RawBSONDocument

        sha256, count, before = hashlib.sha256(), 0, b""
        for document in documents:
            if not before:
                self._require_header(_decoded(self._piece, document), position)
            elif count:
                yield RawBSONDocument(before)
            if before:
                sha256.update(before)
                count += 1
            before = document
        trailer = _decoded(self._piece, before) if before else {}
        if trailer.get("dr") != _END:
            raise self._corrupt("one of its frames has no end")
        if trailer.get("count") != count - 1 or trailer.get("sha256") != sha256.hexdigest():
            raise self._corrupt("what is in it is not what was written")
        self.token = _encoded(trailer["token"])
        return _position(trailer["end"])

    def _require_header(self, header: dict[str, Any], position: int) -> None:
        line = self._piece.line
        if header.get("dr") != _BEGIN or header.get("format") != _FORMAT:
            raise self._corrupt("it does not begin as a piece of the log does")
        if (header.get("epoch"), header.get("source")) != (line.epoch, line.source):
            raise self._corrupt(f"it says that it is of epoch {header.get('epoch')} and server {header.get('source')}")
        if _position(header["start"]) != position:
            raise self._corrupt(f"it goes on at {shown(_position(header['start']))} instead of {shown(position)}")

    def _corrupt(self, what: str) -> Corrupt:
        return Corrupt(f"{self._piece.key}: {what}", next_step=_ADVICE)


def read_through(piece: Piece, chunks: Iterable[bytes]) -> bytes:
    """Check all of it and return the token at its end. Raises Corrupt."""
    reader = PieceReader(piece, chunks)
    for _ in reader.events():
        pass
    return reader.token


def _frames(piece: Piece, chunks: Iterable[bytes]) -> Iterator[Iterator[bytes]]:
    """The documents of each zstd frame; one has to be read to its end before the next."""
    source, left = _slices(chunks), b""

    def plain() -> Iterator[bytes]:
        nonlocal left
        decompressor = zstd.ZstdDecompressor()
        while not decompressor.eof:
            chunk = left or next(source, b"")
            left = b""
            if not chunk:
                raise Corrupt(f"{piece.key} is cut off", next_step=_ADVICE)
            try:
                yield decompressor.decompress(chunk, _AT_A_TIME)
                while not decompressor.eof and not decompressor.needs_input:
                    yield decompressor.decompress(b"", _AT_A_TIME)
            except zstd.ZstdError as error:
                raise Corrupt(f"{piece.key} cannot be unpacked: {error}", next_step=_ADVICE) from None
        left = decompressor.unused_data

    while True:
        if not left:
            left = next(source, b"")
        if not left:
            return
        yield _documents(piece, plain())


def _slices(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What is left of one where a frame ends is copied: with hundreds of small frames that has to be little."""
    for chunk in chunks:
        for at in range(0, len(chunk), _SLICE):
            yield chunk[at : at + _SLICE]


def _documents(piece: Piece, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut between BSON documents."""
    left = b""
    for chunk in chunks:
        body, at = left + chunk if left else chunk, 0
        while len(body) - at >= _SMALLEST:
            (length,) = _LENGTH.unpack_from(body, at)
            if not _SMALLEST <= length <= _LARGEST:
                raise Corrupt(f"{piece.key} holds a document of {length:,} bytes", next_step=_ADVICE)
            if len(body) - at < length:
                break
            yield body[at : at + length]
            at += length
        left = body[at:]
    if left:
        raise Corrupt(f"{piece.key} ends within a document", next_step=_ADVICE)


def _decoded(piece: Piece, document: bytes) -> dict[str, Any]:
    from bson import decode
    from bson.errors import BSONError

    try:
        return decode(document)
    except (BSONError, ValueError) as error:
        raise Corrupt(f"{piece.key} holds what is no BSON: {error}", next_step=_ADVICE) from None


def _timestamp(position: int) -> Any:
    from bson import Timestamp

    return Timestamp(*parts(position))


def _position(timestamp: Any) -> int:
    return place(timestamp.time, timestamp.inc)


def _document(token: bytes) -> Any:
    from bson.raw_bson import RawBSONDocument

    return RawBSONDocument(token)


def _encoded(token: Any) -> bytes:
    from bson import encode

    return encode(token)
