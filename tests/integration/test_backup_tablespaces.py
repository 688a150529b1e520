"""What a full holds can be started again: by hand, from the objects alone, tablespaces included. The server that comes
of it is a standby, of which the next backup is taken; that one compresses by itself where it can, and is promoted
during a third."""

import os
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engines.catalog import newest
from engines.postgres.archives import contents, raw
from lab.aws.site import Aws
from lab.machine.addresses import POSTGRES_PORT, Block
from lab.machine.processes import HUNG_SECONDS, Supervisor
from lab.ultramarket.primary import Primary
from operations.copies.backup import Made
from operations.monitoring.backups import judge_newest
from operations.monitoring.findings import OK, WARNING
from recovery.errors import Failed
from recovery.names import ROLE_REPLICATION
from recovery.plan.loading import load_plan
from tests.support.backup_site import Site, site_with_bucket
from tests.support.plans import ROOT
from tests.support.wire import wire


@pytest.fixture
def site(each_source: Site, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return site_with_bucket(each_source, aws, tmp_path, monkeypatch)


@pytest.fixture
def tablespace(site: Site, database_folder: Path) -> Iterator[Path]:
    """A table with one row in a tablespace of its own."""
    folder = database_folder / f"tablespace-{os.urandom(4).hex()}"
    folder.mkdir(mode=0o700)
    owned(site.primary, folder)
    with site.primary.connect() as connection:
        connection.execute(f"CREATE TABLESPACE beside LOCATION '{folder}'".encode())
        connection.execute("CREATE TABLE far (word text) TABLESPACE beside")
        connection.execute("INSERT INTO far VALUES ('kept')")
        # More than sockets hold, however well the server compresses.
        connection.execute(
            "CREATE TABLE noise TABLESPACE beside AS SELECT string_agg(decode(md5(random()::text || n), 'hex'), '')"
            " FROM generate_series(1, 600000) AS n GROUP BY n % 10000"
        )
        yield folder
        connection.execute("DROP TABLE far, noise")
        connection.execute("DROP TABLESPACE beside")


def owned(primary: Primary, *folders: Path) -> None:
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            if primary.uid is not None:
                os.chown(path, primary.uid, primary.uid)


def unpacked(site: Site, made: Made, folder: Path) -> Primary:
    """The backup as a data directory, as somebody would do it with zstd and tar."""
    data, beside = folder / "data", folder / "beside"
    data.mkdir(parents=True, mode=0o700)
    beside.mkdir(mode=0o700)
    for series in contents(made.manifest).archives:
        packed = folder / "archive"
        packed.write_bytes(b"".join(raw(site.store, series)))
        with tarfile.open(packed) as archive:
            archive.extractall(beside if series.tablespace else data, filter="data")
    (tablespace,) = made.manifest.tablespaces
    (data / "tablespace_map").write_text(f"{tablespace.oid} {beside}\n")
    owned(site.primary, folder)
    return replace(site.primary, folder=folder)


def test_a_backup_with_tablespaces_is_verified_and_starts_again(
    site: Site,
    tablespace: Path,
    processes: Supervisor,
    database_folder: Path,
    block: Block,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = site.back_up()
    (declared,) = made.manifest.tablespaces
    names = [part.key.rpartition("/")[2] for part in made.manifest.parts]
    assert declared.location == str(tablespace)
    assert names == [f"{declared.oid}.tar.zst", "base.tar.zst", "backup_manifest.zst"]
    site.check()

    again = unpacked(site, made, database_folder / f"again-{os.urandom(4).hex()}")
    again = replace(again, supervisor=processes, address=block.host(36), name="again")
    primary = site.primary
    with (again.data / "postgresql.conf").open("a") as settings:
        settings.write(f"listen_addresses = '{again.address}'\n")
        settings.write(
            f"primary_conninfo = 'host={primary.address} port={POSTGRES_PORT} user={ROLE_REPLICATION} "
            f"password={primary.passwords[ROLE_REPLICATION]}'\n"
        )
    (again.data / "standby.signal").touch()
    owned(primary, again.data)
    again.start()
    with again.connect() as connection:
        assert connection.execute("SELECT word FROM far").fetchall() == [("kept",)]

    monkeypatch.setenv("PGHOST", again.address)
    second = site.back_up()
    verdict = site.check()
    assert verdict.raw_bytes == second.manifest.raw_bytes > 20_000_000
    assert second.manifest.source.system_identifier == made.manifest.source.system_identifier
    frame = next(site.store.stream(second.manifest.parts[1].key))
    assert has_checksum(frame) == (site.major > 15)  # ours has one; the wheel's server has no zstd

    with wire((again.address, POSTGRES_PORT), block.host(35), limit=300_000, then="stop") as held:
        monkeypatch.setenv("PGHOST", held.host)
        monkeypatch.setenv("PGPORT", str(held.port))
        with ThreadPoolExecutor(1) as pool, again.connect() as connection:
            backup = pool.submit(site.back_up)
            assert held.reached.wait(HUNG_SECONDS)
            connection.execute("SELECT pg_promote()")
            held.go_on()
            with pytest.raises(Failed, match="promoted"):
                backup.result(timeout=HUNG_SECONDS)

    # What the monitor says: the newest is as old as the plan allows, until the next ones fail for a day.
    plan, found = load_plan(ROOT / "recovery.yaml"), newest(site.store, "postgres", "full")
    assert found.manifest == second.manifest
    finished = second.manifest.finished
    levels = [
        judge_newest(plan, "postgres", "full", found, now=finished + age).level
        for age in (timedelta(hours=1), timedelta(hours=28))
    ]
    assert levels == [OK, WARNING]


def has_checksum(frame: bytes) -> bool:
    """Of a zstd frame: https://datatracker.ietf.org/doc/html/rfc8878#section-3.1.1.1.1"""
    return bool(frame[4] & 4)
