"""Events of MongoDB's change stream: which can be replayed, and those put together again that came in fragments.

What a restore does with each kind is `engines.mongo.replay`; what is not listed here ends the log, since a copy that
left it out would be of no state that ever was. https://www.mongodb.com/docs/manual/reference/change-events/"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recovery.copies.log_times import place

DATA = frozenset({"insert", "replace", "update", "delete"})
_SHAPES = frozenset({"create", "createIndexes", "drop", "dropDatabase", "dropIndexes", "rename"})
INVALIDATE = "invalidate"
"""The stream ends after it; it is gone on with behind."""
IMAGES = "changeStreamPreAndPostImages"
_WITH_DOCUMENT = ("insert", "replace", "update")


@dataclass(frozen=True, slots=True)
class Change:
    """What is known of an event without what it carries. `why`: why it cannot be replayed, empty when it can."""

    kind: str
    time: int
    why: str = ""


class Fragments:
    """Takes events as the stream sends them. An event above 16 MB comes in several, one after another."""

    def __init__(self) -> None:
        self._seen: dict[str, Any] = {}
        self._next = 0

    @property
    def within(self) -> bool:
        """Whether an event has begun that has not ended."""
        return self._next > 0

    def take(self, event: Mapping[str, Any]) -> Change | None:
        """What the event is that ends with this one; None when it goes on. One that lacks a fragment cannot be
        replayed."""
        number, count = part_of(event)
        if count == 1 and not self._next:
            return change_of(event)
        if number != self._next + 1:
            time = time_of(self._seen) or time_of(event) or 0
            self._seen, self._next = {}, 0
            return Change("", time, f"fragment {number} of {count} of an event came without what is before it")
        self._seen |= {key: _small(value) for key, value in event.items()}
        self._next = number
        if number < count:
            return None
        whole, self._seen, self._next = self._seen, {}, 0
        return change_of(whole)


def part_of(event: Mapping[str, Any]) -> tuple[int, int]:
    """Which fragment of how many."""
    split = event.get("splitEvent")
    return (int(split["fragment"]), int(split["of"])) if split else (1, 1)


def time_of(event: Mapping[str, Any]) -> int | None:
    """Its cluster time as one number; only the first of several fragments has it."""
    time = event.get("clusterTime")
    return place(time.time, time.inc) if time is not None else None


def change_of(event: Mapping[str, Any]) -> Change:
    """What a whole event is."""
    kind, time = str(event.get("operationType")), time_of(event)
    if time is None:
        return Change(kind, 0, f"an event of kind {kind} came without its cluster time")
    return Change(kind, time, _why(kind, event))


def _why(kind: str, event: Mapping[str, Any]) -> str:
    described = event.get("operationDescription") or {}
    name = (event.get("ns") or {}).get("coll", "")
    if kind in DATA:
        if kind in _WITH_DOCUMENT and event.get("fullDocument") is None:
            return f"the post-image of an update in {name!r} has expired or was never kept"
        return ""
    if kind == "create" and (event.get("nsType") == "timeseries" or "timeseries" in described):
        return f"{name!r} became a time series, whose changes are in no change stream"
    if kind == "rename" and (event.get("to") or {}).get("db") != (event.get("ns") or {}).get("db"):
        return f"{name!r} was renamed into another database"
    if kind == "modify" and set(described) != {IMAGES}:
        return f"{name!r} was modified (collMod), which a change stream does not tell in full"
    if kind in _SHAPES or kind in ("modify", INVALIDATE):
        return ""
    return f"{name!r} saw an event of kind {kind}, which is not replayed"


def _small(value: Any) -> Any:
    """What is judged by, without what takes memory."""
    raw = getattr(value, "raw", None)
    return True if raw is not None and len(raw) > 64 * 1024 else value
