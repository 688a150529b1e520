"""MongoDB's log: how fast it is replayed onto the tests' stand-in, beside the same events written one command each
batch in their order; how fast our own part of it is, onto a server that takes everything; and the memory of a shipper.

    uv run python -m bench.mongo_log [--events 60000]

The events are of a catalog: two thirds change a document that is there. The stand-in does the writing in Python, so how
fast it takes documents is its own figure and none of MongoDB's.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bson import encode

from bench.row import Row
from engines.mongo.held_indexes import HeldIndexes
from engines.mongo.log_reader import Event, events
from engines.mongo.log_session import Session
from engines.mongo.log_stream import Batch
from engines.mongo.replay import Replay
from engines.shipping import Heard, Terms
from lab.machine.addresses import claim_block
from lab.machine.processes import Supervisor
from lab.ultramarket.mongo_server import MongoServer
from recovery.copies.mongo_log import chain
from tests.support.change_streams import FakeServer, FakeStream, at, pieces
from tests.support.fakes import FakeBucket, held_lease

_EVENTS, _DOCUMENTS, _WORDS = 60_000, 15_000, 30
_GOAL = 5_000


class Sink:
    """A database that takes everything at once."""

    name = "ultramarket"

    def list_collections(self) -> list[Any]:
        """None."""
        return []

    def command(self, command: Any) -> dict[str, Any]:
        """As BSON, which is what a driver makes of it."""
        encode(dict(command))
        return {}


class Flow(FakeServer):
    """Events that are made when they are asked for and forgotten then, so that only the shipper holds any."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.left, self.chance = count, random.Random(1)  # noqa: S311
        self.words = [self.chance.randbytes(4).hex() for _ in range(4000)]

    def more(self, count: int) -> list[Any]:
        """The next ones."""
        self.log.clear()
        for _ in range(min(count, self.left)):
            self.left -= 1
            number, text = self.ticks, " ".join(self.chance.choices(self.words, k=_WORDS))
            if number < _DOCUMENTS or number % 3 == 0:
                self.insert(number, text=text, changes=0)
            else:
                self.update(self.chance.randrange(_DOCUMENTS), text=text, changes=number)
        return [*self.log]


class FlowStream(FakeStream):
    """As much at once as is asked for."""

    def __init__(self, flow: Flow, batch: int) -> None:
        super().__init__(flow)
        self._flow, self._batch = flow, batch

    def next(self, seconds: float) -> Batch:
        """See LogStream."""
        through, found = at(self._flow.ticks), self._flow.more(self._batch)
        return Batch(events=found, token=encode({"_data": "00"}), through=None if found else through)


class Forgetful(FakeBucket):
    """Keeps what was written last, which is read back."""

    def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
        """Of ranges only the name stays."""
        done = super().replace(key, body, etag=etag)
        if "/ranges/" in key:
            self.objects[key] = b""
        return done

    def hide(self, key: str) -> None:
        """As it says."""
        self.objects.pop(key, None)

    def put_once(self, key: str, body: bytes, *, retain_until: datetime | None) -> None:
        """The segments before it go."""
        for each in [each for each in self.objects if "/segments/" in each]:
            del self.objects[each]
        super().put_once(key, body, retain_until=retain_until)


def main() -> None:
    """Print everything as JSON; with `--once COUNT` ship so many events and print the peak of memory in MiB."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--events", type=int, default=_EVENTS)
    parser.add_argument("--once", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        shipped(given.once, Forgetful("log"), batch=5_000)
        print(_peak())
        return
    print(json.dumps({name: round(value, 1) for name, value in measured(given.events).items()}, indent=1))


def rows() -> list[Row]:
    """Events a second, and MiB."""
    found = measured(_EVENTS)
    goal = f"≥ {_GOAL}"
    return [
        Row(name="replay onto the stand-in, events/s", ours=found["stand-in"], reference=found["plain"], goal=goal),
        Row(name="replay, our own part, events/s", ours=found["own part"], reference=_GOAL, goal=goal),
        Row(name="log of MongoDB shipped, events/s", ours=found["shipped"], reference=_GOAL, goal=goal),
        Row(name="memory of its shipper, MiB", ours=found["MiB"], reference=150, goal="≤ 150"),
    ]


def measured(count: int) -> dict[str, float]:
    """Events a second of each, and MiB."""
    begun, store = time.monotonic(), FakeBucket("log")
    end = shipped(count, store)
    found = {"shipped": count / (time.monotonic() - begun)}
    held = chain(pieces(store), at(1), end)
    with closing(Replay(Sink(), HeldIndexes())) as replay:  # pyright: ignore[reportArgumentType]
        begun = time.monotonic()
        replay.apply(events(store, held))
        found["own part"] = count / (time.monotonic() - begun)
    block = claim_block()
    with tempfile.TemporaryDirectory() as name:
        supervisor = Supervisor(Path(name) / "logs")
        server = MongoServer(supervisor, Path(name) / "mongo", block.host(70), "mongo").start()
        try:
            with server.client() as client:
                with closing(Replay(client["ours"], HeldIndexes())) as replay:
                    begun = time.monotonic()
                    replay.apply(events(store, held))
                    found["stand-in"] = count / (time.monotonic() - begun)
                begun = time.monotonic()
                _plain(client["plain"], events(store, held))
                found["plain"] = count / (time.monotonic() - begun)
        finally:
            supervisor.stop_all()
            block.release()
    command = [sys.executable, "-m", "bench.mongo_log", "--once", str(10 * count)]
    said = subprocess.run(command, capture_output=True, check=True, timeout=600)
    found["MiB"] = float(said.stdout)
    return found


def shipped(count: int, store: FakeBucket, *, batch: int = 1000) -> int:
    """Put the log of so many events into the bucket; where it ends."""
    flow = Flow(count)
    terms = Terms(every=timedelta(seconds=5), lock=timedelta(days=7))
    session = Session(FlowStream(flow, batch), store, held_lease(), terms, lambda: datetime.now(UTC), Heard())
    session.begin()
    while flow.left:
        session.step()
    session.finish()
    session.finish()
    return session.seen


def _plain(database: Any, found: Iterator[Event]) -> None:
    """Every event, in order, as one statement of an update command of a thousand."""
    updates: list[Any] = []
    for event in found:
        updates.append({"q": event.content["documentKey"], "u": event.content["fullDocument"], "upsert": True})
        if len(updates) == 1000:
            database.command({"update": "things", "updates": updates})
            updates = []
    if updates:
        database.command({"update": "things", "updates": updates})


def _peak() -> int:
    # Not getrusage: its figure is handed on from the process that started this one.
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) // 1024


if __name__ == "__main__":
    main()
