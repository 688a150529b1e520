"""MongoDB's log in a bucket, as its writer needs it: where it ends, one more range, ranges put together, gaps,
position.

A range is written within seconds and not locked; an hour's, or 4 MiB of them, become one locked segment: written, read
back, the position moved, and only then are the ranges hidden, a few at a time. A process that is killed in between
leaves both, which hold the same.
"""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engines.log_store import move, newest_of, positions_of, put_again, put_locked
from engines.mongo.log_pieces import read_through
from recovery.copies.log_times import shown, written
from recovery.copies.mongo_log import GAPS, PREFIX, RANGES, SEGMENTS, Covered, Gap, Line, Piece, parse_key
from recovery.copies.mongo_log_position import POSITIONS, MongoLogPosition
from recovery.copies.stretches import Run
from recovery.errors import Corrupt
from recovery.ports.buckets import LogBucket, ObjectStore, StoredObject

LONGEST_UNLOCKED = timedelta(hours=1)
_SEGMENT_BYTES = 4 * 1024 * 1024  # as they are stored; they are held in memory until then
_HIDDEN_AT_ONCE = 20


@dataclass
class _Waiting:
    """Ranges that are to become one segment, with what they hold, the oldest since `since`."""

    pieces: list[Piece] = field(default_factory=list[Piece])
    bodies: list[bytes] = field(default_factory=list[bytes])
    size: int = 0
    since: datetime | None = None

    def add(self, piece: Piece, body: bytes, at: datetime) -> None:
        self.pieces.append(piece)
        self.bodies.append(body)
        self.size += len(body)
        self.since = self.since or at


class LogWriter:
    """Writes one line; `position` is where its log is, None before it has begun."""

    def __init__(self, store: LogBucket, line: Line, lock: timedelta, clock: Callable[[], datetime]) -> None:
        self.position: MongoLogPosition | None = None
        self.missing: Run | None = None
        """Of what was stored before, after `find`: what is not in the bucket any more."""
        self._store, self._line, self._lock, self._clock = store, line, lock, clock
        self._waiting, self._served = _Waiting(), deque[Piece]()

    @property
    def known(self) -> MongoLogPosition:
        """The position of a log that has begun. The next range begins at its `end`."""
        assert self.position is not None  # noqa: S101  (`find` or `begin` comes first)
        return self.position

    def find(self) -> MongoLogPosition | None:
        """Look where the bucket's log ends; what a killed process left in ranges is taken up again. None when there is
        none of this line. Raises Corrupt for a range that is damaged: where to go on is in there."""
        known = next((each for each in positions(self._store) if each.line == self._line), None)
        known = known or self._without_position()
        if known is None:
            return None
        ranges = pieces_of(self._store, self._line, RANGES)
        self._served = deque(each for each in ranges if each.end <= known.whole)
        at = known.whole
        for piece in (each for each in ranges if each.end > known.whole):
            if piece.start != at:
                continue
            body, at = _body(self._store, piece), piece.end
            token = read_through(piece, [body])
            self._waiting.add(piece, body, self._clock())
            if at > known.end:
                known = known.model_copy(update={"end": at, "reach": at, "token": token.hex()})
        self.position = known
        self.missing = Run(at, known.end) if at < known.end else None
        return known

    def begin(self, at: int, token: bytes) -> None:
        """The line's log begins at `at`, or begins anew there."""
        self.close_segment()
        self._move(self._made(start=at, whole=at, end=at, reach=at, token=token.hex()))

    def put(self, end: int, token: bytes, body: bytes) -> None:
        """Store everything up to `end`, and move on to there. Raises OtherBytes, LeaseRefused, Unreachable, Refused."""
        piece = Piece(self._line, self.known.end, end)
        put_again(self._store, piece.key, body, lambda found: found == body)
        self._waiting.add(piece, body, self._clock())
        self.position = self.known.model_copy(update={"end": end, "reach": end, "token": token.hex()})

    def still(self, reach: int, token: bytes) -> None:
        """Nothing has changed before `reach`: `token` is younger than what was stored."""
        self._move(self.known.model_copy(update={"reach": reach, "token": token.hex(), "at": self._clock()}))

    def tidy(self) -> None:
        """A little of what is not urgent: put ranges together when it is time, hide some that are in a segment."""
        waiting = self._waiting
        old = waiting.since is not None and self._clock() - waiting.since >= LONGEST_UNLOCKED
        if waiting.size >= _SEGMENT_BYTES or old:
            self.close_segment()
        for _ in range(min(_HIDDEN_AT_ONCE, len(self._served))):
            self._store.hide(self._served[0].key)
            self._served.popleft()

    def close_segment(self) -> None:
        """Put together what there is in ranges. Raises Corrupt when the bucket does not give back what was written."""
        waiting = self._waiting
        if not waiting.pieces:
            return
        segment = Piece(self._line, waiting.pieces[0].start, waiting.pieces[-1].end, "segments")
        body = b"".join(waiting.bodies)
        put_locked(self._store, segment.key, body, self._clock() + self._lock)
        if _body(self._store, segment) != body:
            raise Corrupt(f"{segment.key} is not what was written", next_step="look who else writes into the bucket")
        self._move(self.known.model_copy(update={"whole": segment.end, "at": self._clock()}))
        self._served += waiting.pieces
        self._waiting = _Waiting()

    def put_gap(self, start: int, end: int, why: str) -> None:
        """Record changes that are in no copy, or cannot be replayed."""
        gap, now = Gap(self._line, start, end), self._clock()
        content = {
            "start": written(start), "end": written(end), "why": why, "at": now.isoformat()
        }  # fmt: skip
        if self._store.get(gap.key) is None:
            body = json.dumps(content, indent=1).encode() + b"\n"
            self._store.put_once(gap.key, body, retain_until=now + self._lock)

    def _move(self, position: MongoLogPosition) -> None:
        move(self._store, position, POSITIONS, f"{shown(position.reach)} in epoch {position.epoch}")
        self.position = position

    def _without_position(self) -> MongoLogPosition | None:
        """By the line's last segment or its first range; None when there is none."""
        segments = pieces_of(self._store, self._line, SEGMENTS)
        if segments:
            last = max(segments, key=lambda each: each.end)
            token = read_through(last, [_body(self._store, last)])
            start = min(each.start for each in segments)
            return self._made(start=start, whole=last.end, end=last.end, reach=last.end, token=token.hex())
        ranges = pieces_of(self._store, self._line, RANGES)
        if not ranges:
            return None
        start = min(each.start for each in ranges)
        return self._made(
            start=start, whole=start, end=start, reach=start, token=""
        )  # the first range's takes its place

    def _made(self, *, start: int, whole: int, end: int, reach: int, token: str) -> MongoLogPosition:
        line = self._line
        return MongoLogPosition(
            epoch=line.epoch, source=line.source, start=start, whole=whole, end=end, reach=reach, token=token,
            at=self._clock(),
        )  # fmt: skip


