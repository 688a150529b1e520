"""The log, replayed onto a restored database: whatever was done to a document becomes what it was after that.

Inserts, updates and replacements are one thing, a replacement by `_id` that makes what is not there, so replaying twice
changes nothing. Between two changes of a collection's shape only the last change of each document counts, and the order
of documents does not matter; they are written many at a time and several batches at once. Indexes come last.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engines.mongo.held_indexes import HeldIndexes
from engines.mongo.log_events import DATA, IMAGES, INVALIDATE
from engines.mongo.log_reader import Event
from recovery.errors import Failed

if TYPE_CHECKING:
    from pymongo.database import Database

_WRITERS = 4
_BATCH, _BATCH_BYTES = 2000, 8 * 1024 * 1024
"""Of one command; the server takes 100,000 and 48 MB."""
_PENDING, _PENDING_BYTES = 20_000, 24 * 1024 * 1024
_NOT_FOUND, _EXISTS, _NO_INDEX, _DUPLICATE = 26, 48, 27, 11000
_ANY_DOCUMENT: Mapping[str, Any] = {"ordered": False, "bypassDocumentValidation": True}
"""It was taken once, by whatever rule there was then."""
_MADE_BY_ITSELF = ("idIndex",)
_EXPIRY = "expireAfterSeconds"


@dataclass(slots=True)
class _Becomes:
    """What a document is to be, None where it goes. `fresh`: it was not there before, unless this is replayed again."""

    identity: Any
    document: Any
    fresh: bool

    @property
    def size(self) -> int:
        return 0 if self.document is None else len(self.document.raw)


class Replay:
    """Onto `database`, of which `held` are the indexes that are not built yet. `replayed`: how many changes were.
    `keep`: collections of ours there, which outlive a drop of the database."""

    def __init__(self, database: "Database[Any]", held: HeldIndexes, *, keep: Sequence[str] = ()) -> None:
        self.replayed = 0
        self._database, self._held, self._keep = database, held, keep
        self._pending: dict[str, dict[bytes, _Becomes]] = {}
        self._count = self._bytes = 0
        self._capped = {
            each["name"] for each in database.list_collections() if (each.get("options") or {}).get("capped")
        }
        self._writers = ThreadPoolExecutor(_WRITERS, thread_name_prefix="replay")

    def apply(self, events: Iterable[Event], *, done: Callable[[int], None] = lambda _: None) -> None:
        """All of them. `done` hears of the cluster time behind every change that is written, now and then and before
        and after each change of shape. Raises Failed when the server does not take one."""
        last = 0
        for event in events:
            if event.kind in DATA:
                self._note(event)
                if self._count >= _PENDING or self._bytes >= _PENDING_BYTES:
                    self.flush()
                    done(event.time)
            elif event.kind != INVALIDATE:
                self.flush()
                done(event.time)
                self._shape(event)
                done(event.time + 1)
            last = event.time
            self.replayed += 1
        self.flush()
        if last:
            done(last + 1)

    def close(self) -> None:
        """Give up what is not written."""
        self._writers.shutdown(cancel_futures=True)

    def _note(self, event: Event) -> None:
        identity, key = event.content["documentKey"], bytes(event.content["documentKey"].raw)
        if event.collection in self._capped and key in self._pending.get(event.collection, ()):
            self.flush()  # they lie in the order in which they came
        pending = self._pending.setdefault(event.collection, {})
        before = pending.get(key)
        document = None if event.kind == "delete" else event.content["fullDocument"]
        fresh = before.fresh if before else event.kind == "insert"
        pending[key] = after = _Becomes(identity, document, fresh)
        self._count += before is None
        self._bytes += after.size

    def flush(self) -> None:
        """Write everything that was noted. Raises Failed."""
        pending, self._pending = self._pending, {}
        self._count = self._bytes = 0
        writing: list[Future[None]] = []
        for name, each in pending.items():
            batches = _batches(each.values())
            if name in self._capped:
                for batch in batches:
                    self._write(name, batch)
            else:
                writing += [self._writers.submit(self._write, name, batch) for batch in batches]
        for future in writing:
            future.result()

    def _write(self, name: str, batch: Sequence[_Becomes]) -> None:
        """What was not there is inserted, which costs a server less than to look for it first."""
        fresh = [each for each in batch if each.fresh and each.document is not None]
        others = [each for each in batch if not each.fresh and each.document is not None]
        gone = [each.identity for each in batch if each.document is None]
        if fresh:
            others += self._insert(name, fresh)
        if others:
            updates = [{"q": each.identity, "u": each.document, "upsert": True} for each in others]
            self._require(self._command({"update": name, "updates": updates, **_ANY_DOCUMENT}), name)
        if gone:
            deletes = [{"q": each, "limit": 1} for each in gone]
            self._require(self._command({"delete": name, "deletes": deletes, "ordered": False}), name)

    def _insert(self, name: str, fresh: Sequence[_Becomes]) -> list[_Becomes]:
        """Those that were there already, since this is not the first time."""
        command = {"insert": name, "documents": [each.document for each in fresh], **_ANY_DOCUMENT}
        wrong = self._command(command).get("writeErrors", ())
        self._require({"writeErrors": [each for each in wrong if each.get("code") != _DUPLICATE]}, name)
        return [fresh[each["index"]] for each in wrong]

    def _command(self, command: Mapping[str, Any], *, allowed: Sequence[int] = ()) -> Mapping[str, Any]:
        from pymongo.errors import OperationFailure

        try:
            return self._database.command(dict(command))
        except OperationFailure as error:
            if error.code in allowed:
                return {}
            raise

    def _require(self, answer: Mapping[str, Any], name: str) -> None:
        """Raises Failed for what the server did not take."""
        if errors := answer.get("writeErrors"):
            raise Failed(
                f"the server does not take a change of {name!r}: {errors[0].get('errmsg')}",
                next_step="see what stands in its way there; the restored database is not of the moment asked for",
            )

    def _shape(self, event: Event) -> None:
        name, described = event.collection, _plain(event.content.get("operationDescription"))
        match event.kind:
            case "create":
                self._create(name, described)
            case "drop":
                self._held.drop_collection(name)
                self._capped.discard(name)
                self._command({"drop": name}, allowed=[_NOT_FOUND])
            case "rename":
                self._rename(name, str(event.content["to"]["coll"]))
            case "dropDatabase":
                self._held.clear()
                self._capped.clear()
                for name in self._database.list_collection_names():
                    if name not in self._keep and not name.startswith("system."):
                        self._command({"drop": name}, allowed=[_NOT_FOUND])
            case "createIndexes":
                self._held.add(name, described["indexes"])
            case "dropIndexes":
                for spec in described["indexes"]:
                    self._held.drop(name, spec["name"])
                    command = {"dropIndexes": name, "index": spec["name"]}
                    self._command(command, allowed=[_NOT_FOUND, _NO_INDEX])
            case "modify":
                self._command({"collMod": name, IMAGES: described[IMAGES]}, allowed=[_NOT_FOUND])
            case _:
                raise Failed(f"nobody knows how to replay {event.kind}")

    def _create(self, name: str, described: Mapping[str, Any]) -> None:
        options = {key: value for key, value in described.items() if key not in _MADE_BY_ITSELF}
        if "viewPipeline" in options:  # as the stand-in of the tests calls it
            options["pipeline"] = options.pop("viewPipeline")
        self._held.add(name, (), options.pop(_EXPIRY, None))
        self._command({"create": name, **options}, allowed=[_EXISTS])
        if options.get("capped"):
            self._capped.add(name)

    def _rename(self, name: str, to: str) -> None:
        """Where it was done already there is nothing of the old name."""
        from pymongo.errors import OperationFailure

        own = self._database.name
        command = {"renameCollection": f"{own}.{name}", "to": f"{own}.{to}", "dropTarget": True}
        try:
            self._database.client.admin.command(command)
        except OperationFailure as error:
            if error.code != _NOT_FOUND:
                raise
        self._held.rename(name, to)
        self._capped.discard(to)
        if name in self._capped:
            self._capped.remove(name)
            self._capped.add(to)


def _batches(changes: Iterable[_Becomes]) -> Iterator[list[_Becomes]]:
    batch, size = list[_Becomes](), 0
    for change in changes:
        if batch and (len(batch) == _BATCH or size + change.size > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(change)
        size += change.size
    if batch:
        yield batch


def _plain(described: Any) -> dict[str, Any]:
    """What describes a change of shape, as the server takes it back: numbers keep their type."""
    if described is None:
        return {}
    from bson import decode
    from bson.codec_options import CodecOptions, DatetimeConversion

    exact = CodecOptions(document_class=dict[str, Any], datetime_conversion=DatetimeConversion.DATETIME_MS)
    return decode(described.raw, codec_options=exact)
