"""A restore of full, incrementals and log is the same as one of full and log, and as what pg_combinebackup makes."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from engines.postgres.archives import contents, raw
from engines.postgres.incremental import PostgresIncremental
from engines.postgres.merge import unpack_chain
from engines.postgres.restore_order import Order, plan_restore
from engines.postgres.unpack import Place, unpack
from lab.aws.site import Aws
from lab.machine.addresses import Block
from lab.machine.processes import HUNG_SECONDS, Supervisor
from operations.copies.restore import execute
from recovery.copies.manifest import Manifest
from recovery.copies.recovery_target import Target
from recovery.errors import Refused
from recovery.names import ACCEPTED_INCREMENTALS
from tests.support.backup_site import Site, site_with_bucket
from tests.support.wal_shipping import Shipper

BEFORE = """
CREATE TABLE big AS SELECT n, repeat('x', 500) AS text FROM generate_series(1, 4000) AS n;
CREATE TABLE cut AS SELECT * FROM big;
CREATE TABLE gone AS SELECT * FROM big;
CREATE INDEX ON big (n);
CREATE DATABASE gone;
"""
FIRST = """
UPDATE big SET text = 'changed' WHERE n % 1000 = 0;
TRUNCATE cut;
INSERT INTO cut SELECT n, 'again' FROM generate_series(1, 50) AS n;
DROP TABLE gone;
CREATE TABLE new AS SELECT * FROM big WHERE n < 1000;
CREATE DATABASE fresh;
"""
SECOND = """
DROP DATABASE gone;
INSERT INTO cut SELECT * FROM big;
DELETE FROM new WHERE n > 20;
VACUUM new;
VACUUM FULL big;
INSERT INTO big SELECT n, 'second' FROM generate_series(5000, 5100) AS n;
"""
THIRD = "INSERT INTO new SELECT n, 'third' FROM generate_series(6000, 6100) AS n"
AFTERWARDS = "DROP TABLE IF EXISTS big, cut, gone, new; DROP DATABASE IF EXISTS gone; DROP DATABASE IF EXISTS fresh"
TABLES = ("orders", "big", "cut", "new")


@pytest.fixture
def site(backup_source: Site, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Its server keeps all of its log, which is put into the bucket at the end."""
    accepting = replace(backup_source, more={ACCEPTED_INCREMENTALS: "18.6"})
    with accepting.primary.connect("postgres", "postgres") as session:
        session.execute("ALTER SYSTEM SET wal_keep_size = '1GB'")
        session.execute("SELECT pg_reload_conf()")
        yield site_with_bucket(accepting, aws, tmp_path, monkeypatch)
        session.execute("ALTER SYSTEM RESET wal_keep_size")
        session.execute("SELECT pg_reload_conf()")
    run(accepting, AFTERWARDS)


@pytest.fixture
def parent(database_folder: Path, site: Site) -> Path:
    """A folder of the database's user."""
    folder = database_folder / f"restored-{os.urandom(4).hex()}"
    folder.mkdir(mode=0o755)
    if site.primary.uid is not None:
        os.chown(folder, site.primary.uid, site.primary.uid)
    return folder


def run(site: Site, script: str) -> None:
    with site.primary.connect() as connection, site.primary.connect("postgres", "postgres") as administrator:
        for statement in filter(str.strip, script.split(";")):
            (administrator if "DATABASE" in statement else connection).execute(statement.encode())


def history(site: Site) -> list[Manifest]:
    """A full and two incrementals, with changes around each, and the log of all of it."""
    run(site, BEFORE)
    made = [site.back_up().manifest]
    for script in (FIRST, SECOND):
        run(site, script)
        made.append(site.back_up(PostgresIncremental()).manifest)
    run(site, THIRD)
    Shipper(site).ship()
    return made


def planned(site: Site, into: Path, *, incrementals: bool = True, to: str = "latest") -> Order:
    return plan_restore(site.store, Target.parse(to), into, environment=site.environment, incrementals=incrementals)


def rows(session: psycopg.Connection) -> list[tuple[object, ...]]:
    return [
        session.execute(f"SELECT count(*), sum(hashtext({table}::text)::bigint) FROM {table}".encode()).fetchone() or ()  # noqa: S608
        for table in TABLES
    ]


def test_with_incrementals_and_without_the_same_rows_come_back(
    site: Site, parent: Path, processes: Supervisor, block: Block
) -> None:
    full, _, last = history(site)
    found: list[list[tuple[object, ...]]] = []
    for incrementals in (True, False):
        into = parent / f"{incrementals}" / "data"
        into.parent.mkdir()
        if site.primary.uid is not None:
            os.chown(into.parent, site.primary.uid, site.primary.uid)
        order = planned(site, into, incrementals=incrementals)
        assert [each.id for each in (order.choice.chain[0], order.choice.backup)] == [
            full.id,
            last.id if incrementals else full.id,
        ]
        execute(site.store, order, environment=site.environment, owner=site.primary.uid)
        with started(site, into, processes, block) as session:
            require_sound(session)
            found.append(rows(session))
            databases = session.execute("SELECT datname FROM pg_database").fetchall()
        assert ("fresh",) in databases and ("gone",) not in databases
        processes.kill("restored")
    with site.primary.connect() as source:
        assert found == [rows(source)] * 2


