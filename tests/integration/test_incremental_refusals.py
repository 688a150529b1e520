"""When an incremental is not made: then a full is, or nothing has to be."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engines.postgres.incremental import PostgresIncremental
from lab.aws.site import Aws
from lab.machine.processes import wait_until
from operations.copies.backup import Made
from recovery.errors import Corrupt, FullInstead, Refused
from recovery.lease.lease import parse_lsn
from recovery.names import ACCEPTED_INCREMENTALS
from tests.support.backup_site import Site, site_with_bucket
from tests.support.fakes import FakeLeases, held_lease


@pytest.fixture
def site(backup_source: Site, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return site_with_bucket(replace(backup_source, more={ACCEPTED_INCREMENTALS: "18.6"}), aws, tmp_path, monkeypatch)


def incremental(site: Site) -> Made:
    return site.back_up(PostgresIncremental())


def test_without_the_override_a_server_before_the_correction_is_refused(site: Site) -> None:
    site.back_up()
    with pytest.raises(FullInstead, match=r"PostgreSQL 18\.6 can restore stale data; 18\.7 and later are trusted"):
        incremental(replace(site, more={}))
    with pytest.raises(FullInstead, match="can restore stale data"):
        incremental(replace(site, more={ACCEPTED_INCREMENTALS: "18.5"}))


def test_a_server_that_knows_no_incrementals_is_refused(
    oldest_source: Site, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = site_with_bucket(oldest_source, aws, tmp_path, monkeypatch)
    site.back_up()
    with pytest.raises(FullInstead, match="makes no incremental backups; 17 and later do"):
        incremental(site)


def test_an_empty_bucket_has_nothing_to_build_on(site: Site) -> None:
    with pytest.raises(FullInstead, match="holds no full backup to build on"):
        incremental(site)


def test_after_a_takeover_a_full_comes_first(site: Site) -> None:
    site.back_up()
    with pytest.raises(FullInstead, match="made before the site took over"):
        incremental(replace(site, leases=FakeLeases(replace(held_lease(), epoch=2))))


def test_an_incremental_whose_full_is_gone_is_not_built_on(site: Site) -> None:
    full, first = site.back_up(), incremental(site)
    for part in full.manifest.parts:
        site.s3.delete_object(Bucket=site.store.bucket, Key=part.key)
    with pytest.raises(FullInstead, match=f"{first.manifest.id} builds on {full.manifest.id}, which is not"):
        incremental(site)
    with pytest.raises(Corrupt, match="cannot be restored"):
        site.check(first.manifest.id)


@pytest.fixture
def unsummarized(site: Site) -> Iterator[Site]:
    """Its server stops summarizing when the test begins."""
    site.back_up()
    _set(site, "off")
    yield site
    _set(site, "on")


def _set(site: Site, value: str) -> None:
    with site.primary.connect("postgres", "postgres") as session:
        session.execute(f"ALTER SYSTEM SET summarize_wal = {value}".encode())
        session.execute("SELECT pg_reload_conf()")
        wait_until(
            lambda: session.execute("SELECT current_setting('summarize_wal')").fetchone() == (value,),
            what=f"summarize_wal = {value}",
        )


def test_a_server_that_does_not_summarize_is_refused_with_the_setting(unsummarized: Site) -> None:
    with pytest.raises(Refused, match="summarize_wal off") as refused:
        incremental(unsummarized)
    assert not isinstance(refused.value, FullInstead)
    assert "ALTER SYSTEM SET summarize_wal = on" in refused.value.next_step


def test_a_server_that_lacks_summaries_since_the_last_backup_gets_a_full(unsummarized: Site) -> None:
    """They were switched off, and what was written meanwhile is no longer there to be summarized."""
    with unsummarized.primary.connect("postgres", "postgres") as session:
        begun = session.execute("SELECT pg_walfile_name(pg_current_wal_lsn())").fetchone()
        session.execute("SELECT pg_switch_wal()")
        for _ in range(3):
            session.execute("CREATE TABLE more AS SELECT generate_series(1, 100)")
            session.execute("DROP TABLE more")
            session.execute("SELECT pg_switch_wal()")
            session.execute("CHECKPOINT")
        assert begun not in session.execute("SELECT name FROM pg_ls_waldir()").fetchall()
    _set(unsummarized, "on")
    with pytest.raises(FullInstead, match="the server cannot build on"):
        incremental(unsummarized)
    assert parse_lsn(unsummarized.back_up().manifest.stop_position)
    assert incremental(unsummarized).manifest.parent
