"""Backups of a replica in the site: what is read of it restores equal, and where it will not do the primary is read."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from engines.engine import Origin
from engines.postgres import replica as rules
from engines.postgres.full import PostgresFull
from engines.postgres.incremental import PostgresIncremental
from lab.aws.site import Aws
from lab.machine.addresses import POSTGRES_PORT, Block
from lab.machine.processes import HUNG_SECONDS, Supervisor, die_with_parent, wait_until
from operations.guard.gate import Address
from operations.guard.primary import Primary as GuardsPrimary
from recovery.errors import Failed
from recovery.names import ACCEPTED_INCREMENTALS, READ_REPLICA, REPLICA_SLOT, ROLE_BACKUP
from recovery.plan.datasets import Dataset
from recovery.site.postgres_replica import pg_hba, settings
from tests.support.backup_site import Site, site_with_bucket
from tests.support.log_site import until
from tests.support.restore_site import Place, order, orders
from tests.support.restore_site import place as place  # fixture
from tests.support.standby_volume import Standby, Volume, volume_for

REPLICA = Standby(
    slot=REPLICA_SLOT,
    hba="host all postgres 127.0.0.0/8 scram-sha-256\n" + pg_hba(["127.0.0.0/8"]),  # and the test
    asker="postgres",
    settings=settings({}),
)


class Watched:
    """Remembers which server an engine was read of."""

    origin: Origin

    def look(self, section: Dataset, environment: Mapping[str, str], *, replica_lag: timedelta) -> Origin:
        self.origin = super().look(section, environment, replica_lag=replica_lag)  # type: ignore[misc]
        return self.origin


class Full(Watched, PostgresFull):
    pass


class Incremental(Watched, PostgresIncremental):
    pass


@pytest.fixture
def volume(backup_source: Site, processes: Supervisor, database_folder: Path, block: Block) -> Iterator[Volume]:
    with volume_for(backup_source, processes, database_folder, block, REPLICA, inherits="") as made:
        yield made


@pytest.fixture
def site(volume: Volume, backup_source: Site, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Backups are read of the replica, which streams."""
    volume.start()
    more = {READ_REPLICA: f"{volume.server.address}:{POSTGRES_PORT}", ACCEPTED_INCREMENTALS: "18.6"}
    return site_with_bucket(replace(backup_source, more=more), aws, tmp_path, monkeypatch)


def test_a_backup_of_the_replica_has_what_the_primary_had_when_it_was_asked_for(
    site: Site, volume: Volume, place: Place
) -> None:
    run, engine = os.urandom(4).hex(), Full()
    with site.primary.connect() as source:
        order(source, run, 1000)
    made = site.back_up(engine)
    assert engine.origin.server["PGHOST"] == volume.server.address and engine.origin.standby
    assert made.remark == ""
    site.check()
    place.restore(site.store)
    with place.start() as session, site.primary.connect() as source:
        assert orders(session, run)[0] == 1000
        assert orders(session) == orders(source)


def test_an_incremental_of_the_replica_builds_on_a_full_of_the_primary_and_restores_equal(
    site: Site, volume: Volume, place: Place
) -> None:
    full = replace(site, more={}).back_up()
    with site.primary.connect() as source:
        order(source, os.urandom(4).hex(), 1000)
    engine = Incremental()
    made = site.back_up(engine)
    assert engine.origin.server["PGHOST"] == volume.server.address and made.manifest.parent == full.manifest.id
    place = replace(place, site=site)
    place.restore(site.store, made.manifest.id)
    with place.start() as session, site.primary.connect() as source:
        assert orders(session) == orders(source)


def away(volume: Volume) -> None:
    volume.processes.kill("standby")


def paused(volume: Volume) -> None:
    volume.ask("SELECT pg_wal_replay_pause()")
    wait_until(lambda: volume.ask("SELECT pg_get_wal_replay_pause_state()") == "paused", what="the pause")


def promoted(volume: Volume) -> None:
    assert volume.ask("SELECT pg_promote()") == "True"


def without_full_pages(volume: Volume) -> None:
    with volume.primary.connect() as connection:
        connection.execute("ALTER SYSTEM SET full_page_writes = off")
        connection.execute("SELECT pg_reload_conf()")
        wait_until(lambda: _setting(connection, "full_page_writes") == "off", what="the reload")


def _setting(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    return str(row[0]) if row else ""


@pytest.fixture
def as_before(backup_source: Site) -> Iterator[None]:
    """The primary's settings are what they were afterwards."""
    yield
    with backup_source.primary.connect() as connection:
        connection.execute("ALTER SYSTEM RESET full_page_writes")
        connection.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
        connection.execute("SELECT pg_reload_conf()")


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (away, "does not answer"),
        (paused, "its replay is paused"),
        (promoted, "promoted by somebody"),
        (without_full_pages, "full_page_writes off"),
    ],
)
def test_a_replica_that_will_not_do_is_no_reason_for_no_backup(
    site: Site, volume: Volume, spoil: Callable[[Volume], None], why: str
) -> None:
    run, engine = os.urandom(4).hex(), Full()
    spoil(volume)
    with site.primary.connect() as source:
        order(source, run)
    made = site.back_up(engine)
    assert engine.origin.server == {} and not engine.origin.standby
    assert made.remark.startswith(f"read from the primary {site.primary.address}:{POSTGRES_PORT}: ")
    assert why in made.remark
    site.check()


