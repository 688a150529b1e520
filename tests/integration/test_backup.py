"""Full backups of a real PostgreSQL into AWS's stand-in: what must be there afterwards, and what must not."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from cloud.objects import S3Bucket
from engines.catalog import entries, read_manifest
from lab.aws.site import Aws
from lab.machine.addresses import POSTGRES_PORT, Block
from lab.machine.processes import HUNG_SECONDS, wait_until
from recovery.errors import Failed, LeaseRefused, Refused, Unreachable
from recovery.lease.lease import parse_lsn
from tests.support.backup_site import Site, site_with_bucket
from tests.support.clients import make_bucket
from tests.support.fakes import FakeLeases, held_lease
from tests.support.wire import Wire, wire

SLOT = "FROM pg_replication_slots WHERE slot_name LIKE 'dr_full%'"
HALF_WAY = 5_000_000  # bytes: the smallest cluster is a multiple of it


@pytest.fixture
def site(each_source: Site, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return site_with_bucket(each_source, aws, tmp_path, monkeypatch)


def test_a_full_backup_is_locked_objects_a_manifest_and_a_pointer(site: Site) -> None:
    made = site.back_up()
    manifest = read_manifest(site.store, made.manifest_key)
    assert manifest == made.manifest
    part = manifest.parts[0]
    folder = f"postgres/full/00000001/{manifest.source.system_identifier}/{manifest.id}/"
    names = ("backup_manifest.zst", "base.tar.zst", "manifest.json")
    assert site.object_keys() == ["pointers/postgres/full/00000001.json", *(folder + name for name in names)]
    # moto forgets the lock of a multipart upload; tests/unit/cloud/test_objects.py checks that it is asked for.
    head = site.s3.head_object(Bucket=site.store.bucket, Key=made.manifest_key)
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert head["ObjectLockRetainUntilDate"] == manifest.retain_until == manifest.started + timedelta(days=7)
    assert site.s3.head_object(Bucket=site.store.bucket, Key=part.key)["ContentLength"] == part.bytes
    assert part.bytes < part.raw_bytes / 3
    assert parse_lsn(manifest.start_position) < parse_lsn(manifest.stop_position)
    assert manifest.source.server_version.startswith(f"{site.major}.") and made.pointer_moved
    assert site.unfinished_uploads() == []


def test_a_second_backup_becomes_latest(site: Site) -> None:
    first, second = site.back_up(), site.back_up()
    assert [each.id for each in entries(site.store, "postgres", "full")] == [second.manifest.id, first.manifest.id]
    assert second.pointer_moved


@pytest.fixture
def relayed(site: Site, block: Block, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`relayed(then="cut")`: the site's server is reached by a wire that is cut half-way through a backup."""
    with ExitStack() as wires:

        def relay(then: Literal["cut", "stop"]) -> Wire:
            server = (site.primary.address, POSTGRES_PORT)
            made = wires.enter_context(wire(server, block.host(35), limit=HALF_WAY, then=then))
            monkeypatch.setenv("PGHOST", made.host)
            monkeypatch.setenv("PGPORT", str(made.port))
            return made

        yield relay


def test_a_connection_cut_in_mid_backup_leaves_nothing(site: Site, relayed: Any) -> None:  # fault 37
    relayed(then="cut")
    with pytest.raises(Failed, match="ended the backup; the upload was aborted and there is no backup"):
        site.back_up()
    assert site.object_keys() == [] and site.unfinished_uploads() == []


def test_a_server_that_ends_the_backup_is_quoted_and_leaves_nothing(site: Site, relayed: Any) -> None:  # fault 37
    held = relayed(then="stop")
    with ThreadPoolExecutor(1) as pool:
        backup = pool.submit(site.back_up)
        assert held.reached.wait(HUNG_SECONDS)
        with site.primary.connect() as connection:
            connection.execute(f"SELECT pg_terminate_backend(active_pid) {SLOT}")
            held.go_on()
            with pytest.raises(Failed, match="ended the backup"):
                backup.result(timeout=HUNG_SECONDS)
            wait_until(lambda: not connection.execute(f"SELECT 1 {SLOT}").fetchall(), what="no slot")
    assert site.object_keys() == [] and site.unfinished_uploads() == []


def test_a_server_that_hangs_is_given_up_at_the_time_limit(site: Site, relayed: Any) -> None:
    relayed(then="stop")
    with pytest.raises(Failed, match="did not finish its backup within"):
        site.back_up(time_limit=timedelta(seconds=1))
    assert site.object_keys() == [] and site.unfinished_uploads() == []


def test_wal_that_the_server_would_drop_is_kept_while_the_backup_runs(site: Site, relayed: Any) -> None:
    """With wal_keep_size = 0, as it is by default, and nothing else that keeps WAL."""
    held = relayed(then="stop")
    with ThreadPoolExecutor(1) as pool, site.primary.connect() as connection:
        backup = pool.submit(site.back_up)
        assert held.reached.wait(HUNG_SECONDS)
        begun = connection.execute(f"SELECT pg_walfile_name(restart_lsn) {SLOT}").fetchone()
        write_wal(connection)
        files = connection.execute("SELECT name FROM pg_ls_waldir()").fetchall()
        held.go_on()
        backup.result(timeout=HUNG_SECONDS)
    assert begun in files
    site.check()