@pytest.fixture
def tablespaces(site: Site, database_folder: Path) -> Iterator[dict[str, Path]]:
    """Folders for three, of which two are dropped at the end."""
    folders = {name: database_folder / f"{name}-{os.urandom(4).hex()}" for name in ("stays", "goes", "comes")}
    for folder in folders.values():
        folder.mkdir(mode=0o700)
        if site.primary.uid is not None:
            os.chown(folder, site.primary.uid, site.primary.uid)
    yield folders
    with site.primary.connect() as connection:
        connection.execute("DROP TABLE in_stays, in_comes")
        connection.execute("DROP TABLESPACE stays")
        connection.execute("DROP TABLESPACE comes")


def test_tablespaces_come_go_and_change_between_two_backups(
    site: Site, parent: Path, processes: Supervisor, block: Block, tablespaces: dict[str, Path]
) -> None:
    with site.primary.connect() as connection:

        def make(name: str) -> None:
            connection.execute(f"CREATE TABLESPACE {name} LOCATION '{tablespaces[name]}'".encode())
            rows = "SELECT n, 'first' AS text FROM generate_series(1, 3000) AS n"
            connection.execute(f"CREATE TABLE in_{name} TABLESPACE {name} AS {rows}".encode())

        make("stays")
        make("goes")
        site.back_up()
        connection.execute("UPDATE in_stays SET text = 'second' WHERE n = 7")
        connection.execute("DROP TABLE in_goes")
        connection.execute("DROP TABLESPACE goes")
        make("comes")
    made = site.back_up(PostgresIncremental())
    into = parent / "data"
    order = planned(site, into, to=made.manifest.id)
    execute(site.store, order, environment=site.environment, owner=site.primary.uid)
    oids = {str(each.oid) for each in made.manifest.tablespaces}
    assert len(oids) == 2 and {path.name for path in (parent / "data.tablespaces").iterdir()} == oids
    with started(site, into, processes, block) as session:
        found = session.execute("SELECT text FROM in_stays WHERE n IN (6, 7) ORDER BY n").fetchall()
        assert found == [("first",), ("second",)]
        assert session.execute("SELECT count(*) FROM in_comes").fetchone() == (3000,)
    processes.kill("restored")


def test_incrementals_made_under_the_override_need_it_to_be_used(site: Site, parent: Path) -> None:
    full, first, _ = history(site)
    distrusting = replace(site, more={})
    order = planned(distrusting, parent / "data")
    assert order.choice.chain == (full,)
    assert "18.6 can restore stale data" in order.passed_over[0]
    with pytest.raises(Refused, match=f"{first.id} is not used"):
        planned(distrusting, parent / "data", to=first.id)


def started(site: Site, into: Path, processes: Supervisor, block: Block) -> psycopg.Connection:
    """A session in the restored server."""
    server = replace(site.primary, supervisor=processes, folder=into.parent, address=block.host(34), name="restored")
    with (into / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"listen_addresses = '{server.address}'\n")
    server.start()
    return server.connect()


def require_sound(session: psycopg.Connection) -> None:
    """No heap page and no index page contradicts another."""
    session.execute("CREATE EXTENSION amcheck")
    damaged = "SELECT c.relname, v.* FROM pg_class c, LATERAL verify_heapam(c.oid) v WHERE c.relkind = 'r'"
    assert session.execute(damaged).fetchall() == []
    session.execute(
        "SELECT bt_index_check(i.indexrelid, true) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'btree' AND c.relpersistence = 'p'"
    )


def test_what_comes_of_it_is_byte_for_byte_what_pg_combinebackup_makes(site: Site, parent: Path) -> None:
    made = history(site)
    inputs: list[Path] = []
    for each in made:
        folder = parent / each.id
        unpack(site.store, each, lambda _, folder=folder: Place(folder=folder))
        (folder / "backup_manifest").write_bytes(b"".join(raw(site.store, contents(each).manifest)))
        inputs.append(folder)
    subprocess.run(
        [site.primary.postgres.bin / "pg_combinebackup", *inputs, "-o", parent / "theirs"],
        check=True,
        timeout=HUNG_SECONDS,
    )
    unpack_chain(site.store, made, lambda _: Place(folder=parent / "ours"))
    theirs, ours = tree(parent / "theirs"), tree(parent / "ours")
    assert set(theirs) ^ set(ours) == {"backup_manifest"}
    assert [name for name in ours if theirs[name] != ours[name]] == []
    shutil.rmtree(parent)


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
