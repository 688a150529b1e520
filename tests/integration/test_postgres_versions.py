"""What a promotion asks of its standby, on the oldest and the newest PostgreSQL: functions and views differ."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engines.postgres.standby import PostgresGate, PostgresStandby
from lab.machine.addresses import Block
from lab.machine.processes import HUNG_SECONDS, Supervisor, die_with_parent, wait_until
from lab.ultramarket.primary import DATABASE, Primary
from recovery.errors import Failed
from recovery.names import ROLE_PROMOTER, ROLE_REPLICATION
from tests.support.backup_site import Site


@pytest.fixture
def standby(
    each_source: Site, block: Block, processes: Supervisor, database_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Primary]:
    """A running standby of the site's primary; this process logs in as the promoter."""
    primary = each_source.primary
    made = replace(
        primary,
        supervisor=processes,
        folder=database_folder / f"standby-{os.urandom(4).hex()}",
        address=block.host(34),
        name="standby",
    )
    made.folder.mkdir(mode=0o700)
    if made.uid is not None:
        os.chown(made.folder, made.uid, made.uid)
    login = {"PGUSER": ROLE_REPLICATION, "PGPASSWORD": primary.passwords[ROLE_REPLICATION]}
    subprocess.run(
        [
            primary.postgres.bin / "pg_basebackup",
            f"--pgdata={made.data}",
            f"--host={primary.address}",
            "--write-recovery-conf",
            "--checkpoint=fast",
        ],
        env=each_source.environment | login,
        preexec_fn=die_with_parent(made.uid),
        check=True,
        timeout=HUNG_SECONDS,
    )
    with (made.data / "postgresql.conf").open("a") as settings:
        settings.write(f"listen_addresses = '{made.address}'\n")
    made.start()
    monkeypatch.setenv("PGUSER", ROLE_PROMOTER)
    monkeypatch.setenv("PGPASSWORD", primary.passwords[ROLE_PROMOTER])
    yield made
    processes.kill("standby")


def test_a_standby_of_any_supported_version_tells_its_state_and_is_promoted(standby: Primary) -> None:
    database = PostgresStandby(f"{standby.address}:5432", DATABASE)
    gate = PostgresGate(f"{standby.address}:5432", DATABASE)
    wait_until(lambda: database.state().streaming, what="streaming")
    with standby.connect() as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
    wait_until(lambda: database.state().replay_paused, what="paused replay")
    before = database.state()
    assert before.in_recovery and before.client_connection_check and before.receive_lsn >= before.replay_lsn > 0
    with pytest.raises(Failed, match="read-only"):
        gate.announce(2, "run")
    database.resume_replay()
    database.promote()
    database.promote()
    wait_until(lambda: not database.state().in_recovery, what="promotion")
    gate.announce(2, "run")
    after = database.state()
    assert after.system_identifier == before.system_identifier and not after.streaming
    database.resume_replay()
    database.close()


def test_a_standby_names_the_databases_and_indexes_that_another_library_sorted(
    standby: Primary, each_source: Site
) -> None:
    """As if the primary had run on a distribution whose C library calls itself 1.0."""
    database = PostgresStandby(f"{standby.address}:5432", DATABASE)
    assert database.collation_changes() == ()
    assert database.bytes_used() > 2**20
    version = "UPDATE pg_database SET datcollversion = %s WHERE datname = %s"
    with each_source.primary.connect() as connection:
        try:
            connection.execute(version, ("1.0", DATABASE))
            wait_until(lambda: bool(database.collation_changes()), what="the standby to hear of it")
            (found,) = database.collation_changes()
        finally:
            connection.execute(version, (None, DATABASE))
    assert (found.database, found.recorded) == (DATABASE, "1.0")
    assert found.indexes == ("orders_pkey",)
    database.close()
