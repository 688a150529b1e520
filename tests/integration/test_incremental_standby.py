"""Incrementals of a standby, which begins its backups at its last restart point: a quiet database is no failure."""

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from engines.postgres.incremental import PostgresIncremental
from engines.postgres.restart_point import await_restart_point
from lab.aws.site import Aws
from lab.machine.addresses import Block
from lab.machine.processes import HUNG_SECONDS, Supervisor, die_with_parent, wait_until
from recovery.errors import Failed, FullInstead, Unchanged
from recovery.names import ACCEPTED_INCREMENTALS, ROLE_REPLICATION
from tests.support.backup_site import Site, site_with_bucket
from tests.support.manifests import manifest

QUIET = manifest(stop_position="FF/0")
"""A backup whose end is ahead of all that there is."""


@pytest.fixture
def site(
    backup_source: Site,
    aws: Aws,
    block: Block,
    processes: Supervisor,
    database_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Site]:
    """Its backups are read from a standby."""
    primary = backup_source.primary
    standby = replace(
        primary,
        supervisor=processes,
        folder=database_folder / f"standby-{os.urandom(4).hex()}",
        address=block.host(34),
        name="standby",
    )
    standby.folder.mkdir(mode=0o700)
    if standby.uid is not None:
        os.chown(standby.folder, standby.uid, standby.uid)
    subprocess.run(
        [
            primary.postgres.bin / "pg_basebackup",
            f"--pgdata={standby.data}",
            f"--host={primary.address}",
            "--write-recovery-conf",
            "--checkpoint=fast",
        ],
        env=backup_source.environment | {"PGUSER": ROLE_REPLICATION, "PGPASSWORD": primary.passwords[ROLE_REPLICATION]},
        preexec_fn=die_with_parent(standby.uid),
        check=True,
        timeout=HUNG_SECONDS,
    )
    with (standby.data / "postgresql.conf").open("a") as settings:
        settings.write(f"listen_addresses = '{standby.address}'\n")
    standby.start()
    read_from = replace(backup_source, primary=standby, more={ACCEPTED_INCREMENTALS: "18.6"})
    yield site_with_bucket(read_from, aws, tmp_path, monkeypatch)
    processes.kill("standby")


def write(primary: psycopg.Connection, site: Site) -> None:
    """A little, which the standby has replayed then. No checkpoint follows it."""
    primary.execute("INSERT INTO orders SELECT gen_random_uuid(), 'standby' FROM generate_series(1, 100)")
    end = primary.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
    with site.primary.connect() as standby:
        wait_until(
            lambda: standby.execute("SELECT pg_last_wal_replay_lsn() >= %s", end).fetchone() == (True,),
            what="replay",
        )


def test_what_was_written_without_a_checkpoint_gets_one_of_the_primary(site: Site, backup_source: Site) -> None:
    full = site.back_up()
    with backup_source.primary.connect() as primary:
        write(primary, site)
    made = site.back_up(PostgresIncremental())
    assert made.manifest.parent == full.manifest.id
    site.check(made.manifest.id)


def test_nothing_written_since_is_said_and_is_no_failure(site: Site) -> None:
    with pytest.raises(Unchanged, match=f"nothing has changed since {QUIET.id}"):
        await_restart_point(QUIET, "", site.environment, until=time.monotonic() + 60)


def test_another_reason_of_the_server_s_is_told_in_its_words(site: Site) -> None:
    old = manifest(stop_position="0/1")
    with pytest.raises(FullInstead, match="no summaries"):
        await_restart_point(old, "no summaries", site.environment, until=time.monotonic() + 60)


def test_a_standby_that_does_not_replay_is_given_up_at_the_time_limit(site: Site, backup_source: Site) -> None:
    full = site.back_up().manifest
    with backup_source.primary.connect() as primary, site.primary.connect() as standby:
        write(primary, site)
        standby.execute("SELECT pg_wal_replay_pause()")
        with pytest.raises(Failed, match="no checkpoint of the primary behind the end of"):
            await_restart_point(full, "", site.environment, until=time.monotonic() + 1)
