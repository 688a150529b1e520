"""`dr restore postgres` on real parts: an empty folder becomes the database of a moment, or stays empty."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lab.aws.site import Aws
from recovery.errors import Failed, Refused
from recovery.lease.lease import format_lsn
from tests.support.backup_site import Site, site_with_bucket
from tests.support.restore_site import Place, lsn, order, orders
from tests.support.restore_site import place as place  # fixture
from tests.support.wal_shipping import Shipper


@pytest.fixture
def site(backup_source: Site, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return site_with_bucket(backup_source, aws, tmp_path, monkeypatch)


def test_a_backup_alone_becomes_a_server_with_all_its_rows(site: Site, place: Place) -> None:
    site.back_up()
    done = place.restore(site.store)
    assert done.files > 900
    with place.start() as session, site.primary.connect() as source:
        assert orders(session) == orders(source)
    assert sorted(path.name for path in place.parent.iterdir()) == ["data", "socket"]


def test_the_latest_is_the_end_of_the_log_and_a_position_is_exactly_that(site: Site, place: Place) -> None:
    run = os.urandom(4).hex()
    site.back_up()
    shipper = Shipper(site)
    with site.primary.connect() as source:
        order(source, f"first {run}", 1000)
        between = lsn(source)
        order(source, f"second {run}", 1000)
        source.execute("SELECT pg_switch_wal()")
        order(source, f"third {run}")
    shipper.ship()
    place.restore(site.store, format_lsn(between))
    with place.start() as session:
        assert orders(session, f"first {run}")[0] == 1000
        assert orders(session, f"second {run}")[0] == 0


def test_latest_replays_the_log_to_its_end(site: Site, place: Place) -> None:
    run = os.urandom(4).hex()
    site.back_up()
    shipper = Shipper(site)
    with site.primary.connect() as source:
        order(source, f"first {run}", 1000)
        source.execute("SELECT pg_switch_wal()")
        order(source, f"last {run}")
    shipper.ship()
    done = place.restore(site.store)
    assert done.log_files >= 2
    with place.start() as session:
        assert orders(session, f"first {run}")[0] == 1000
        assert orders(session, f"last {run}")[0] == 1


def test_a_time_becomes_a_position_first(site: Site, place: Place) -> None:
    run = os.urandom(4).hex()
    site.back_up()
    with site.primary.connect() as source:
        order(source, f"first {run}")
        (moment,) = source.execute("SELECT clock_timestamp()").fetchone() or (datetime.now(UTC),)
        order(source, f"second {run}")
    Shipper(site).ship()
    place.restore(site.store, moment.isoformat())
    with place.start() as session:
        assert orders(session, f"first {run}")[0] == 1
        assert orders(session, f"second {run}")[0] == 0


@pytest.mark.parametrize(
    ("to", "complaint"),
    [
        (lambda begun: begun - timedelta(days=1), "before the end of the oldest backup"),
        (lambda _: datetime.now(UTC) + timedelta(days=1), "no transaction ended after"),
    ],
    ids=["before the backup", "after the last commit"],
)
def test_a_time_outside_the_window_is_refused_with_the_window(
    site: Site, place: Place, to: Callable[[datetime], datetime], complaint: str
) -> None:  # fault 55
    begun = site.back_up().manifest.finished
    with site.primary.connect() as source:
        order(source, os.urandom(4).hex())
    Shipper(site).ship()
    with pytest.raises(Refused, match=complaint) as refused:
        place.restore(site.store, to(begun).isoformat())
    assert "what can be restored:" in str(refused.value) and f"{begun:%Y-%m-%d %H:%M}" in str(refused.value)


def test_a_target_that_is_not_empty_is_refused(site: Site, place: Place) -> None:  # fault 54
    site.back_up()
    place.into.mkdir()
    (place.into / "file").touch()
    with pytest.raises(Refused, match="is not empty"):
        place.restore(site.store)
    assert [path.name for path in place.into.iterdir()] == ["file"]


def test_a_tablespace_that_is_younger_than_the_backup_is_not_made_among_files_that_are_here(
    site: Site, place: Place, database_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On production's own host they are production's."""
    folder = database_folder / f"younger-{os.urandom(4).hex()}"
    folder.mkdir(mode=0o700)
    if site.primary.uid is not None:
        os.chown(folder, site.primary.uid, site.primary.uid)
    site.back_up()
    with site.primary.connect() as source:
        before = lsn(source)
        source.execute(f"CREATE TABLESPACE younger LOCATION '{folder}'".encode())
        try:
            source.execute("CREATE TABLE there TABLESPACE younger AS SELECT 1 AS one")
            source.execute("SELECT pg_switch_wal()")
            Shipper(site).ship()
            with pytest.raises(Failed, match=f"the log makes a tablespace at {folder}, and there are files") as refused:
                place.restore(site.store)
            assert f"--new-tablespace {folder}" in refused.value.next_step and place.untouched()
            place.restore(site.store, format_lsn(before))
            with place.start() as session:
                assert orders(session) == orders(source)
            place.stop()
        finally:
            source.execute("DROP TABLE there")
            source.execute("DROP TABLESPACE younger")
            shutil.rmtree(folder)