def test_wal_that_a_server_dropped_all_the_same_fails_the_backup_and_names_the_setting(
    site: Site, relayed: Any
) -> None:
    held = relayed(then="stop")
    with ThreadPoolExecutor(1) as pool, site.primary.connect() as connection:
        before = connection.execute("SHOW max_slot_wal_keep_size").fetchone()
        set_slot_limit(connection, "16MB")
        try:
            backup = pool.submit(site.back_up)
            assert held.reached.wait(HUNG_SECONDS)
            write_wal(connection)
        finally:
            set_slot_limit(connection, before[0] if before else "")
        held.go_on()
        with pytest.raises(Failed, match="ended the backup") as failure:
            backup.result(timeout=HUNG_SECONDS)
    assert "max_slot_wal_keep_size" in failure.value.next_step
    assert site.object_keys() == [] and site.unfinished_uploads() == []


def test_a_server_without_a_slot_to_spare_is_refused(site: Site) -> None:
    with site.primary.connect() as connection:
        slots = "SELECT pg_create_physical_replication_slot('taken_' || n) FROM generate_series(1, 10) AS n"
        connection.execute(slots)
        try:
            with pytest.raises(Refused, match="no replication slot left") as refusal:
                site.back_up()
        finally:
            connection.execute(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name LIKE 'taken%'"
            )
    assert "max_replication_slots" in refusal.value.next_step and site.object_keys() == []


def test_an_answer_lost_by_s3_is_asked_for_again(site: Site, aws: Aws) -> None:  # fault 40
    key = "pointers/x.json"
    for _ in range(2):
        aws.reach.drop_next_answer("s3", f"PUT /{site.store.bucket}/{key}", place="prod")
        site.store.put_once(key, b"mine", retain_until=None)
        with pytest.raises(Refused, match="already exists"):
            site.store.put_once(key, b"another's", retain_until=None)
        key += "x"
    assert len(aws.reach.dropped()) >= 2


def test_a_server_without_our_database_is_refused_before_anything_is_written(site: Site) -> None:  # fault 35
    with site.primary.connect(database="postgres") as connection:
        connection.execute("ALTER DATABASE ultramarket RENAME TO somebody_elses")
        try:
            with pytest.raises(Refused, match="no database ultramarket: this is not UltraMarket's"):
                site.back_up()
        finally:
            connection.execute("ALTER DATABASE somebody_elses RENAME TO ultramarket")
    assert site.object_keys() == []


def test_a_server_that_admits_us_to_another_database_only_is_refused(site: Site) -> None:  # fault 35
    with pytest.raises(Refused, match="does not let us in to somebody_elses"):
        replace(site, database="somebody_elses").back_up()


def test_a_server_that_does_not_answer_is_unreachable(
    site: Site, monkeypatch: pytest.MonkeyPatch, block: Block
) -> None:
    monkeypatch.setenv("PGHOST", block.host(99))
    with pytest.raises(Unreachable, match="does not answer"):
        site.back_up()


@pytest.mark.parametrize("lease", [None, held_lease("dr", 2), replace(held_lease(), state="taken")])
def test_a_fenced_site_makes_no_backup(site: Site, lease: Any) -> None:  # fault 68
    with pytest.raises(LeaseRefused):
        replace(site, leases=FakeLeases(lease)).back_up()
    assert site.object_keys() == []


def test_a_takeover_during_the_backup_leaves_no_manifest_and_the_pointer_alone(site: Site) -> None:  # fault 68
    class Moving(FakeLeases):
        def read(self) -> Any:
            seen, self.lease = self.lease, held_lease("dr", 2)
            return seen

    with pytest.raises(Failed, match="the lease moved while the copy was made"):
        replace(site, leases=Moving(held_lease())).back_up()
    assert [key.rpartition("/")[2] for key in site.object_keys()] == ["backup_manifest.zst", "base.tar.zst"]
    assert [each.problem(each.modified) for each in entries(site.store, "postgres", "full")] == [
        "unfinished: no manifest"
    ]


def test_a_missing_bucket_is_named(site: Site) -> None:
    with pytest.raises(Refused, match="bucket no-such-bucket does not exist in us-east-1") as refusal:
        replace(site, store=S3Bucket("no-such-bucket", "us-east-1")).back_up()
    assert "pulumi up" in refusal.value.next_step


def test_a_bucket_without_object_lock_is_refused(site: Site) -> None:
    open_bucket = make_bucket(site.s3, "unlocked", "us-east-1")
    with pytest.raises(Refused, match="has no Object Lock"):
        replace(site, store=S3Bucket(open_bucket, "us-east-1")).back_up()


def test_a_wrong_password_is_refused_without_naming_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "open-sesame")
    with pytest.raises(Refused, match="does not let us in") as refusal:
        site.back_up()
    assert "open-sesame" not in str(refusal.value)


def write_wal(connection: Any) -> None:
    """Six segments, after which checkpoints drop what nobody asked the server to keep."""
    for _ in range(6):
        connection.execute("SELECT pg_logical_emit_message(true, 'dr', repeat('x', 100)), pg_switch_wal()")
    for _ in range(2):
        connection.execute("CHECKPOINT")


def set_slot_limit(connection: Any, value: str) -> None:
    connection.execute(f"ALTER SYSTEM SET max_slot_wal_keep_size = '{value}'")
    connection.execute("SELECT pg_reload_conf()")
    wanted = f"SELECT pg_size_bytes(current_setting('max_slot_wal_keep_size')) = pg_size_bytes('{value}')"
    wait_until(lambda: connection.execute(wanted).fetchone()[0], what="the setting")
