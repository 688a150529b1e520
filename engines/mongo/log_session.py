"""One session with a MongoDB deployment: where the bucket's log ends, the stream from there, a range every few seconds.

What cannot be gone on with, or not be replayed, is recorded as a gap, and the log begins anew behind it: the same token
is never tried twice. Everything is done by one thread, so no more is in memory than one batch and one range.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from engines.mongo.log_bucket import LogWriter, position_now
from engines.mongo.log_events import Change, Fragments, time_of
from engines.mongo.log_pieces import Frame
from engines.mongo.log_stream import Batch, LogStream, StreamEnded
from engines.shipping import Heard, OtherBytes, Terms
from recovery.copies.log_times import shown
from recovery.copies.mongo_log import Line
from recovery.errors import DrError, Failed, LeaseRefused, Refused
from recovery.lease.lease import Lease
from recovery.ports.buckets import LogBucket

if TYPE_CHECKING:
    from bson.raw_bson import RawBSONDocument

ACCEPTED_SOURCE = "DR_ACCEPT_MONGO_SOURCE"
"""Variable: the replica set that may go on under the same lease although the log is another's."""
HEARTBEAT = timedelta(minutes=1)
"""How often the position is moved while nothing changes. The token in it then is as young as that, and so is what the
monitor calls the log's end; it is one small object that is written over."""
LOOK = timedelta(seconds=30)
"""How often it is looked whether all collections can be followed, besides after each that is made."""
RANGE_BYTES = 4 * 1024 * 1024
"""Of events, before compression: then a range is stored at once. One cluster time is never divided."""
MOST_PACKED_BYTES = 48 * 1024 * 1024
"""Of one range, compressed: only a transaction gets there, and a larger one is a gap."""
_LONGEST_PAUSE = 5.0
_MOST_WAIT = 1.0


class TooLarge(Exception):
    """One transaction is more than is held in memory."""


