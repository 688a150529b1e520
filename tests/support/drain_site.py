"""A primary whose log is shipped, and a standby with a way to it that can be cut and a log server beside it."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from cloud.objects import S3Bucket
from engines.postgres.log_server import Body, Listener, LogServer
from engines.postgres.wal_ahead import Vouched
from lab.machine.addresses import POSTGRES_PORT, Block
from lab.machine.processes import Supervisor
from recovery.errors import DrError
from recovery.lease.lease import Heartbeat, Lease, parse_lsn
from recovery.names import LOG_PORT
from tests.support.fakes import FakeLeases, held_lease
from tests.support.log_site import LogSite, until
from tests.support.relay import Relay
from tests.support.standby_volume import Volume


@dataclass
class DrainSite:
    """`log` is the primary and its bucket; `store` the log server's own client. `troubles`: what that told."""

    log: LogSite
    volume: Volume
    way: Relay
    store: S3Bucket
    asked: list[str] = field(default_factory=list)
    troubles: list[DrError] = field(default_factory=list)

    def write(self, what: str, rows: int = 10) -> int:
        """Commit `rows` rows; returns where the log ends after them."""
        self.log.run(f"INSERT INTO dr.probe SELECT '{what}', n::text FROM generate_series(1, {rows}) AS n")  # noqa: S608
        return self.log.flushed

    def rows(self, what: str) -> int:
        """How many of them the standby has."""
        return int(self.volume.ask(f"SELECT count(*) FROM dr.probe WHERE run = '{what}'"))  # noqa: S608

    def replayed(self) -> int:
        """How far the standby is; 0 while it does not answer."""
        try:
            return parse_lsn(self.volume.ask("SELECT pg_last_wal_replay_lsn()"))
        except psycopg.OperationalError:
            return 0

    def follows(self, position: int, what: str) -> None:
        until(lambda: self.replayed() >= position, f"the standby has {what}")

    def lose_stream(self) -> None:
        self.way.cut()
        until(lambda: not self.volume.streams(), "the stream is dead")

    @contextmanager
    def serving(self) -> Iterator[LogServer]:
        """The log server, at work."""
        server = LogServer(self.store, lambda: Vouched.by(self.log.leases.lease), trouble=self.troubles.append)
        real = server.answer

        def answer(name: str) -> list[Body]:
            self.asked.append(name)
            return real(name)

        server.answer = answer
        with Listener((self.volume.server.address, LOG_PORT), server) as listener:
            thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            try:
                yield server
            finally:
                listener.shutdown()
                thread.join()


def vouching(site: LogSite, timeline: int = 1, epoch: int = 1) -> Lease:
    """Production's lease, whose guard has seen this primary."""
    return vouching_for(site.system, timeline, epoch)


def vouching_for(system: str, timeline: int = 1, epoch: int = 1) -> Lease:
    """The same for a primary of this identifier."""
    beat = Heartbeat(at=datetime.now(UTC), lsn=0, commits_per_second=0, timeline=timeline)
    return replace(held_lease(epoch=epoch), heartbeat=beat, system_identifier=system)


@contextmanager
def drain_site(log: LogSite, processes: Supervisor, database_folder: Path, block: Block) -> Iterator[DrainSite]:
    """A standby that streams through a way that can be cut; its log server is not running yet."""
    log.leases = FakeLeases(vouching(log))
    folder = database_folder / f"volume-{block.number}"
    assert isinstance(log.store, S3Bucket)
    way = Relay((block.host(37), POSTGRES_PORT), (log.primary.address, POSTGRES_PORT))
    volume = Volume(log.primary, processes, folder, block.host(36))
    try:
        volume.start(PRIMARY_HOST=block.host(37))
        yield DrainSite(log, volume, way, S3Bucket(log.store.bucket, log.store.region))
    finally:
        processes.kill("standby")
        way.cut()
        shutil.rmtree(folder, ignore_errors=True)
