"""What is made when the log has been replayed: an index that forbids documents would stand in the way of some that come
in another order than they were written in, and whatever ends documents would end some that the log still needs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Spec = Mapping[str, Any]


class HeldIndexes:
    """By collection: indexes by their names, and after how many seconds its documents expire by its own options."""

    def __init__(self) -> None:
        self._indexes: dict[str, dict[str, Spec]] = {}
        self._expiry: dict[str, int] = {}

    def add(self, collection: str, specs: Sequence[Spec], expiry: int | None = None) -> None:
        """More of a collection; one of the same name takes the other's place."""
        self._indexes.setdefault(collection, {}).update({str(each["name"]): each for each in specs})
        if expiry is not None:
            self._expiry[collection] = expiry

    def drop(self, collection: str, name: str) -> None:
        """It was dropped before it was made."""
        self._indexes.get(collection, {}).pop(name, None)

    def drop_collection(self, collection: str) -> None:
        """With all of its own."""
        self._indexes.pop(collection, None)
        self._expiry.pop(collection, None)

    def rename(self, collection: str, to: str) -> None:
        """They go with it."""
        self.drop_collection(to)
        if collection in self._indexes:
            self._indexes[to] = self._indexes.pop(collection)
        if collection in self._expiry:
            self._expiry[to] = self._expiry.pop(collection)

    def clear(self) -> None:
        """The database was dropped."""
        self._indexes.clear()
        self._expiry.clear()

    def __iter__(self) -> Iterator[tuple[str, list[Spec], int | None]]:
        """Each collection with its own."""
        for collection in sorted({*self._indexes, *self._expiry}):
            yield collection, list(self._indexes.get(collection, {}).values()), self._expiry.get(collection)
