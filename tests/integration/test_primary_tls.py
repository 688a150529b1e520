"""TLS on the way to production's primary, with a real server that has it and one that has not."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from engines.postgres.tools import identify
from lab.aws.site import Aws
from lab.machine.addresses import POSTGRES_PORT, Block
from lab.machine.processes import HUNG_SECONDS, Supervisor, wait_until
from lab.ultramarket.primary import DATABASE, Primary
from operations.guard.gate import Address
from operations.guard.primary import Primary as GuardedPrimary
from recovery.errors import Refused, Unreachable
from tests.support.backup_site import Site, site_with_bucket
from tests.support.standby_volume import volume_for
from tests.support.tls import certificate
from tests.support.wire import wire


@dataclass
class Encrypted:
    """A site whose primary offers TLS: the CA of its certificate, and another's."""

    site: Site
    authority: Path
    stranger: Path


@pytest.fixture
def encrypted(oldest_source: Site, database_folder: Path) -> Iterator[Encrypted]:
    """The oldest server, since the newest one's wheel is built without OpenSSL. Its certificate names its address."""
    primary, folder = oldest_source.primary, database_folder / f"tls-{os.urandom(4).hex()}"
    authority, chain = certificate(folder, [primary.address])
    stranger, _ = certificate(folder / "stranger", [primary.address])
    folder.chmod(0o755)
    (folder / "stranger").chmod(0o755)
    chain.chmod(0o600)
    if primary.uid is not None:
        os.chown(chain, primary.uid, primary.uid)
    with primary.connect() as connection:
        if connection.execute("SELECT setting FROM pg_settings WHERE name = 'ssl_library'").fetchone() != ("OpenSSL",):
            pytest.skip("this PostgreSQL is built without OpenSSL")
        for name, value in (("ssl_cert_file", chain), ("ssl_key_file", chain), ("ssl", "on")):
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        connection.execute("SELECT pg_reload_conf()")
        wait_until(lambda: _ssl(primary) == "on", what="TLS")
        try:
            yield Encrypted(oldest_source, authority, stranger)
        finally:
            for name in ("ssl", "ssl_cert_file", "ssl_key_file"):
                connection.execute(f"ALTER SYSTEM RESET {name}".encode())
            connection.execute("SELECT pg_reload_conf()")
            wait_until(lambda: _ssl(primary) == "off", what="no TLS")


def _ssl(primary: Primary) -> str:
    with primary.connect() as connection:
        row = connection.execute("SHOW ssl").fetchone()
    return str(row[0]) if row else ""


def log_in(monkeypatch: pytest.MonkeyPatch, site: Site, **variables: str) -> GuardedPrimary:
    """A guard's view of the site's primary by the network, with `variables` in the environment."""
    for name, value in (site.environment | variables).items():
        monkeypatch.setenv(name, value)
    return GuardedPrimary(Address(site.primary.address, 5432), database=DATABASE, application_role="nobody")


def test_a_guard_and_a_backup_verify_the_primary_and_its_address(
    encrypted: Encrypted, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(encrypted.authority)}
    guard = log_in(monkeypatch, encrypted.site, **asked)
    assert guard.identity().system_identifier == identify(DATABASE, os.environ).system_identifier
    with psycopg.connect(dbname=DATABASE) as session:
        row = session.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    assert row == (True,)


def test_a_backup_passes_by_verified_tls_alone(
    encrypted: Encrypted, aws: Aws, block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = site_with_bucket(encrypted.site, aws, tmp_path, monkeypatch)
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    monkeypatch.setenv("PGSSLROOTCERT", str(encrypted.authority))
    primary = site.primary
    encryption = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE backend_type = 'walsender'"
    with (
        primary.connect() as connection,
        wire((primary.address, POSTGRES_PORT), block.host(35), limit=5_000_000, then="stop") as held,
        monkeypatch.context() as on_the_wire,
        ThreadPoolExecutor(1) as pool,
    ):
        on_the_wire.setenv("PGHOSTADDR", held.host)  # the certificate is of PGHOST
        on_the_wire.setenv("PGPORT", str(held.port))
        backup = pool.submit(site.back_up)
        assert held.reached.wait(HUNG_SECONDS)
        assert connection.execute(encryption).fetchall() == [(True,)]
        held.go_on()
        backup.result(timeout=HUNG_SECONDS)
    site.check()
    monkeypatch.setenv("PGSSLROOTCERT", str(encrypted.stranger))
    with pytest.raises(Refused, match="does not agree on TLS"):
        site.back_up()


def test_a_primary_whose_certificate_another_ca_signed_is_not_believed(
    encrypted: Encrypted, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(encrypted.stranger)}
    guard = log_in(monkeypatch, encrypted.site, **asked)
    with pytest.raises(Unreachable, match=r"SSL error: .*; compare .* primaryCa of the prod stack"):
        guard.identity()
    with pytest.raises(Refused, match=r"does not agree on TLS: .*SSL error"):
        identify(DATABASE, os.environ)


def test_a_primary_without_tls_is_named_and_the_password_is_not_blamed(
    backup_source: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = log_in(monkeypatch, backup_source, PGSSLMODE="require")
    with pytest.raises(Unreachable, match=r"does not support SSL.*; compare .* sslMode and primaryCa"):
        guard.identity()
    with pytest.raises(Refused, match="does not agree on TLS") as refusal:
        identify(DATABASE, os.environ)
    assert "sslMode" in refusal.value.next_step and "PGPASSWORD" not in refusal.value.next_step


def test_a_unix_socket_asks_nobody_for_tls(backup_source: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(monkeypatch, backup_source, PGSSLMODE="verify-full", PGUSER="dr_guard")
    primary = backup_source.primary
    monkeypatch.setenv("PGPASSWORD", primary.passwords["dr_guard"])
    beside = GuardedPrimary(Address(str(primary.socket), 5432), database=DATABASE, application_role="nobody")
    assert beside.identity().system_identifier


def test_a_standby_copies_and_follows_over_verified_tls(
    encrypted: Encrypted, processes: Supervisor, database_folder: Path, block: Block
) -> None:
    with volume_for(encrypted.site, processes, database_folder, block) as volume:
        volume.start(PGSSLMODE="verify-full", PGSSLROOTCERT=str(encrypted.authority))
        with encrypted.site.primary.connect() as connection:
            row = connection.execute(
                "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_replication USING (pid)"
            ).fetchone()
        assert row == (True,)


def test_a_standby_copies_nothing_from_a_primary_it_cannot_verify_and_says_which_keys_to_look_at(
    encrypted: Encrypted, processes: Supervisor, database_folder: Path, block: Block
) -> None:
    with volume_for(encrypted.site, processes, database_folder, block) as volume:
        done = volume.fill(PGSSLMODE="verify-full", PGSSLROOTCERT=str(encrypted.stranger))
        assert done.returncode == 1
        assert "SSL error" in done.stderr and "sslMode (now verify-full) and primaryCa" in done.stderr
        assert not volume.server.data.exists()
