"""A dump put into an empty deployment: checked to its last byte first, then written, in three steps of which the middle
one is somebody else's.

    fill      every collection with its options, its documents, its indexes that forbid nothing and end nothing
    (a log)   from the dump's start on; each event twice changes nothing
    finish    what was held back: unique indexes, which a half-replayed log would break, and whatever lets documents
              expire, which a server would do to what the log still needs
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from struct import Struct
from typing import TYPE_CHECKING, Any

from engines import restoring
from engines.mongo.connection import Address, connected
from engines.mongo.contents import Stored, batches
from engines.mongo.held_indexes import HeldIndexes
from engines.mongo.listing import codec
from engines.mongo.log_reader import check, events
from engines.mongo.replay import Replay
from engines.mongo.target import UNFINISHED, filling, require_target
from engines.mongo.verify import verified
from engines.streams import ahead
from engines.target import Stages
from recovery.copies.log_times import shown, written
from recovery.copies.manifest import Manifest
from recovery.copies.moments import moment_of
from recovery.copies.mongo_log_way import Choice
from recovery.errors import Failed
from recovery.ports.buckets import ObjectStore

if TYPE_CHECKING:
    from pymongo.database import Database

    Mongo = Database[dict[str, Any]]

NOT_IN_IT = (
    "users and roles: they are in no copy; make them anew before anybody but you may connect",
    "the collections' UUIDs: a change stream of before does not go on here",
)
_EXPIRY = "expireAfterSeconds"
_INSERT_BYTES, _INSERT_DOCUMENTS = 4 * 1024 * 1024, 10_000
_LENGTH = Struct("<i")
_DUPLICATE = 11000


@dataclass(frozen=True, kw_only=True)
class Restored(restoring.Restored):
    """`documents` are there, as of `moment`, which is the end of the copy's run. `replayed`: changes of the log, by
    which it is of the point `reached`; None without a log."""

    documents: int
    moment: datetime
    start: str
    stop: str
    replayed: int = 0
    reached: int | None = None

    @property
    def words(self) -> str:
        """How far it got, for people."""
        if self.reached is not None:
            return f"{self.replayed:,} changes replayed, up to {shown(self.reached)}"
        return f"{self.documents:,} documents, read between {self.start} and {self.stop}"

    def next_step(self, into: str) -> str:
        """What to do with it now."""
        if self.reached is not None:
            return f"make its users and roles (no copy has them), and compare before {into} is anybody's database"
        return (
            f"make its users and roles (no copy has them), and compare before {into} is anybody's database: documents "
            "that were written while the copy was made are of different moments, which only the log makes one"
        )

    def facts(self) -> dict[str, Any]:
        """For programs."""
        return {
            "documents": self.documents,
            "as_of": self.moment.isoformat(),
            "start_position": self.start,
            "stop_position": self.stop,
        } | ({} if self.reached is None else {"replayed": self.replayed, "reached": written(self.reached)})


def restore(
    store: ObjectStore,
    backup: Manifest,
    address: Address,
    *,
    environment: Mapping[str, str],
    log: Choice | None = None,
    heard: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Put `backup` into the empty deployment at `address`, and replay `log` onto it, without which it is of no moment.

    Raises Corrupt for a damaged copy and Refused for a target that will not do, both before it is touched; Failed when
    it cannot be filled, and then what was made there is dropped again.
    """
    stages = Stages(heard)
    with stages.stage("read and check"):
        found = verified(store, backup)
        if log:
            check(store, log.held, log.settled)
    replayed = 0
    with connected(address, answer_seconds=24 * 3600.0) as client:  # an index takes as long as it takes
        require_target(client, address, backup, environment)
        with filling(client, address, backup) as made:
            database = writable(client, backup.source.database)
            with stages.stage("documents"):
                held = fill(store, database, found, made, heard=heard)
            if log:
                with stages.stage("replay the log"):
                    replayed = _replay(store, database, log, held, made)
            with stages.stage("indexes held back"):
                finish(database, held)
    return Restored(
        files=len(backup.parts),
        bytes=backup.raw_bytes,
        seconds=stages.seconds,
        documents=sum(each.documents for each in found),
        moment=moment_of(backup),
        start=backup.start_position,
        stop=backup.stop_position,
        replayed=replayed,
        reached=log.position if log else None,
    )


def _replay(store: ObjectStore, database: "Mongo", log: Choice, held: HeldIndexes, made: list[str]) -> int:
    """How many changes were replayed; what collections it made goes into `made`, whatever happens."""
    with closing(Replay(database, held, keep=(UNFINISHED,))) as replay:
        try:
            replay.apply(events(store, log.held))
        finally:
            made += [each for each in database.list_collection_names() if each not in (*made, UNFINISHED)]
        return replay.replayed


