"""A copy of MongoDB: every collection of one database in mongodump's layout → zstd → S3, nothing on a local disk.

The documents are read while customers write, so the copy alone is no moment that ever was: it is usable together with
the log from its start position on, once that has passed its stop position. Every read is of what a majority has and not
older than the start. How it becomes a backup, lease, manifest and pointer, is `operations.copies.backup`.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from engines.catalog import Entry, entries
from engines.engine import Content, Folder, Line, Needs, Origin, Verdict
from engines.mongo.change_stream import begin, operation_time, require_resumable
from engines.mongo.connection import Address, connected
from engines.mongo.frames import BrokenFrames, Frames
from engines.mongo.layout import Collection
from engines.mongo.listing import any_member, collections, require_copyable
from engines.mongo.server import choose_member, describe
from engines.mongo.verify import verify
from engines.streams import Tally, ahead
from recovery.copies.cluster_time import Mark
from recovery.copies.judging import remarks
from recovery.copies.manifest import Manifest, Part
from recovery.errors import Failed, Refused
from recovery.names import READ_REPLICA
from recovery.plan.datasets import Dataset, Mongo
from recovery.ports.buckets import ObjectStore

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession

    from engines.mongo.connection import Client

MEMBER = "DR_MONGO_MEMBER"
"""Variable: the member that was chosen to be read, as host:port."""
OBJECT_BYTES = 1024 * 1024 * 1024
"""Of a collection's object: so small that parts stay small, and with them memory."""
_BATCH_BYTES = 4 * 1024 * 1024
_SAMPLE, _MOST_DOCUMENTS = 20, 50_000
_PIECE = 1024 * 1024
_GONE = (26, 43, 73, 175, 246)
"""The collection was dropped, renamed or rebuilt, or the cursor ended, while it was read."""


class MongoFull:
    """All collections of the plan's database, read of a secondary where there is one."""

    dataset, kind = "mongo", "full"
    needs = Needs(settings=("MONGO_URL",))

    def look(self, section: Dataset, environment: Mapping[str, str], *, replica_lag: timedelta) -> Origin:
        """The replica set that the environment names. Raises Refused for one whose copy nothing would lead on from."""
        if environment.get(READ_REPLICA):
            raise Refused(
                "of MongoDB the set itself says which members it has", next_step="name the set with MONGO_URL instead"
            )
        name, address = cast("Mongo", section).database, Address.of(environment)
        with connected(address) as client:
            deployment = describe(client, address)
            reader = choose_member(deployment, address, replica_lag=replica_lag)
        with connected(address.member(reader.host)) as client:
            database = client.get_database(name, read_preference=any_member())
            found = collections(database)
            require_copyable(found, name)
        return Origin(
            identity=deployment.identity,
            version=deployment.version,
            words=f"MongoDB {deployment.version} {reader.words} of {deployment.set_name}, database {name}, "
            f"{len(found):,} collections",
            bytes=0,  # to count them takes some servers as long as to read them
            tools={"pymongo": _driver_version()},
            database=name,
            standby=not reader.primary,
            server={MEMBER: reader.host},
            remark=reader.remark,
            section=section,
        )

    def base(self, origin: Origin, store: ObjectStore, line: Line) -> Manifest | None:
        """None: it is complete in itself."""
        return None

    def copy(self, origin: Origin, folder: Folder, environment: Mapping[str, str], *, time_limit: timedelta) -> Content:
        """Write the database into the folder. Raises Failed, also when a collection went away while it was read, and
        when the deployment does not go on from where the copy began."""
        address, hurry = Address.of(environment), _deadline(time_limit)
        folder = replace(folder, object_bytes=OBJECT_BYTES)
        with (
            connected(address) as client,
            connected(address.member(environment[MEMBER])) as member,
            client.start_session(causal_consistency=True) as session,
        ):
            mark = begin(client, session, origin.database)
            with _reading(member, session, mark) as reading:
                run = _Run(folder, member, origin.database, reading, hurry)
                run.copy()
                stop = operation_time(reading)
            require_resumable(client, session, origin.database, mark)
        return Content(
            parts=tuple(run.parts),
            start_position=str(mark.time),
            stop_position=str(stop),
            as_of=stop.moment + timedelta(seconds=1),  # what it has is of that second at the latest
            documents=run.documents,
            resume_token=mark.token,
            remarks=_remarks(run.found),
        )

    def entries(self, store: ObjectStore) -> list[Entry]:
        """Finished and unfinished ones, the newest first."""
        return entries(store, self.dataset, self.kind)

    def verify(
        self, store: ObjectStore, manifest: Manifest, *, environment: Mapping[str, str], scratch: Path
    ) -> Verdict:
        """See `engines.mongo.verify`."""
        return verify(store, manifest)

    def judge(self, manifest: Manifest, others: Sequence[Manifest]) -> tuple[str, ...]:
        """Size and source."""
        return remarks(manifest, others)


