"""Copies of real servers, the oldest and the newest, into AWS's stand-in: what must be there, and what must not."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from engines.catalog import entries, read_manifest
from lab.aws.site import Aws
from lab.machine.addresses import Block
from lab.machine.processes import HUNG_SECONDS, Supervisor, wait_until
from lab.ultramarket.primary import database_uid
from recovery.errors import Failed, LeaseRefused, Refused, Unreachable
from tests.support.fakes import FakeLeases, held_lease
from tests.support.redis_servers import PORT, RedisServer, caught_up, follow
from tests.support.redis_site import NOISE, RedisSite, with_bucket
from tests.support.wire import Wire, wire

HALF_WAY = 4_000_000  # bytes: the RDB has 10 MB


@pytest.fixture
def site(redis_source: RedisSite, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> RedisSite:
    for name, value in aws.env("prod").items():
        monkeypatch.setenv(name, value)
    return with_bucket(redis_source, aws)


@pytest.mark.parametrize("kind", ["snapshot", "full"])
def test_a_copy_is_one_locked_object_a_manifest_and_a_pointer(site: RedisSite, kind: str) -> None:
    made = site.back_up(kind)
    manifest = read_manifest(site.store, made.manifest_key)
    assert manifest == made.manifest and made.pointer_moved
    folder = f"redis/{kind}/00000001/{site.primary.info('master_replid')}/{manifest.id}/"
    names = (folder + "dump.rdb.zst", folder + "manifest.json")
    assert site.object_keys() == [f"pointers/redis/{kind}/00000001.json", *names]
    head = site.s3.head_object(Bucket=site.store.bucket, Key=made.manifest_key)
    assert head["ObjectLockRetainUntilDate"] == manifest.retain_until == manifest.started + timedelta(days=1)
    verdict = site.check(kind=kind)
    keys = int(str(site.primary.ask("DBSIZE")))
    assert verdict.raw_bytes == manifest.raw_bytes > NOISE * 25_000
    read = f" {keys} keys" if site.product == "redis" else ""
    assert verdict.remark.startswith(f"{site.product}-check-rdb read{read}")


def test_the_manifest_says_product_version_format_position_and_moment(site: RedisSite) -> None:  # pitfall 5.8
    before = int(site.replica.info("master_repl_offset"))
    manifest = site.back_up().manifest
    after = int(site.replica.info("master_repl_offset"))
    assert (manifest.source.product, manifest.source.server_version) == (site.product, site.version)
    assert manifest.data_format == {"redis": "REDIS0009", "valkey": "VALKEY080"}[site.product]
    history, _, offset = manifest.stop_position.partition(":")
    assert manifest.start_position == manifest.stop_position and history == manifest.source.system_identifier
    assert before <= int(offset) <= after
    assert manifest.as_of and manifest.started <= manifest.as_of <= manifest.finished


def test_a_second_copy_becomes_latest(site: RedisSite) -> None:
    first, second = site.back_up(), site.back_up()
    assert [each.id for each in entries(site.store, "redis", "snapshot")] == [second.manifest.id, first.manifest.id]
    assert second.pointer_moved


def test_nothing_is_written_to_a_local_disk(site: RedisSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    site.back_up()
    site.check()
    assert list(tmp_path.iterdir()) == []


def test_a_copy_keeps_no_writes_at_the_server_for_itself(site: RedisSite) -> None:
    site.back_up()
    wait_until(lambda: site.replica.info("connected_slaves") == "0", what="nobody to follow")


@pytest.fixture
def relayed(site: RedisSite, block: Block) -> Iterator[Any]:
    """`relayed(then="cut")`: a site whose server is reached by a wire that is cut half-way through a copy."""
    with ExitStack() as wires:

        def relay(then: Literal["cut", "stop"]) -> tuple[RedisSite, Wire]:
            server = (site.replica.address, PORT)
            made = wires.enter_context(wire(server, block.host(64), limit=HALF_WAY, then=then))
            return replace(site, more={"REDIS_HOST": made.host, "REDIS_PORT": str(made.port)}), made

        yield relay


def test_a_connection_cut_in_mid_copy_leaves_nothing(relayed: Any) -> None:  # fault 37, pitfall 5.1
    site, _ = relayed(then="cut")
    with pytest.raises(Failed, match=r"the server ended the connection after [\d,]+.*there is no backup"):
        site.back_up()
    assert site.nothing_there()


def test_a_server_that_hangs_is_given_up_at_the_time_limit(relayed: Any) -> None:  # pitfall 5.3
    site, _ = relayed(then="stop")
    with pytest.raises(Failed, match=r"did not finish within 0:00:01"):
        site.back_up(time_limit=timedelta(seconds=1))
    assert site.nothing_there()
    wait_until(lambda: site.replica.info("connected_slaves") == "0", what="the server to let go")


def test_a_lease_that_moves_meanwhile_ends_the_copy_without_a_manifest(relayed: Any) -> None:  # fault 68
    site, held = relayed(then="stop")
    site.leases = FakeLeases(held_lease())
    with ThreadPoolExecutor(1) as pool:
        backup = pool.submit(site.back_up)
        assert held.reached.wait(HUNG_SECONDS)
        site.leases.lease = held_lease("dr", 2)
        held.go_on()
        with pytest.raises(Failed, match="the lease moved while the copy was made"):
            backup.result(timeout=HUNG_SECONDS)
    assert [key for key in site.object_keys() if not key.endswith("dump.rdb.zst")] == []
    assert entries(site.store, "redis", "snapshot")[0].manifest is None


def test_a_fenced_site_is_refused_before_anything_is_asked(site: RedisSite) -> None:  # fault 68
    fenced = replace(site, leases=FakeLeases(held_lease("dr", 2)), more={"REDIS_HOST": "192.0.2.1"})
    with pytest.raises(LeaseRefused):
        fenced.back_up()


def test_a_server_that_is_not_there_is_unreachable(site: RedisSite, block: Block) -> None:
    with pytest.raises(Unreachable, match="does not answer: Connection refused"):
        replace(site, more={"REDIS_HOST": block.host(65)}).back_up()


# What follows breaks servers, so each test has its own.


@pytest.fixture
def own(site: RedisSite, database_folder: Path, block: Block, processes: Supervisor) -> RedisSite:
    """The same with servers of this test's own, stopped."""
    primary, replica = (
        RedisServer(
            age=site.primary.age,
            supervisor=processes,
            folder=database_folder / f"redis-own-{role}-{os.urandom(4).hex()}",
            address=block.host(66 + number),
            name=f"own-{role}",
            uid=database_uid(),
        )
        for number, role in enumerate(("primary", "replica"))
    )
    return replace(site, primary=primary, replica=replica)


