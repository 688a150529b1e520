"""A standby out of the bucket: with the newest, while production is away, and with the moment that was asked for."""

import os
import secrets
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from cloud.objects import S3Bucket
from engines.postgres.log_server import Listener, LogServer
from engines.postgres.source_layout import ask
from engines.postgres.wal_ahead import Vouched
from lab.aws.site import Aws
from lab.machine.addresses import Block
from lab.machine.processes import HUNG_SECONDS, Child, Supervisor, wait_until
from recovery.lease.lease import format_lsn
from recovery.names import LOG_PORT, Names
from recovery.plan.loading import load_plan
from recovery.site.postgres_standby import SLOT
from tests.support.backup_site import Site
from tests.support.clients import client, destroy_bucket
from tests.support.plans import ROOT
from tests.support.restore_site import lsn
from tests.support.standby_volume import Volume, volume_for
from tests.support.wal_shipping import Shipper, system_of

ACCOUNT, REGION = "123456789012", "us-west-2"


@dataclass
class Region:
    """The DR region: a bucket with copies of a primary, and an empty volume. `away`: variables for a primary that is
    not there."""

    site: Site
    volume: Volume
    more: dict[str, str]
    away: dict[str, str]

    def rows(self, what: str) -> int:
        """How many the standby has of what was written."""
        return int(self.volume.ask(f"SELECT count(*) FROM dr.probe WHERE run = '{what}'"))  # noqa: S608

    def answers(self) -> bool:
        try:
            return self.volume.ask("SELECT pg_is_in_recovery()") != ""
        except psycopg.OperationalError:
            return False

    def restart(self, **variables: str) -> None:
        """As when its Pod is made anew."""
        self.volume.processes.stop("standby")
        child = self.volume.run(**self.more, **variables)
        wait_until(self.answers, what="the server to answer", alive=[child])

    @contextmanager
    def serving_log(self) -> Iterator[None]:
        """The container beside the server."""
        vouched = Vouched(system=system_of(self.site), epoch=1, timeline=1)
        server = LogServer(self.site.store, lambda: vouched)
        with Listener((self.volume.server.address, LOG_PORT), server) as listener:
            thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            try:
                yield
            finally:
                listener.shutdown()
                thread.join()