@dataclass
class _Run:
    """One copy of `database` through `member`, by reads that are causal on `session`."""

    folder: Folder
    member: "Client"
    database: str
    session: "ClientSession"
    hurry: Callable[[], None]
    tally: Tally = field(default_factory=Tally)
    parts: list[Part] = field(default_factory=list[Part])
    documents: dict[str, int] = field(default_factory=dict[str, int])
    found: Sequence[Collection] = ()

    def copy(self) -> None:
        self.found = collections(self._readable(), self.session)
        if not any(each.stored_in for each in self.found):
            raise Failed(
                f"there is no collection in {self.database}: nothing was stored",
                next_step="see whether datasets.mongo.database in the plan names the right one",
            )
        require_copyable(self.found, self.database)
        for each in self.found:
            self._write(each.metadata_object, [memoryview(each.to_metadata())])
            if each.stored_in:
                frames = Frames()
                self._write(each.data_object, self._content(each.stored_in, frames))
                self.documents[each.name] = frames.count

    def _write(self, name: str, chunks: Any) -> None:
        self.parts += self.folder.write(name, chunks, self.tally)

    def _content(self, name: str, frames: Frames) -> Iterator[memoryview]:
        """Its documents, whole ones alone, in pieces that are small enough for the compressor."""
        from pymongo.errors import OperationFailure

        try:
            with closing(self._batches(name)) as batches:
                for batch in frames.batches(ahead(batches)):
                    self.hurry()
                    for at in range(0, len(batch), _PIECE):
                        yield batch[at : at + _PIECE]
        except BrokenFrames as error:
            raise Failed(
                f"what the server sent of {name!r} is no whole documents: {error}; the upload was aborted",
                next_step="run the backup again; if it repeats, run validate on the collection there",
            ) from None
        except OperationFailure as error:
            if error.code not in _GONE:
                raise
            raise Failed(
                f"{name!r} was dropped, renamed or rebuilt while it was read (error {error.code}); the upload was "
                "aborted",
                next_step="run the backup again",
            ) from None

    def _batches(self, name: str) -> Generator[bytes]:
        collection = self._readable()[name]
        yield from collection.find_raw_batches(session=self.session, batch_size=self._batch(name))

    def _batch(self, name: str) -> int:
        """How many documents are about `_BATCH_BYTES`, by the first few: memory must not depend on how many there are.
        A server sends no more than 16 MiB at once, whatever they turn out to be."""
        sample = b"".join(self._readable()[name].find_raw_batches(limit=_SAMPLE, session=self.session))
        return max(1, min(_MOST_DOCUMENTS, _BATCH_BYTES * _SAMPLE // max(len(sample), 1)))

    def _readable(self) -> Any:
        """The database, for reads of what a majority has."""
        from pymongo.read_concern import ReadConcern

        return self.member.get_database(
            self.database, read_preference=any_member(), read_concern=ReadConcern("majority")
        )


def _reading(member: "Client", session: "ClientSession", mark: Mark) -> "ClientSession":
    """A session there whose every read is not older than `mark`."""
    from bson import Timestamp

    reading = member.start_session(causal_consistency=True)
    if session.cluster_time is not None:
        reading.advance_cluster_time(session.cluster_time)
    reading.advance_operation_time(Timestamp(mark.time.seconds, mark.time.increment))
    return reading


def _driver_version() -> str:
    import pymongo

    return pymongo.version


def _remarks(found: Sequence[Collection]) -> tuple[str, ...]:
    series = [each.name for each in found if each.kind == "timeseries"]
    if not series:
        return ()
    return (f"time series are as they were copied, since no change stream has their changes: {', '.join(series)}",)


def _deadline(time_limit: timedelta) -> Callable[[], None]:
    end = time.monotonic() + time_limit.total_seconds()

    def hurry() -> None:
        if time.monotonic() > end:
            raise Failed(
                f"MongoDB was not copied within {time_limit}; the upload was aborted",
                next_step="look at the server's and the network's load, or raise time_limit in recovery.yaml",
            )

    return hurry