def test_a_primary_that_nobody_follows_is_copied_at_the_first_try(own: RedisSite) -> None:
    alone = replace(own, replica=own.primary.start())
    alone.primary.ask("SET", "a", "1")
    first, second = alone.back_up().manifest, alone.back_up().manifest
    assert first.stop_position.partition(":")[0] == second.source.system_identifier
    alone.check(first.id)


def test_a_replica_without_its_primary_is_refused(own: RedisSite) -> None:  # pitfall 5.5
    own.primary.start()
    own.replica.start()
    follow(own.replica, own.primary)
    own.back_up()
    before = own.object_keys()
    own.primary.stop()
    wait_until(lambda: own.replica.info("master_link_status") == "down", what="the link to be down")
    with pytest.raises(Refused, match="no link to its primary"):
        own.back_up()
    assert own.object_keys() == before


def test_a_background_save_that_fails_never_yields_an_older_rdb(own: RedisSite) -> None:  # pitfall 5.6
    diskless = ("--repl-diskless-sync", "no")
    alone = replace(own, replica=own.primary.start(*diskless))
    alone.primary.ask("SET", "old", "1")
    alone.primary.ask("SAVE")
    assert (alone.primary.folder / "dump.rdb").stat().st_size
    alone.primary.ask("SET", "new", "1")
    alone.primary.folder.chmod(0o500)
    with pytest.raises(Failed, match="its background save failed") as failure:
        alone.back_up()
    assert alone.nothing_there() and "vm.overcommit_memory" in failure.value.next_step
    alone.primary.folder.chmod(0o700)
    alone.back_up()


def test_a_server_that_writes_no_checksum_is_refused(own: RedisSite) -> None:  # pitfall 5.10
    alone = replace(own, replica=own.primary.start("--rdbchecksum", "no"))
    with pytest.raises(Refused, match=r"rdbchecksum no") as refusal:
        alone.back_up()
    assert "rdbchecksum yes" in refusal.value.next_step and alone.nothing_there()


def test_one_server_of_a_cluster_is_refused_since_it_has_a_part_of_the_data(own: RedisSite) -> None:
    alone = replace(own, replica=own.primary.start("--cluster-enabled", "yes"))
    with pytest.raises(Refused, match="one of a cluster"):
        alone.back_up()
    assert alone.nothing_there()


RIGHTS = ("+ping", "+info", "+config|get", "+replconf", "+psync")


def test_a_login_with_no_more_than_these_rights_makes_copies(own: RedisSite) -> None:
    alone = replace(own, replica=own.primary.start())
    alone.primary.ask("ACL", "SETUSER", "dr_backup", "on", ">s3cret-of-dr", *RIGHTS)
    alone.more = {"REDIS_USER": "dr_backup", "REDIS_PASSWORD": "s3cret-of-dr"}
    alone.back_up()
    # One that may not ask for the setting learns it from the RDB.
    alone.primary.ask("ACL", "SETUSER", "dr_backup", "-config")
    alone.back_up()
    alone.primary.ask("ACL", "SETUSER", "dr_backup", "-psync")
    with pytest.raises(Refused, match="NOPERM") as refusal:
        alone.back_up()
    assert all(right in refusal.value.next_step for right in RIGHTS)
    alone.more = {"REDIS_USER": "dr_backup", "REDIS_PASSWORD": "wrong-of-dr"}
    with pytest.raises(Refused, match="WRONGPASS") as refusal:
        alone.back_up()
    assert "wrong-of-dr" not in str(refusal.value)


def test_a_checksum_that_could_not_be_asked_for_is_missed_in_the_rdb(own: RedisSite) -> None:  # pitfall 5.10
    rights = [each for each in RIGHTS if each != "+config|get"]
    alone = replace(own, replica=own.primary.start("--rdbchecksum", "no"))
    alone.primary.ask("ACL", "SETUSER", "dr_backup", "on", ">s3cret-of-dr", *rights)
    alone.more = {"REDIS_USER": "dr_backup", "REDIS_PASSWORD": "s3cret-of-dr"}
    with pytest.raises(Failed, match="it has no checksum"):
        alone.back_up()
    assert alone.nothing_there()


def test_a_restarted_primary_is_another_history_and_its_replica_is_copied_again(own: RedisSite) -> None:
    own.primary.start()
    own.replica.start()
    follow(own.replica, own.primary)
    first = own.back_up().manifest
    own.primary.stop()
    own.primary.start()
    wait_until(lambda: caught_up(own.replica, own.primary), what="the replica to follow again")
    second = own.back_up().manifest
    assert first.source.system_identifier != second.source.system_identifier
    (said,) = own.engine().judge(second, [first, second])
    assert "look whether the right server was copied" in said