@pytest.fixture
def region(
    each_source: Site,
    aws: Aws,
    processes: Supervisor,
    database_folder: Path,
    block: Block,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Region]:
    for name, value in (aws.env("prod") | each_source.environment).items():
        monkeypatch.setenv(name, value)
    bucket = Names(load_plan(ROOT / "recovery.yaml"), ACCOUNT).backup_bucket("dr")
    s3 = client(aws, "s3", "dr", REGION)
    s3.create_bucket(
        Bucket=bucket, ObjectLockEnabledForBucket=True, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    site = replace(each_source, store=S3Bucket(bucket, REGION), s3=s3, scratch=tmp_path)
    more = aws.env("dr") | {"DR_PLAN": str(ROOT / "recovery.yaml"), "DR_ACCOUNT": ACCOUNT, "PYTHONPATH": str(ROOT)}
    with volume_for(each_source, processes, database_folder, block) as volume:
        yield Region(site, volume, more, {"PRIMARY_HOST": block.host(38)})
    destroy_bucket(s3, bucket)  # of a fixed name, which other tests have as well


def test_a_standby_is_built_from_the_bucket_while_production_is_away_and_streams_when_it_is_back(
    region: Region,
) -> None:
    with region.site.primary.connect() as source:
        region.site.back_up()
        write(source, "shipped", 7)
        Shipper(region.site).ship()
        write(source, "streamed", 5)
    kill_while_it_restores(region)
    assert not region.volume.server.data.exists()
    with region.serving_log():
        child = region.volume.run(**region.more, **region.away)
        wait_until(lambda: region.answers() and region.rows("shipped") == 7, what="the log's end", alive=[child])
        assert region.rows("streamed") == 0 and not region.volume.streams()
        assert slots(region.site) == []
        region.restart()  # production is there again
        wait_until(lambda: region.volume.streams() and region.rows("streamed") == 5, what="the stream")
    assert slots(region.site) == [(SLOT, True)]


def test_the_moment_that_was_asked_for_follows_nobody_and_stays_itself_over_restarts_and_a_promotion(
    region: Region, database_folder: Path
) -> None:
    with tablespace(region.site, database_folder) as source:
        region.site.back_up()
        write(source, "before", 7)
        moment = lsn(source)
        write(source, "after", 1)
        Shipper(region.site).ship()
        with region.serving_log():
            region.volume.run(**region.more, ORDER_TO=format_lsn(moment), ORDER_ASKED="before")
            wait_until(region.answers, what="the server to answer")
            for _ in range(2):
                assert region.volume.ask("SELECT pg_is_in_recovery()") == "True"
                assert (region.rows("before"), region.rows("after")) == (7, 0)
                assert region.volume.ask("SELECT count(*) FROM pg_stat_wal_receiver") == "0"
                assert region.volume.ask("SHOW dr.pinned") == format_lsn(moment)
                region.restart()
            assert slots(region.site) == []
            region.volume.ask("SELECT pg_promote()")
            region.restart()
    assert region.volume.ask("SELECT pg_is_in_recovery()") == "False"
    assert (region.rows("before"), region.rows("after")) == (7, 0)
    assert region.volume.ask("SHOW max_logical_replication_workers") == "0"
    assert region.volume.ask("SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'far'").startswith(
        f"{region.volume.server.data}.restored.tablespaces/"
    )


def test_a_primary_with_tablespaces_is_copied_out_of_the_bucket_and_then_followed(
    region: Region, database_folder: Path
) -> None:
    """pg_basebackup would put them at the primary's own paths."""
    with tablespace(region.site, database_folder) as source:
        region.site.back_up()
        write(source, "shipped", 7)
        Shipper(region.site).ship()
        with region.serving_log():
            child = region.volume.run(**region.more)
            wait_until(region.answers, what="the server to answer", alive=[child])
            wait_until(region.volume.streams, what="the stream", alive=[child])
            write(source, "streamed", 5)
            wait_until(lambda: region.rows("streamed") == 5, what="what is streamed", alive=[child])
        assert region.rows("shipped") == 7
        where = region.volume.ask("SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'far'")
        assert where.startswith(f"{region.volume.server.data}.restored.tablespaces/")


def test_a_server_says_how_large_a_copy_of_it_would_be_and_which_tablespaces_it_has(
    region: Region, database_folder: Path
) -> None:
    plain = ask()
    with tablespace(region.site, database_folder) as source:
        source.execute("INSERT INTO distant SELECT repeat(md5(n::text), 100) FROM generate_series(1, 1000) AS n")
        found = ask()
        (place,) = source.execute("SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'far'")
    assert plain.tablespaces == () and plain.bytes > 20 * 2**20
    assert [each.location for each in found.tablespaces] == [*place]
    assert found.bytes > plain.bytes


def test_a_disk_that_is_too_small_is_told_and_nothing_is_copied(region: Region, tmp_path: Path) -> None:
    """As a claim made anew of `storageSize`, whose predecessor had grown."""
    small = tmp_path / "sitecustomize.py"
    small.write_text(
        "import shutil, collections\n"
        "shutil.disk_usage = lambda path: collections.namedtuple('Usage', 'total used free')(2**30, 0, 500 * 2**20)\n"
    )
    more = region.more | {"PYTHONPATH": f"{tmp_path}:{region.more['PYTHONPATH']}"}
    done = region.volume.fill(**more)
    assert done.returncode == 1
    assert "the copy does not fit" in done.stderr and "larger-disk.md" in done.stderr
    assert not list(region.volume.server.data.parent.glob("data*"))


def write(source: psycopg.Connection, what: str, rows: int) -> None:
    """Where the promoter may read it."""
    source.execute("DELETE FROM dr.probe WHERE run = %s", [what])  # of another test
    source.execute("INSERT INTO dr.probe SELECT %s, n::text FROM generate_series(1, %s) AS n", [what, rows])


def kill_while_it_restores(region: Region) -> None:
    """The first script, as with its node."""
    log = region.site.scratch / "first"
    first = subprocess.Popen(
        ["bash", str(region.volume.folder / "fill.sh")],
        env=region.volume.environment(region.more | region.away),
        stdout=log.open("w"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    begun = region.volume.server.data.with_name(".data.restored.dr-restore")
    wait_until(begun.is_dir, what="the restore to begin", alive=[Child("fill", first, log)], interval=0.001)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait(HUNG_SECONDS)


def slots(site: Site) -> list[tuple[str, bool]]:
    """Of the primary."""
    with site.primary.connect() as source:
        return source.execute("SELECT slot_name, active FROM pg_replication_slots").fetchall()  # type: ignore[return-value]


@contextmanager
def tablespace(site: Site, folder: Path) -> Iterator[psycopg.Connection]:
    """A table of the primary in a tablespace of its own."""
    place = folder / f"tablespace-{secrets.token_hex(4)}"
    place.mkdir(mode=0o700)
    if site.primary.uid is not None:
        os.chown(place, site.primary.uid, site.primary.uid)
    with site.primary.connect() as source:
        source.execute(f"CREATE TABLESPACE far LOCATION '{place}'".encode())
        source.execute("CREATE TABLE distant (word text) TABLESPACE far")
        try:
            yield source
        finally:
            source.execute("DROP TABLE distant")
            source.execute("DROP TABLESPACE far")
            shutil.rmtree(place)
