"""A backup and the log after it, in memory, and what becomes of them: for tests that restore again and again."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

import psycopg
import pytest

from engines.postgres.restore import Restored
from engines.postgres.restore_order import plan_restore
from lab.machine.addresses import Block
from lab.machine.processes import Supervisor
from operations.copies.restore import execute
from recovery.copies.recovery_target import Target
from recovery.lease.lease import parse_lsn
from recovery.ports.buckets import StoredObject
from tests.support.backup_site import Site
from tests.support.fakes import FakeBucket


class Stock(FakeBucket):
    """A bucket in memory that is read in large pieces and knows when each object came. `storage`: classes other than
    S3's standard; `retrievals`: what became of asking for those."""

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        super().__init__()
        self.objects = dict(objects or {})
        self.storage: dict[str, str] = {}
        self.retrievals: dict[str, Literal["running", "done"]] = {}
        self.modified: dict[str, datetime] = {}

    def stream(self, key: str) -> Iterator[bytes]:
        body = self.get(key)
        yield from ([body[0]] if body else super().stream(key))

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        for each in super().list(prefix, after=after):
            modified = self.modified.setdefault(each.key, datetime.now(UTC))
            yield replace(each, modified=modified, storage=self.storage.get(each.key, "STANDARD"))

    def retrieval(self, key: str) -> Literal["none", "running", "done"]:
        return self.retrievals.get(key, "none")

    def retrieve(self, key: str, *, days: int) -> None:
        self.retrievals[key] = "running"

    def copy(self) -> "Stock":
        """Another one with the same objects."""
        made = Stock(self.objects)
        made.modified = dict(self.modified)
        return made


def in_memory(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """`site` with an empty bucket in memory, and this process's environment set up for it."""
    for name, value in site.environment.items():
        monkeypatch.setenv(name, value)
    return replace(site, store=cast("Any", Stock()))


@dataclass
class Place:
    """Where restores go: `into` is a folder in `parent`, which belongs to the database's user."""

    site: Site
    parent: Path
    address: str
    processes: Supervisor
    tablespaces: dict[int, Path] = field(default_factory=dict[int, Path])

    @property
    def into(self) -> Path:
        return self.parent / "data"

    def restore(self, store: Any, to: str = "latest") -> Restored:
        order = plan_restore(store, Target.parse(to), self.into, environment=self.site.environment)
        done = execute(store, order, environment=self.site.environment, owner=self.site.primary.uid)
        assert isinstance(done, Restored)
        return done

    def start(self) -> psycopg.Connection:
        """Start the restored server as it is, but for its address; returns a session."""
        with (self.into / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"listen_addresses = '{self.address}'\n")
        server = replace(
            self.site.primary,
            supervisor=self.processes,
            folder=self.parent,
            address=self.address,
            name="restored",
            socket_folder=None,
        )
        server.start()
        return server.connect()

    def stop(self) -> None:
        self.processes.stop("restored")

    def untouched(self) -> bool:
        """Whether there is nothing at all: neither the target nor anything beside it."""
        return list(self.parent.iterdir()) == []


@pytest.fixture
def place(backup_source: Site, database_folder: Path, processes: Supervisor, block: Block) -> Iterator[Place]:
    parent = database_folder / f"restored-{os.urandom(4).hex()}"
    parent.mkdir(mode=0o755)
    if backup_source.primary.uid is not None:
        os.chown(parent, backup_source.primary.uid, backup_source.primary.uid)
    yield Place(backup_source, parent, block.host(34), processes)
    processes.kill("restored")


def orders(session: psycopg.Connection, client: str = "") -> tuple[int, int]:
    """How many orders there are, and a sum over them."""
    found = session.execute(
        "SELECT count(*), coalesce(sum(hashtext(id)), 0) FROM orders WHERE %s IN ('', client)", [client]
    ).fetchone()
    assert found is not None
    return found[0], found[1]


def lsn(session: psycopg.Connection) -> int:
    """Behind everything that was committed."""
    found = session.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
    assert found is not None
    return parse_lsn(found[0])


def order(session: psycopg.Connection, name: str, count: int = 1) -> None:
    """So many orders by a client of this name."""
    rows = "SELECT %s || '-' || n, %s FROM generate_series(1, %s) AS n"
    session.execute(f"INSERT INTO orders {rows}".encode(), [name, name, count])


Change = Callable[[bytes], bytes]


def flipped(body: bytes, position: int | None = None) -> bytes:
    """With one bit changed, in the middle unless said otherwise."""
    where = len(body) // 2 if position is None else position
    return body[:where] + bytes([body[where] ^ 1]) + body[where + 1 :]
