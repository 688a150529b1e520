"""What the standby's port says of a real PostgreSQL."""

import pytest

from engines.postgres.standby import PostgresStandby
from lab.machine.processes import wait_until
from lab.ultramarket.primary import DATABASE
from tests.support.promotion_site import DrSite
from tests.support.promotion_site import dr_site as dr_site  # a fixture


def test_a_new_primary_tells_its_own_timeline_before_its_first_checkpoint_is_done(
    dr_site: DrSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGUSER", "dr_promoter")
    monkeypatch.setenv("PGPASSWORD", dr_site.primary.passwords["dr_promoter"])
    with dr_site.primary.connect() as connection:
        # Pages for the promotion's checkpoint to write, one every tenth of a second while it has a day for them all.
        connection.execute("CREATE TABLE filler AS SELECT repeat('x', 4000) AS text FROM generate_series(1, 600)")
        row = connection.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").fetchone()
    with dr_site.standby.connect() as connection:
        connection.execute("ALTER SYSTEM SET checkpoint_timeout = '1d'")
        connection.execute("SELECT pg_reload_conf()")
    standby = PostgresStandby(f"{dr_site.standby.address}:5432", DATABASE)
    wait_until(lambda: standby.state().replay_lsn >= int(row[0] if row else 0), what="the standby to follow")
    assert standby.state().timeline == 1
    standby.promote()
    wait_until(lambda: not standby.state().in_recovery, what="the standby to be a primary")
    assert standby.state().timeline == 2
    with dr_site.standby.connect() as connection:
        of_the_checkpoint = connection.execute("SELECT timeline_id FROM pg_control_checkpoint()").fetchone()
    assert of_the_checkpoint == (1,), "the checkpoint came first: this test shows nothing"
    standby.close()
