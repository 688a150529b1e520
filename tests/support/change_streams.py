"""A change stream that does what no server here can be made to do: fragments, kinds nobody knows, history that is
gone."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import Timestamp, encode
from bson.raw_bson import RawBSONDocument

from engines.mongo.log_bucket import LogWriter, listed
from engines.mongo.log_reader import Event, events
from engines.mongo.log_session import Session
from engines.mongo.log_stream import Batch, StreamEnded
from engines.shipping import Heard, Terms
from recovery.copies.log_times import parts, place
from recovery.copies.mongo_log import Covered, Line, Piece, chain, parse_key
from recovery.errors import Refused
from recovery.lease.lease import Lease
from tests.support.fakes import FakeBucket, held_lease

BASE = 1_796_000_000
SOURCE = "rs0-0123456789ab"
DATABASE = "ultramarket"
LINE = Line(1, SOURCE)


def at(count: int) -> int:
    """A position within the fake server's only second."""
    return place(BASE, count)


class FakeServer:
    """`log`: what happened, as events; `ticks`: its cluster time. `forgotten`: so many of the oldest are gone;
    `refused`: a collection that has no post-images; `batch`: how many events come at once."""

    def __init__(self) -> None:
        self.log: list[RawBSONDocument] = []
        self.times: list[int] = []
        self.ticks = 0
        self.forgotten = 0
        self.batch = 3
        self.refused = ""
        self.error = ""
        self.tried: list[str] = []
        self.source = SOURCE

    def event(self, kind: str, name: str = "things", *, time: int | None = None, **content: Any) -> int:
        """Anything at all. Returns its cluster time's count."""
        if time is None:
            self.ticks += 1
        when = self.ticks if time is None else time
        self._append({"operationType": kind, "clusterTime": Timestamp(BASE, when), **_ns(name), **content}, when)
        return when

    def insert(self, number: int, name: str = "things", **content: Any) -> int:
        """A document."""
        return self.event("insert", name, documentKey={"_id": number}, fullDocument={"_id": number, **content})

    def update(self, number: int, name: str = "things", **content: Any) -> int:
        """With its post-image."""
        return self.event("update", name, documentKey={"_id": number}, fullDocument={"_id": number, **content})

    def transaction(self, numbers: Sequence[int]) -> int:
        """All of one cluster time."""
        self.ticks += 1
        for number in numbers:
            key, document = {"_id": number}, {"_id": number, "together": self.ticks}
            self.event("insert", time=self.ticks, documentKey=key, fullDocument=document)
        return self.ticks

    def fragments(self, number: int, content: Mapping[str, Any], *, without: Sequence[int] = ()) -> int:
        """One insert in three; only the first has its time."""
        self.ticks += 1
        split = [
            {"operationType": "insert", "clusterTime": Timestamp(BASE, self.ticks), **_ns("things")},
            {"documentKey": {"_id": number}},
            {"fullDocument": {"_id": number, **content}},
        ]
        for each, part in enumerate(split, 1):
            if each not in without:
                self._append({**part, "splitEvent": {"fragment": each, "of": 3}}, self.ticks)
        return self.ticks

    def idle(self) -> None:
        """Something happens that is nobody's business here."""
        self.ticks += 1

    def _append(self, content: Mapping[str, Any], time: int) -> None:
        token = {"_data": f"{len(self.log) + 1:08X}"}
        self.log.append(RawBSONDocument(encode({"_id": token, **content})))
        self.times.append(time)


class FakeStream:
    """One session with it."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self.source = server.source
        self._next = 0

    def look(self) -> Sequence[str]:
        if self._server.refused:
            raise Refused(f"{self._server.refused} keeps no post-images", next_step="collMod")
        return []

    def open(self, token: bytes | None) -> Batch:
        server = self._server
        if token is None:
            self._next = len(server.log)
            return Batch(events=[], token=self._token())
        place = str(RawBSONDocument(token)["_data"])
        server.tried.append(place)
        self._next = int(place, 16)
        if self._next < server.forgotten:
            raise StreamEnded("the server's log (oplog) no longer goes back to where the stream was (error 286)")
        return Batch(events=[], token=self._token())

    def now(self) -> int:
        return at(self._server.ticks)

    def next(self, seconds: float) -> Batch:
        server = self._server
        if server.error and self._next < len(server.log):
            raise StreamEnded(server.error)
        through = at(server.ticks)
        found = server.log[self._next : self._next + server.batch]
        self._next += len(found)
        over = bool(found) and found[-1].get("operationType") == "invalidate"
        return Batch(events=found, token=self._token(), through=None if found else through, over=over)

    def _token(self) -> bytes:
        return encode({"_data": f"{self._next:08X}"})


class Clock:
    """Seconds that only pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def wall(self) -> datetime:
        return datetime.fromtimestamp(BASE, UTC) + timedelta(seconds=self.seconds)


def session(
    server: FakeServer,
    store: FakeBucket,
    clock: Clock,
    *,
    lease: Lease | None = None,
    said: list[str] | None = None,
    every: float = 0.0,
) -> Session:
    """One session of a shipper; by default it cuts wherever it may."""
    return Session(
        FakeStream(server),
        store,
        lease or held_lease(),
        Terms(every=timedelta(seconds=every), lock=timedelta(days=7)),
        clock.wall,
        Heard(says=(said if said is not None else []).append),
        now=clock,
    )


def follow(server: FakeServer, store: FakeBucket, clock: Clock, **options: Any) -> Session:
    """A session that has stored everything there is."""
    made = session(server, store, clock, **options)
    made.begin()
    drain(made, server)
    return made


def drain(made: Session, server: FakeServer) -> None:
    """Until an answer was empty."""
    for _ in range(len(server.log) // server.batch + 3):
        made.step()


def pieces(store: FakeBucket) -> list[Piece]:
    """In the bucket now."""
    return [found for key in sorted(store.objects) if isinstance(found := parse_key(key), Piece)]


def read(store: FakeBucket, start: int, end: int, line: Line = LINE) -> list[Event]:
    """The log as a restore reads it."""
    return list(events(store, chain([each for each in pieces(store) if each.line == line], start, end)))


def documents(found: Sequence[Event]) -> list[tuple[int, int]]:
    """Cluster time's count and `_id` of each."""
    return [(parts(each.time)[1], each.content["documentKey"]["_id"]) for each in found]


def covered_by(store: FakeBucket, line: Line = LINE) -> Covered:
    """What the bucket says of a line."""
    return next(each for each in listed(store).lines if each.line == line)


def writer(store: FakeBucket, clock: Clock) -> LogWriter:
    return LogWriter(store, LINE, timedelta(days=7), clock.wall)


def _ns(name: str) -> dict[str, Any]:
    return {"ns": {"db": DATABASE, "coll": name}}