def writable(client: Any, name: str) -> "Mongo":
    """The database; a write counts when a majority has it."""
    from pymongo import WriteConcern

    return client.get_database(name, codec_options=codec(), write_concern=WriteConcern("majority"))


def fill(
    store: ObjectStore,
    database: "Mongo",
    found: Sequence[Stored],
    made: list[str],
    *,
    heard: Callable[[str], None] = lambda _: None,
) -> HeldIndexes:
    """Make every collection, whose name goes into `made` first, and write its documents; returns what `finish` has to
    make after the log. Raises Failed when a collection has not as many documents as it should."""
    held = HeldIndexes()
    for each in found:
        collection = each.collection
        options = {name: value for name, value in collection.options.items() if name != _EXPIRY}
        made.append(collection.name)
        if collection.name != "system.js":
            database.command({"create": collection.name, **options})
        if each.parts:
            heard(f"{collection.name}: {each.documents:,} documents")
            twice = _write(database[collection.stored_in], batches(store, each), ordered=bool(options.get("capped")))
            _require_all(database, each, twice)
        now, later = _split(collection.indexes)
        make_indexes(database, collection.name, now)
        held.add(collection.name, later, collection.options.get(_EXPIRY))
    return held


def finish(database: "Mongo", held: HeldIndexes) -> None:
    """Make what was held back. Raises Failed, by the server's words, when two documents have what only one may."""
    for name, indexes, expiry in held:
        make_indexes(database, name, indexes)
        if expiry is not None:
            database.command({"collMod": name, _EXPIRY: expiry})


def is_held_back(index: Mapping[str, Any]) -> bool:
    """Whether an index forbids documents or ends them."""
    return bool(index.get("unique")) or bool(index.get("prepareUnique")) or _EXPIRY in index


def make_indexes(database: "Mongo", collection: str, indexes: Sequence[Mapping[str, Any]]) -> None:
    """As they were described, to the type of each number."""
    if indexes:
        database.command({"createIndexes": collection, "indexes": [dict(each) for each in indexes]})


def _split(indexes: Sequence[Mapping[str, Any]]) -> tuple[tuple[Mapping[str, Any], ...], tuple[Mapping[str, Any], ...]]:
    """(what is made with the documents, what is held back). What comes with the collection itself is in neither."""
    wanted = [each for each in indexes if each["name"] != "_id_" and not each.get("clustered")]
    return tuple(each for each in wanted if not is_held_back(each)), tuple(
        each for each in wanted if is_held_back(each)
    )


def _write(collection: Any, content: Iterator[memoryview], *, ordered: bool) -> int:
    """Insert them as they are; how many were there already. A document that was removed and inserted again while its
    collection was read may have been read twice: the later one counts."""
    from bson.raw_bson import RawBSONDocument
    from pymongo.errors import BulkWriteError

    raw = collection.with_options(codec_options=codec().with_options(document_class=RawBSONDocument))
    twice = 0
    for bodies in _portions(ahead(map(bytes, content))):
        documents = [RawBSONDocument(each) for each in bodies]
        try:
            raw.insert_many(documents, ordered=ordered, bypass_document_validation=True)
        except BulkWriteError as error:
            wrong = error.details.get("writeErrors", [])
            other = next((each for each in wrong if each.get("code") != _DUPLICATE), None)
            if other or error.details.get("writeConcernErrors") or ordered:
                said = other["errmsg"] if other else str(error)
                raise Failed(
                    f"{collection.full_name} does not take a document: {said}",
                    next_step="look at the target's log; its version may not be the one that the copy is of",
                ) from None
            for each in wrong:
                document = documents[each["index"]]
                raw.replace_one({"_id": document["_id"]}, document, upsert=True)
                twice += 1
    return twice


def _portions(batches: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Documents, as many as one insert takes."""
    portion, size = list[bytes](), 0
    for batch in batches:
        at = 0
        while at < len(batch):
            (length,) = _LENGTH.unpack_from(batch, at)
            portion.append(batch[at : at + length])
            at, size = at + length, size + length
            if size >= _INSERT_BYTES or len(portion) >= _INSERT_DOCUMENTS:
                yield portion
                portion, size = [], 0
    if portion:
        yield portion


def _require_all(database: "Mongo", of: Stored, twice: int) -> None:
    """A capped collection drops its oldest by itself."""
    collection = of.collection
    there = int(database.command("count", collection.stored_in)["n"])
    if there != of.documents - twice and not collection.options.get("capped"):
        raise Failed(
            f"{collection.name!r} has {there:,} documents after {of.documents - twice:,} were written to it",
            next_step="see who else writes to the target, and run this again",
        )
