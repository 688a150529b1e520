"""A server whose WAL files have another size than PostgreSQL's usual 16 MiB (`initdb --wal-segsize`): from its log's
shipping to a restore, on real parts."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cloud.objects import S3Bucket
from engines.postgres.wal_ahead import BucketLog
from engines.postgres.wal_bucket import segment_bytes_of, unpacked
from lab.aws.site import Aws
from lab.machine.addresses import Block
from lab.machine.processes import Supervisor
from lab.ultramarket.primary import Primary
from recovery.copies.log import SEGMENTS
from tests.support.backup_site import Site
from tests.support.clients import client, make_bucket
from tests.support.drain_site import DrainSite, drain_site, vouching
from tests.support.log_site import LogSite, s3_store, until
from tests.support.restore_site import Place

MEBIBYTE = 2**20


@pytest.fixture(params=[1, 64])
def primary(
    request: pytest.FixtureRequest, postgres_template: Primary, processes: Supervisor, database_folder: Path
) -> Iterator[Primary]:
    """A primary made with such files, whose configuration lies elsewhere, as Debian's does: no copy of its data brings
    the sizes along that initdb put there."""
    folder = database_folder / f"wal-{os.urandom(4).hex()}"
    made = replace(
        postgres_template, supervisor=processes, folder=folder, name="postgres", segment_mebibytes=request.param
    )
    made.create()
    (made.data / "postgresql.conf").unlink()
    yield made
    processes.kill("postgres")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def copies(primary: Primary, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Its copies go into the DR bucket, and this process logs in as whoever makes them."""
    for name, value in aws.env("prod").items():
        monkeypatch.setenv(name, value)
    s3 = client(aws, "s3", "dr")
    made = Site(primary, s3_store(make_bucket(s3, "log", "us-west-2", locked=True)), s3, tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def site(copies: Site, processes: Supervisor, database_folder: Path, block: Block) -> Iterator[DrainSite]:
    with drain_site(LogSite(copies.primary, copies.store), processes, database_folder, block) as made:
        yield made


def test_its_log_is_put_together_drained_and_restored(
    site: DrainSite, copies: Site, processes: Supervisor, block: Block, database_folder: Path
) -> None:
    size = copies.primary.segment_mebibytes * MEBIBYTE
    with site.log.shipping(), site.serving():
        until(site.log.position, "the log to be kept from before the backup")
        copies.back_up()
        site.follows(site.write("streamed"), "what was streamed")
        site.log.fill_segment()
        until(lambda: site.log.keys(SEGMENTS), "a whole segment")
        site.lose_stream()
        site.follows(site.write("shipped", rows=1000), "what was shipped only")
        site.log.fill_segment()
        end = site.write("in the next file")
        site.follows(end, "what is in the next file")
        until(lambda: len(site.log.keys(SEGMENTS)) > 1, "the next segment, too")
    assert site.troubles == []
    assert segment_bytes_of(site.store, site.log.system) == size
    for key in site.log.keys(SEGMENTS):
        assert len(unpacked(body_of(site.store, key), key)) == size

    ahead = BucketLog(store=site.store).ahead(vouching(site.log), 1, end - size)
    assert ahead.end >= end, "a promotion knows how far the bucket is"

    place = Place(copies, database_folder / f"restored-{os.urandom(4).hex()}", block.host(34), processes)
    place.parent.mkdir()
    if copies.primary.uid is not None:
        os.chown(place.parent, copies.primary.uid, copies.primary.uid)
    place.restore(copies.store)
    with place.start() as session:
        rows = session.execute("SELECT run, count(*) FROM dr.probe GROUP BY run").fetchall()
    place.stop()
    assert dict(rows) == {"streamed": 10, "shipped": 1000, "in the next file": 10}


def body_of(store: S3Bucket, key: str) -> bytes:
    found = store.get(key)
    assert found is not None
    return found[0]
