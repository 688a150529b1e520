"""PostgreSQL's log as a bucket has it, read: what there is, and any file of it by PostgreSQL's own name."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from engines.compression import zstd
from engines.postgres.wal_bucket import segment_bytes_of
from recovery.copies.log import (
    RANGES,
    SEGMENT_BYTES,
    SEGMENTS,
    Held,
    History,
    Line,
    Piece,
    Range,
    Segment,
    parse_history_name,
    parse_key,
    parse_wal_name,
    segment_start,
)
from recovery.copies.log_way import Log, Way
from recovery.errors import Corrupt, Failed
from recovery.lease.lease import format_lsn
from recovery.ports.buckets import ObjectStore, StoredObject

_ADVICE = "look at the object's versions to see who changed it; an older backup and log may lead there as well"


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One system's `log`, None when there is none, and its objects by key."""

    log: Log | None
    objects: Mapping[str, StoredObject] = field(default_factory=dict[str, StoredObject])


def listed(store: ObjectStore, system: str) -> Listed:
    """Everything that the bucket has of `system`'s log. Raises Unreachable, Refused."""
    pieces, histories = list[Piece](), list[History]()
    size = segment_bytes_of(store, system) or SEGMENT_BYTES
    objects: dict[str, StoredObject] = {}
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda prefix: list(store.list(prefix)), (RANGES, SEGMENTS)):
            for each in found:
                what = parse_key(each.key, size)
                if what is None or what.line.system != system:
                    continue
                objects[each.key] = each
                if isinstance(what, History):
                    histories.append(what)
                elif isinstance(what, (Range, Segment)):
                    pieces.append(what)
    texts: dict[Line, str] = {}
    for each in histories:
        body = store.get(each.key)
        if body is not None:
            texts[each.line] = body[0].decode(errors="replace")
    return Listed(log=Log.of(pieces, texts, size) if pieces or texts else None, objects=objects)


@dataclass(frozen=True, kw_only=True)
class WalArchive:
    """The log on `way`, for a backup that has everything up to `stop` in itself."""

    store: ObjectStore
    way: Way
    histories: Mapping[int, str]
    stop: int = 0

    def fetch(self, name: str) -> bytes | None:
        """A file by its name; None when the log neither has it nor goes on after it. A file that is not all there is
        filled up with zeros where the log, or its timeline, ends.

        Raises Failed for a hole, Corrupt for a damaged object, Unreachable or Refused when S3 does not give it.
        """
        history = parse_history_name(name)
        if history is not None:
            text = self.histories.get(history)
            return None if text is None else text.encode()
        try:
            _, start = parse_wal_name(name, self.way.segment_bytes)
        except ValueError:
            return None
        parts, reached, limit = self.way.parts(name)
        if reached < limit:
            if start < self.stop and not parts:
                return None  # the backup has it
            raise _hole(name, reached, limit)
        if not parts:
            if self.way.hole and start >= segment_start(self.way.end, self.way.segment_bytes):
                raise _hole(name, self.way.hole.start, self.way.hole.end)
            return None
        if reached == self.way.end and self.way.hole and reached < start + self.way.segment_bytes:
            raise _hole(name, self.way.hole.start, self.way.hole.end)
        body = b"".join(self._read(each) for each in parts)
        return body + bytes(self.way.segment_bytes - len(body))

    def read(self, start: int, end: int) -> bytes:
        """The log between two positions, as far as it goes without a hole. Raises as `fetch` does."""
        held = self.way.until(end).between(start, end)
        return b"".join(
            self._read(Held(each.piece, max(start, each.start), min(end, each.end)))
            for each in held
            if each.end > start
        )

    def _read(self, held: Held) -> bytes:
        piece = held.piece
        stored = self.store.get(piece.key)
        if stored is None and isinstance(piece, Range):  # since it was listed, its segment has taken its place
            size = self.way.segment_bytes
            start = segment_start(piece.start, size)
            piece = Segment(piece.line, start, start + size)
            stored = self.store.get(piece.key)
        if stored is None:
            raise Corrupt(f"{held.piece.key} is missing from bucket {self.store.bucket}", next_step=_ADVICE)
        raw = decompressed(stored[0], piece)
        return raw[held.start - piece.start : held.end - piece.start]


def decompressed(body: bytes, piece: Piece) -> bytes:
    """Exactly the bytes that the key promises. Raises Corrupt."""
    wanted = piece.end - piece.start
    decoder = zstd.ZstdDecompressor()
    try:
        raw = decoder.decompress(body, max_length=wanted + 1)
    except zstd.ZstdError as error:
        raise Corrupt(f"{piece.key} cannot be unpacked: {error}", next_step=_ADVICE) from None
    if len(raw) != wanted or not decoder.eof or decoder.unused_data:
        raise Corrupt(f"{piece.key} does not hold the {wanted:,} bytes of its name", next_step=_ADVICE)
    return raw


def _hole(name: str, start: int, end: int) -> Failed:
    return Failed(
        f"the log has a hole in {name}: {format_lsn(start)} to {format_lsn(end)} is missing",
        next_step=f"restore what is before it with --to {format_lsn(start)}, or from a backup made after it",
    )
