"""A server and a bucket for its log, as the tests about the log want them: a shipper in this process or in its own."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cloud.objects import S3Bucket
from engines.log_store import unpacked
from engines.postgres.log import PostgresLog
from engines.postgres.wal_bucket import WalBucket, position_now
from engines.postgres.wal_stream import WalStream
from engines.shipping import Heard, Terms
from lab.machine.addresses import POSTGRES_PORT
from lab.machine.processes import HUNG_SECONDS
from lab.ultramarket.primary import Primary
from operations.copies.ship_log import Shipper, ShippingOrder
from recovery.copies.log import RANGES, SEGMENTS, Line, Range, Segment, all_of, chain, parse_key, parse_wal_name
from recovery.copies.stretches import Run, runs
from recovery.errors import DrError
from recovery.lease.lease import parse_lsn
from recovery.names import LOG_SLOT, ROLE_REPLICATION
from recovery.plan.plan import SiteName
from recovery.ports.buckets import LogBucket
from tests.support.fakes import FakeLeases, held_lease

SEGMENT = 16 * 1024 * 1024
QUICK = timedelta(milliseconds=100)


def until(true: Callable[[], object], what: str, seconds: float = HUNG_SECONDS) -> Any:
    """Wait for a condition; returns what it gave."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.01)
    return found


@dataclass
class LogSite:
    """What a shipper needs; tests replace what they want to break. `said` and `troubles` are what it told."""

    primary: Primary
    store: LogBucket
    leases: FakeLeases = field(default_factory=lambda: FakeLeases(held_lease()))
    site: SiteName = "prod"
    every: timedelta = QUICK
    said: list[str] = field(default_factory=list)
    troubles: list[DrError] = field(default_factory=list)
    connect: Callable[[], WalStream] = WalStream.open

    def shipper(self) -> Shipper:
        return Shipper(
            PostgresLog(self.connect),
            ShippingOrder(
                site=self.site,
                terms=Terms(every=self.every, lock=timedelta(days=7)),
                renewal=timedelta(milliseconds=50),
            ),
            self.store,
            self.leases,
            clock=lambda: datetime.now(UTC),
            heard=Heard(says=self.said.append, trouble=self.troubles.append),
        )

    @contextmanager
    def shipping(self) -> Iterator[Shipper]:
        """A shipper at work; at the end it is ended in order, and what it raised is raised."""
        shipper, failed = self.shipper(), list[BaseException]()

        def run() -> None:
            try:
                shipper.run()
            except BaseException as error:  # noqa: BLE001  (raised below)
                failed.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield shipper
        finally:
            shipper.end()
            thread.join(30)
        assert not thread.is_alive()
        if failed:
            raise failed[0]

    # The server

    def query(self, statement: str) -> Any:
        with self.primary.connect("postgres") as connection:
            row = connection.execute(statement.encode()).fetchone()
            return row[0] if row else None

    def run(self, *statements: str) -> None:
        with self.primary.connect("postgres") as connection:
            for each in statements:
                connection.execute(each.encode())

    @property
    def flushed(self) -> int:
        return parse_lsn(self.query("SELECT pg_current_wal_flush_lsn()::text"))

    @property
    def slot(self) -> int | None:
        """Where the server keeps its log from, for us."""
        found = self.query(f"SELECT restart_lsn::text FROM pg_replication_slots WHERE slot_name = '{LOG_SLOT}'")  # noqa: S608
        return parse_lsn(found) if found else None

    def write(self, size: int = 1000) -> int:
        """Commit some bytes that cannot be compressed; returns where the log ends after it."""
        rows = max(1, size // 32)
        self.run(
            "INSERT INTO orders SELECT gen_random_uuid()::text, string_agg(md5(random()::text), '') "  # noqa: S608
            f"FROM generate_series(1, {rows})"
        )
        return self.flushed

    def fill_segment(self) -> int:
        """End the WAL file that is being written."""
        self.run("SELECT pg_logical_emit_message(false, 'test', 'x')", "SELECT pg_switch_wal()")
        return self.flushed

    def wal_file(self, name: str) -> bytes:
        return (self.primary.data / "pg_wal" / name).read_bytes()

    def wal_files(self) -> list[tuple[int, str]]:
        """What the server still has of whole files of its timeline: where each starts, and its name."""
        current = self.flushed
        found: list[tuple[int, str]] = []
        for path in sorted((self.primary.data / "pg_wal").glob("0000*")):
            if len(path.name) == 24:
                start = parse_wal_name(path.name)[1]
                if start + SEGMENT <= current:
                    found.append((start, path.name))
        return found

    # The bucket

    @property
    def system(self) -> str:
        return str(self.query("SELECT system_identifier FROM pg_control_system()"))

    def line(self, epoch: int = 1, timeline: int = 1) -> Line:
        return Line(epoch, self.system, timeline)

    def keys(self, prefix: str = "") -> list[str]:
        return [each.key for each in self.store.list(prefix)]

    def pieces(self) -> list[Range | Segment]:
        position = self.position()
        size = position.segment_bytes if position else SEGMENT
        found = [parse_key(key, size) for key in self.keys(RANGES) + self.keys(SEGMENTS)]
        return [each for each in found if isinstance(each, Range | Segment)]

    def stored(self, timeline: int = 1) -> list[Run]:
        """What the bucket has, in runs."""
        return runs(each for each in self.pieces() if each.line.timeline == timeline)

    def end(self, timeline: int = 1) -> int:
        found = self.stored(timeline)
        return found[0].end if found else 0

    def log(self, start: int, end: int, timeline: int = 1) -> bytes:
        """The bytes as a restore would read them."""
        got = b""
        for held in chain(all_of(p for p in self.pieces() if p.line.timeline == timeline), start, end):
            piece, body = held.piece, self.store.get(held.piece.key)
            assert body is not None
            got += unpacked(body[0], piece.key)[held.start - piece.start : held.end - piece.start]
        return got

    def position(self) -> Any:
        return position_now(self.store)

    def bucket(self) -> WalBucket:
        return WalBucket(self.store, self.system)


def environment_of(primary: Primary) -> dict[str, str]:
    """libpq's variables, as the shipper's Pod has them."""
    return {
        "PGHOST": primary.address,
        "PGPORT": str(POSTGRES_PORT),
        "PGUSER": ROLE_REPLICATION,
        "PGPASSWORD": primary.passwords[ROLE_REPLICATION],
    }


def s3_store(bucket: str) -> S3Bucket:
    return S3Bucket(bucket, "us-west-2")