@contextmanager
def stream_stopped(volume: Volume) -> Iterator[None]:
    """The replica's receiver gets nothing any more, and nobody is told."""
    pid = int(volume.ask("SELECT pid FROM pg_stat_wal_receiver"))
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_replica_that_lags_is_not_called_a_fresh_backup(
    site: Site, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "PATIENCE", timedelta(seconds=0.3))
    engine = Full()
    with stream_stopped(volume), site.primary.connect() as source:
        order(source, os.urandom(4).hex(), 1000)
        made = site.back_up(engine)
    assert "the replica lacks" in made.remark and "still so after" in made.remark
    assert engine.origin.server == {}


def test_another_database_at_the_replica_s_address_is_not_copied(
    site: Site, volume: Volume, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that a new cluster was made of meanwhile."""
    volume.processes.kill("standby")
    other = replace(site.primary, supervisor=volume.processes, folder=place.parent / "other", name="other")
    other = replace(other, address=volume.server.address, passwords=site.primary.passwords)
    other.create()
    try:
        made = site.back_up()
    finally:
        volume.processes.kill("other")
    assert "the replica is another database, system" in made.remark


def test_a_replica_that_is_promoted_while_it_is_copied_leaves_no_backup(site: Site, volume: Volume) -> None:
    class Promoting(Full):
        def copy(self, origin: Origin, *rest: object, **more: object):  # type: ignore[override]
            promoted(volume)
            return super().copy(origin, *rest, **more)  # type: ignore[arg-type]

    with pytest.raises(Failed, match="was promoted or replaced meanwhile"):
        site.back_up(Promoting())
    assert not [key for key in site.object_keys() if key.endswith("manifest.json")]


def test_the_replica_follows_again_after_it_was_killed(site: Site, volume: Volume) -> None:
    run = os.urandom(4).hex()
    volume.processes.kill("standby")
    with site.primary.connect() as source:
        order(source, run, 3)
    volume.start()
    found = f"SELECT count(*) FROM orders WHERE client = '{run}'"  # noqa: S608
    wait_until(lambda: volume.ask(found) == "3", what="what was written meanwhile")
    assert site.back_up().remark == ""


@pytest.mark.usefixtures("as_before")
def test_a_replica_that_stays_away_costs_the_primary_no_more_than_its_slot_may_keep(
    site: Site, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume.processes.kill("standby")
    with site.primary.connect() as source:
        source.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '32MB'")
        source.execute("SELECT pg_reload_conf()")
        wait_until(lambda: _setting(source, "max_slot_wal_keep_size") == "32MB", what="the reload")
        for _ in range(6):
            source.execute("SELECT pg_logical_emit_message(false, 'test', 'x')")
            source.execute("SELECT pg_switch_wal()")
        until(lambda: _lost(source), "the slot to be given up")
    monkeypatch.setenv("PGUSER", "postgres")
    monkeypatch.setenv("PGPASSWORD", site.primary.passwords["postgres"])
    guard = GuardsPrimary(Address(site.primary.address, POSTGRES_PORT), database=site.database, application_role="app")
    assert [(each.name, each.lost) for each in guard.identity().slots or ()] == [(REPLICA_SLOT, True)]
    assert sum(path.stat().st_size for path in (site.primary.data / "pg_wal").glob("0*")) < 200 << 20
    monkeypatch.setenv("PGUSER", ROLE_BACKUP)
    monkeypatch.setenv("PGPASSWORD", site.primary.passwords[ROLE_BACKUP])
    volume.run()
    until(lambda: accepts(volume), "the replica that can follow no more")
    with site.primary.connect() as source:
        order(source, os.urandom(4).hex())
    monkeypatch.setattr(rules, "PATIENCE", timedelta(seconds=0.3))
    assert "the replica lacks" in site.back_up().remark


def _lost(connection: psycopg.Connection) -> bool:
    """At a checkpoint, whose process may read the new setting after us."""
    connection.execute("CHECKPOINT")
    return connection.execute("SELECT wal_status FROM pg_replication_slots").fetchall() == [("lost",)]


def accepts(volume: Volume) -> bool:
    try:
        return volume.ask("SELECT 1") == "1"
    except psycopg.OperationalError:
        return False


def test_nobody_but_copies_and_watchers_gets_in(site: Site, volume: Volume) -> None:
    (volume.folder / "config" / "pg_hba.conf").write_text(pg_hba(["127.0.0.0/8"]))
    environment = {"PATH": "/usr/bin:/bin", **site.primary.postgres.env()}
    subprocess.run(
        [site.primary.postgres.bin / "pg_ctl", "reload", "-D", volume.server.data],
        env=environment,
        preexec_fn=die_with_parent(site.primary.uid),
        check=True,
        timeout=HUNG_SECONDS,
        capture_output=True,
    )
    wait_until(lambda: refused(volume, "postgres"), what="the new file")
    for role in ("ultramarket_app", "ultramarket_owner", "dr_promoter", "dr_guard"):
        assert refused(volume, role), role
    for role in ("dr_backup", "dr_monitor"):
        assert not refused(volume, role), role


def refused(volume: Volume, role: str) -> bool:
    try:
        volume.server.connect(role).close()
    except psycopg.OperationalError as error:
        return "pg_hba.conf rejects" in str(error)
    return False
