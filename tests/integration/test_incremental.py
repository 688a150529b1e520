"""Incremental backups of a real PostgreSQL: what they build on, when a full is made instead, what a restore needs."""

from dataclasses import replace
from pathlib import Path

import pytest

from engines.catalog import read_manifest
from engines.postgres.incremental import PostgresIncremental
from lab.aws.site import Aws
from operations.copies.backup import Made
from recovery.names import ACCEPTED_INCREMENTALS
from tests.support.backup_site import Site, site_with_bucket


@pytest.fixture
def site(backup_source: Site, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Whoever runs it accepts what the wheel's version does: 18.6 is older than the correction."""
    return site_with_bucket(replace(backup_source, more={ACCEPTED_INCREMENTALS: "18.6"}), aws, tmp_path, monkeypatch)


def incremental(site: Site) -> Made:
    return site.back_up(PostgresIncremental())


def test_an_incremental_builds_on_the_newest_backup_is_small_and_verified_whole(site: Site) -> None:
    full = site.back_up()
    with site.primary.connect() as connection:
        connection.execute("INSERT INTO orders SELECT gen_random_uuid(), 'test' FROM generate_series(1, 200)")
    first, second = incremental(site), incremental(site)
    assert [each.manifest.parent for each in (first, second)] == [full.manifest.id, first.manifest.id]
    assert read_manifest(site.store, second.manifest_key) == second.manifest
    assert first.manifest.stored_bytes < full.manifest.stored_bytes / 3
    assert site.check(second.manifest.id).files > 900
