"""A server with a log and a bucket that can be ended at any of its operations, for tests of the shipper's order."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from engines.postgres.wal_session import Session
from engines.postgres.wal_stream import Data, EndOfStream, Keepalive, LogGone, Server, Slot, WalStream
from engines.shipping import Heard, Terms
from recovery.copies.log import Switch
from recovery.lease.lease import Lease
from tests.support.fakes import FakeBucket, held_lease

SEGMENT = 1024 * 1024
"""The smallest that PostgreSQL allows."""
SYSTEM = "7441234567890123456"
NOW = datetime(2026, 11, 30, tzinfo=UTC)


class Killed(BaseException):
    """The process is gone. Nothing of ours catches it."""


class DyingBucket(FakeBucket):
    """`die_at` n: the n-th operation kills the process, before or (`after`) when it has had its effect. From then on
    every operation does: a dead process does nothing more."""

    def __init__(self) -> None:
        super().__init__("log")
        self.operations: list[str] = []
        self.die_at: int | None = None
        self.after = False
        self.dead = False

    def live(self) -> None:
        """Another process."""
        self.operations.clear()
        self.die_at, self.dead = None, False

    def _do(self, what: str, effect: Callable[[], Any]) -> Any:
        self.operations.append(what)
        if self.die_at is None or len(self.operations) < self.die_at:
            return effect()
        self.dead = True
        if len(self.operations) == self.die_at and self.after:
            effect()
        raise Killed

    def put_once(self, key: str, body: bytes, *, retain_until: datetime | None) -> None:
        self._do(f"put {key}", lambda: super(DyingBucket, self).put_once(key, body, retain_until=retain_until))

    def get(self, key: str) -> tuple[bytes, str] | None:
        return self._do(f"get {key}", lambda: super(DyingBucket, self).get(key))

    def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
        return self._do(f"replace {key}", lambda: super(DyingBucket, self).replace(key, body, etag=etag))

    def stream(self, key: str) -> Iterator[bytes]:
        return self._do(f"stream {key}", lambda: super(DyingBucket, self).stream(key))

    def list(self, prefix: str, *, after: str = "") -> Iterator[Any]:
        return self._do(f"list {prefix}", lambda: iter([*super(DyingBucket, self).list(prefix, after=after)]))

    def lock(self, key: str, until: datetime) -> None:
        self._do(f"lock {key}", lambda: super(DyingBucket, self).lock(key, until))

    def hide(self, key: str) -> None:
        self._do(f"hide {key}", lambda: super(DyingBucket, self).hide(key))

    def hidden(self, prefix: str) -> Iterator[Any]:
        return self._do(f"hidden {prefix}", lambda: iter([*super(DyingBucket, self).hidden(prefix)]))


class SimulatedServer(WalStream):
    """A primary whose log is `log`, from position 0 on. It forgets what the slot does not keep, as a checkpoint does,
    when `forgets` is on. `confirmed` are all flush positions it was told. `closes`: it ends the stream at its end."""

    def __init__(self, log: bytes, *, timeline: int = 1, history: tuple[Switch, ...] = ()) -> None:
        self.log, self.timeline, self.switches = log, timeline, history
        self.old_logs: dict[int, bytes] = {}
        self.restart: int | None = None
        self.has_slot = False
        self.kept_from = 0
        self.forgets, self.closes = True, False
        self.confirmed: list[int] = []
        self.asked = False
        self.cap: int | None = SEGMENT * 64
        self._sending: tuple[bytes, int] = (b"", 0)
        self._ready, self._always = os.pipe()
        os.write(self._always, b".")

    def shut_down(self) -> None:
        for each in (self._ready, self._always):
            os.close(each)

    def identify(self) -> Server:
        return Server(
            system=SYSTEM,
            timeline=self.timeline,
            flushed=len(self.log),
            segment_bytes=SEGMENT,
            in_recovery=False,
            slot_cap=self.cap,
        )

    def history(self, timeline: int) -> tuple[bytes, tuple[Switch, ...]]:
        mine = tuple(each for each in self.switches if each.timeline < timeline)
        return "".join(f"{each.timeline}\t0/{each.position:X}\tx\n" for each in mine).encode(), mine

    def slot(self, name: str) -> Slot | None:
        return Slot(self.restart) if self.has_slot else None

    def make_slot(self, name: str) -> None:
        self.has_slot, self.restart = True, self.kept_from

    def drop_slot(self, name: str) -> None:
        self.has_slot = False

    def start(self, slot: str, timeline: int, position: int) -> None:
        self._sending = (self.log if timeline == self.timeline else self.old_logs[timeline], position)

    def receive(self) -> Data | Keepalive | None:
        log, position = self._sending
        if position < self.kept_from:
            raise LogGone("requested WAL segment has already been removed")
        if position >= len(log):
            if self.closes or log is not self.log:
                raise EndOfStream
            return None
        chunk = log[position : position + 100_000]
        self._sending = (log, position + len(chunk))
        return Data(position, memoryview(chunk))

    def confirm(self, received: int, durable: int, *, ask: bool = False) -> None:
        self.asked = self.asked or ask
        self.confirmed.append(durable)
        self.restart = durable
        if self.forgets:
            self.kept_from = max(self.kept_from, durable - durable % SEGMENT)

    def fileno(self) -> int:
        return self._ready

    def close(self) -> None:
        return None


def session(
    server: SimulatedServer, store: FakeBucket, *, lease: Lease | None = None, said: list[str] | None = None
) -> Session:
    """One session of a shipper."""
    return Session(
        server,
        store,
        lease or held_lease(),
        Terms(every=timedelta(milliseconds=20), lock=timedelta(days=7)),
        lambda: NOW,
        Heard(says=(said if said is not None else []).append),
    )