@dataclass
class Session:
    """One session under `lease`."""

    stream: LogStream
    store: LogBucket
    lease: Lease
    terms: Terms
    clock: Callable[[], datetime]
    heard: Heard
    now: Callable[[], float] = time.monotonic
    stop: Callable[[], bool] = lambda: False
    seen: int = 0
    """Everything before it has come, as far as the server has said."""
    _frame: Frame | None = None
    _fragments: Fragments = field(default_factory=Fragments)
    _last: int = 0  # cluster time of the newest event that was taken
    _last_token: bytes = b""  # behind it
    _boundary: bytes = b""  # before everything of its cluster time
    _since: float = 0.0
    _looked: float | None = None
    _moved: float = 0.0

    def __post_init__(self) -> None:
        self._line = Line(self.lease.epoch, self.stream.source)
        self._writer = LogWriter(self.store, self._line, self.terms.lock, self.clock)

    def run(self) -> None:
        """Ship until `stop` says so. Raises Refused for a server that must not be shipped from, LeaseRefused when
        another shipper has taken over, OtherBytes, Unreachable when the session is lost."""
        self.begin()
        self.follow()

    def follow(self) -> None:
        """The same, once begun."""
        try:
            while not self.stop():
                self.step()
        except Refused:  # a collection that cannot be followed: what was before it can be
            self.finish()
            raise
        self.finish()

    def begin(self) -> None:
        """Look, and open the stream where the bucket's log ends."""
        self._look()
        self._require_same_server()
        found = self._writer.find()
        if self._writer.missing:
            missing = self._writer.missing
            self._record(missing.start, missing.end, "what was stored is not in the bucket any more")
        if found is None:
            self._anew(None)
            self.heard.says(f"shipping from {shown(self._writer.known.start)}, epoch {self._line.epoch}")
            return
        self.heard.says(f"shipping on from {shown(found.reach)}, epoch {self._line.epoch}")
        self._moved = self.now()
        self._go_on(bytes.fromhex(found.token))

    def step(self) -> None:
        """One look at the stream, and whatever is due after it."""
        every = self.terms.every.total_seconds()
        wait = min(_MOST_WAIT, every / 5)
        self._read(wait, every - wait)
        if self._looked is None or self.now() - self._looked >= LOOK.total_seconds():
            self._look()
        self._stored(self._writer.tidy)

    def _require_same_server(self) -> None:
        """Another set under the same lease is another database, whatever it is called."""
        known, source = position_now(self.store), self.stream.source
        if known is None or known.epoch != self.lease.epoch or known.source == source:
            return
        if self.terms.environment.get(ACCEPTED_SOURCE) != source:
            raise Refused(
                f"this replica set is {source}, and the log of this epoch is of {known.source}",
                next_step=f"correct MONGO_URL; where production was rebuilt on purpose: {ACCEPTED_SOURCE}={source}",
            )

    def finish(self) -> None:
        """Store what has come, however little."""
        self._read(0.0, 0.0)

    def _read(self, wait: float, patience: float) -> None:
        try:
            self._take(self.stream.next(wait), patience)
        except StreamEnded as error:
            self._end(str(error))
        except TooLarge:
            self._end(f"a transaction at {shown(self._last)} is too large to be held")

    def _look(self) -> None:
        said = self.stream.look()
        if self._looked is None:
            for each in said:
                self.heard.says(each)
        self._looked = self.now()

    def _take(self, batch: Batch, patience: float) -> None:
        for event in batch.events:
            self._take_one(event, patience)
        if batch.over:
            self._cut(self._last + 1, batch.token)
            self._go_on(batch.token)
        elif batch.through is not None and not self._fragments.within:
            self._all_there(max(batch.through + 1, self._last + 1, self._writer.known.reach), batch.token, patience)

    def _take_one(self, event: "RawBSONDocument", patience: float) -> None:
        if not self._fragments.within:
            self._before(time_of(event) or 0, patience)
        change = self._fragments.take(event)
        if change and change.why:
            self._skip(change, _token(event))
            return
        frame = self._open_frame()
        frame.add(event.raw)
        if frame.packed_bytes > MOST_PACKED_BYTES:
            raise TooLarge
        if change is None:
            return
        if change.time > self._last:
            self._boundary = self._last_token
        self._last, self._last_token = change.time, _token(event)
        if change.kind == "create" and self._looked is not None:
            self._looked -= LOOK.total_seconds()

    def _before(self, time: int, patience: float) -> None:
        """Everything older than `time` has come: cut there if it is due."""
        if self._last < time and self._due(patience):
            self._cut(time, self._last_token)

    def _all_there(self, end: int, token: bytes, patience: float) -> None:
        """Everything older than `end` has come, and nothing else."""
        self.seen = end
        if self._due(patience):
            self._cut(end, token)
        elif self._frame is None and self.now() - self._moved >= HEARTBEAT.total_seconds():
            self._stored(lambda: self._writer.still(end, token))
            self._moved = self.now()

    def _due(self, patience: float) -> bool:
        frame = self._frame
        return frame is not None and (frame.raw_bytes >= RANGE_BYTES or self.now() - self._since >= patience)

    def _open_frame(self) -> Frame:
        if self._frame is None:
            known = self._writer.known
            self._frame, self._since = Frame(self._line, known.end, bytes.fromhex(known.token)), self.now()
        return self._frame

    def _cut(self, end: int, token: bytes) -> None:
        """Store everything before `end`; nothing where that is nothing."""
        frame, self._frame = self._frame, None
        if frame is None or end <= frame.start:
            return
        body = frame.close(end, token)
        self._stored(lambda: self._writer.put(end, token, body))
        self._moved = self.now()

    def _skip(self, change: Change, token: bytes) -> None:
        """`change` cannot be replayed: the log ends before it, and begins anew behind it."""
        time = max(change.time or self._last, self._writer.known.reach)
        self._open_frame()
        self._cut(time, self._last_token if self._last < time else self._boundary)
        self._record(self._writer.known.end, time + 1, change.why)
        self._stored(lambda: self._writer.begin(time + 1, token))
        self._last, self._last_token = time, token

    def _end(self, why: str) -> None:
        """The stream is over for good: what is complete of it is stored, and another one is begun."""
        known = self._writer.known
        if self._frame:
            self._cut(self._last, self._boundary)
        elif known.still.end > known.still.start:
            self._open_frame()
            self._cut(known.reach, bytes.fromhex(known.token))
        self._anew(why)

    def _anew(self, why: str | None) -> None:
        """Another stream, from now on; with `why`, what lies between is lost."""
        self._frame, self._fragments = None, Fragments()
        opened = self.stream.open(None)
        begins = self.stream.now() + 1
        if why is not None:
            self._record(self._writer.known.end, begins, why)
        self._stored(lambda: self._writer.begin(begins, opened.token))
        self._last, self._last_token, self._moved = 0, opened.token, self.now()

    def _go_on(self, token: bytes) -> None:
        self._frame, self._fragments, self._last_token = None, Fragments(), token
        try:
            opened = self.stream.open(token)
            self._take(opened, self.terms.every.total_seconds())
        except StreamEnded as error:
            self._end(str(error))

    def _record(self, start: int, end: int, why: str) -> None:
        end = max(end, start + 1)
        self._stored(lambda: self._writer.put_gap(start, end, why))
        self.heard.says(
            f"LOST: the log from {shown(start)} to {shown(end)} cannot be replayed: {why}; no moment in it can be "
            "restored, and none after it before a new dump"
        )

    def _stored(self, write: Callable[[], None]) -> None:
        """Until the bucket takes it. Only another shipper, other bytes, or being told to stop ends that."""
        failures = 0
        while True:
            try:
                write()
            except (OtherBytes, LeaseRefused):
                raise
            except DrError as error:
                self.heard.trouble(error)
            else:
                return
            failures += 1
            if self.stop():
                raise Failed("the shipper ended before this was stored")
            time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.1 * 2 ** min(failures, 10))))  # noqa: S311  (not a secret)


def _token(event: "RawBSONDocument") -> bytes:
    return bytes(event["_id"].raw)