def _body(store: ObjectStore, piece: Piece) -> bytes:
    found = store.get(piece.key)
    if found is None:
        raise Corrupt(f"{piece.key} has gone from bucket {store.bucket}", next_step="see who deletes the log")
    return found[0]


def pieces_of(store: ObjectStore, line: Line, part: str, after: str = "") -> list[Piece]:
    """Of a line, those below `part`, RANGES or SEGMENTS."""
    found = (parse_key(item.key) for item in store.list(line.folder(part), after=after))
    return [each for each in found if isinstance(each, Piece)]


def gaps(store: ObjectStore) -> list[Gap]:
    """Every recorded gap."""
    return [found for item in store.list(GAPS) if isinstance(found := parse_key(item.key), Gap)]


def positions(store: ObjectStore) -> list[MongoLogPosition]:
    """The log's position in every epoch, the newest last. Raises Corrupt."""
    return [*positions_of(store, POSITIONS, MongoLogPosition)]


def position_now(store: ObjectStore) -> MongoLogPosition | None:
    """The newest; None before there is any. Raises Corrupt."""
    return newest_of(store, POSITIONS, MongoLogPosition)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What a listing of the log amounts to: each line, and the object of each piece by its key."""

    lines: tuple[Covered, ...]
    objects: Mapping[str, StoredObject]


def listed(store: ObjectStore) -> Listed:
    """All of it. Raises Corrupt."""
    known = {each.line: each for each in positions(store)}  # before the listing, so that none is ahead of it
    pieces: dict[Line, list[Piece]] = {line: [] for line in known}
    lost: list[Gap] = []
    objects: dict[str, StoredObject] = {}
    for item in store.list(PREFIX):
        match parse_key(item.key):
            case Piece() as piece:
                pieces.setdefault(piece.line, []).append(piece)
                objects[item.key] = item
            case Gap() as gap:
                lost.append(gap)
            case _:
                pass
    return Listed(
        lines=tuple(
            Covered(
                line=line,
                pieces=mine,
                gaps=[each for each in lost if each.line == line],
                still=known[line].still if line in known else None,
            )
            for line, mine in sorted(pieces.items())
        ),
        objects=objects,
    )
