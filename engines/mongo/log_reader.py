"""MongoDB's log read back: every change in order, put together again where it came in fragments."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engines.mongo.log_events import change_of, part_of, time_of
from engines.mongo.log_pieces import PieceReader
from recovery.copies.log_times import shown
from recovery.copies.mongo_log import Held
from recovery.errors import Corrupt
from recovery.ports.buckets import ObjectStore

if TYPE_CHECKING:
    from bson.raw_bson import RawBSONDocument

_AHEAD = 3  # objects, of which most are 4 MiB at most


@dataclass(frozen=True, slots=True)
class Event:
    """A change, with all that the server said of it. Documents in it are as the server sent them."""

    kind: str
    time: int
    content: Mapping[str, Any]

    @property
    def collection(self) -> str:
        """Its name; empty for a change of the whole database."""
        return str((self.content.get("ns") or {}).get("coll", ""))


def events(store: ObjectStore, held: Sequence[Held]) -> Iterator[Event]:
    """Every change that `held` names, in order, each once. Raises Corrupt for what is damaged or cannot be replayed;
    what came before that is right only when its object has been read to the end, which `check` does."""
    for each, body in _bodies(store, held):
        yield from _events(each, body)


def check(store: ObjectStore, held: Sequence[Held], settled: int) -> int:
    """Read all of it, and return how many changes there are. Raises Corrupt for damage; and for a collection that was
    renamed before `settled`, while the dump was made, since nobody knows under which name that has its documents."""
    count = 0
    for event in events(store, held):
        count += 1
        if event.kind == "rename" and event.time < settled:
            raise Corrupt(
                f"{event.collection!r} was renamed at {shown(event.time)}, while the dump was made",
                next_step="restore from another dump (`dr backups`), and see that none is made during a migration",
            )
    return count


def _bodies(store: ObjectStore, held: Sequence[Held]) -> Iterator[tuple[Held, bytes]]:
    """Of each its object, some fetched ahead."""
    left, coming = deque(held), deque[tuple[Held, Future[bytes]]]()
    with ThreadPoolExecutor(_AHEAD, thread_name_prefix="log-read") as pool:
        try:
            while left or coming:
                while left and len(coming) < _AHEAD:
                    each = left.popleft()
                    coming.append((each, pool.submit(_body, store, each)))
                each, body = coming.popleft()
                yield each, body.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _body(store: ObjectStore, held: Held) -> bytes:
    return b"".join(store.stream(held.piece.key))


def _events(held: Held, body: bytes) -> Iterator[Event]:
    parts: dict[str, Any] = {}
    for document in PieceReader(held.piece, [body]).events():
        number, count = part_of(document)
        if number == 1:
            parts = {}
        if count > 1:
            parts |= document
            if number < count:
                continue
        content: Mapping[str, Any] = parts if count > 1 else document
        time = time_of(content)
        if time is None or not held.start <= time < held.end:
            continue  # of a transaction that is behind the cut, or was read from the piece before
        yield _event(held, content)


def _event(held: Held, content: "Mapping[str, Any] | RawBSONDocument") -> Event:
    change = change_of(content)
    if change.why:
        raise Corrupt(
            f"{held.piece.key} holds what cannot be replayed, at {shown(change.time)}: {change.why}",
            next_step="restore to a moment before it; this should have ended the log when it was written",
        )
    return Event(change.kind, change.time, content)
