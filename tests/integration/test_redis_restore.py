"""Copies of real servers, restored and started: what they hold then, and what is found before the target is touched."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from engines.redis.formats import Server
from engines.redis.restore_order import Order, RedisRestore
from lab.machine.addresses import Block
from lab.machine.processes import Supervisor, wait_until
from lab.ultramarket.primary import database_uid
from recovery.copies.manifest import Manifest
from recovery.copies.moments import moment_of
from recovery.errors import Corrupt, DrError, Refused
from recovery.names import RESTORED_SERVER
from tests.support.fakes import FakeLeases, held_lease
from tests.support.redis_servers import RedisServer, caught_up, program
from tests.support.redis_site import NOISE, RedisSite, in_memory
from tests.support.restore_site import Stock, flipped


@pytest.fixture
def site(redis_source: RedisSite) -> RedisSite:
    """With an empty bucket in memory."""
    return in_memory(redis_source)


@pytest.fixture
def newest(redis_newest: RedisSite) -> RedisSite:
    """The same, of the newest server alone."""
    return in_memory(redis_newest)


@pytest.fixture
def parent(database_folder: Path) -> Path:
    """An empty folder of the servers' user, in which the restored one appears."""
    made = database_folder / f"redis restored-{os.urandom(4).hex()}"  # with a blank in its name
    made.mkdir()
    uid = database_uid()
    if uid is not None:
        os.chown(made, uid, uid)
    return made


Start = Callable[..., RedisServer]


@pytest.fixture
def start(processes: Supervisor, block: Block) -> Iterator[Start]:
    """`start(site, into)`: a server on what was restored, as the message says to start it, but for its address."""

    def started(site: RedisSite, into: Path, *options: str, configured: bool = True) -> RedisServer:
        server = replace(site.primary, supervisor=processes, folder=into, address=block.host(68), name="restored")
        return server.start(*options, file=into / f"{site.product}.conf" if configured else None)

    yield started
    processes.kill("restored")


def restore(site: RedisSite, into: Path, to: str = "latest", server: str = "") -> Any:
    return site.restore(into, to, server=server, owner=site.primary.uid)


def planned(site: RedisSite, into: Path, to: str = "latest", **environment: str) -> Order:
    variables = {**site.environment, RESTORED_SERVER: f"{site.product}-{site.version}", **environment}
    store = cast("Any", site.store)
    return RedisRestore().plan(store, to, into, environment=variables, incrementals=True, standby=False)


def test_what_is_restored_is_what_was_copied(site: RedisSite, parent: Path, start: Start) -> None:
    manifest = site.back_up().manifest
    done = restore(site, parent / "data")
    assert sorted(path.name for path in (parent / "data").iterdir()) == ["dump.rdb", f"{site.product}.conf"]
    assert list(parent.iterdir()) == [parent / "data"]
    assert done.moment == manifest.as_of and f"{site.product}.conf" in done.next_step(parent / "data")
    server = start(site, parent / "data")
    assert server.digest() == site.primary.digest() != "0" * 40
    assert int(str(server.ask("DBSIZE"))) > NOISE
    if site.product == "valkey":  # what an older format has no place for
        assert server.ask("HTTL", "cart:7", "FIELDS", "2", "sku-1", "sku-2") != [-1, -1]


def test_a_restored_server_follows_nobody(site: RedisSite, parent: Path, start: Start) -> None:  # fault 57
    site.back_up()  # of a replica
    restore(site, parent / "data")
    role = start(site, parent / "data").ask("ROLE")
    assert isinstance(role, list) and role[0] == "master"


def test_a_restored_server_listens_on_the_machines_own_address_alone(newest: RedisSite, parent: Path) -> None:
    newest.back_up()
    restore(newest, parent / "data")
    lines = (parent / "data" / "valkey.conf").read_text().splitlines()
    assert "bind 127.0.0.1" in lines and "protected-mode yes" in lines


def test_there_is_no_copy_that_a_replica_goes_on_from(newest: RedisSite, parent: Path) -> None:
    newest.back_up()
    with pytest.raises(Refused, match="a replica of Redis fills itself from its primary"):
        RedisRestore().plan(
            cast("Any", newest.store), "latest", parent / "data", environment={}, incrementals=True, standby=True
        )


def test_with_an_append_only_file_from_the_start_a_restored_rdb_is_ignored(
    site: RedisSite, parent: Path, start: Start
) -> None:  # pitfall 5.9: why the configuration says off
    site.back_up()
    restore(site, parent / "data")
    assert start(site, parent / "data", "--appendonly", "yes", configured=False).ask("DBSIZE") == 0


def test_its_append_only_file_is_switched_on_afterwards_as_the_configuration_says(
    site: RedisSite, parent: Path, start: Start, processes: Supervisor
) -> None:  # pitfall 5.9
    site.back_up()
    restore(site, parent / "data")
    server = start(site, parent / "data")
    before = server.digest()
    said = (parent / "data" / f"{site.product}.conf").read_text()
    for words in ("CONFIG SET appendonly yes", "CONFIG REWRITE"):
        assert f"#   {words}\n" in said
    server.ask("CONFIG", "SET", "appendonly", "yes")
    wait_until(
        lambda: [server.info(f"aof_rewrite_{each}") for each in ("in_progress", "scheduled")] == ["0", "0"],
        what="the append-only file to be written",
    )
    assert server.info("aof_last_bgrewrite_status") == "ok"
    server.ask("CONFIG", "REWRITE")
    server.ask("SET", "after", "1")
    wait_until(lambda: server.info("aof_pending_bio_fsync") == "0", what="the append-only file to be on its disk")
    processes.kill("restored")
    (parent / "data" / "dump.rdb").unlink()  # what it starts with then is the other file
    again = start(site, parent / "data")
    assert again.ask("DEL", "after") == 1 and again.digest() == before


def test_users_are_in_no_rdb_and_that_is_said(site: RedisSite, parent: Path, start: Start) -> None:  # pitfall 5.7
    site.replica.ask("ACL", "SETUSER", "somebody", "on", ">secret", "+get", "~*")
    try:
        site.back_up()
        order = planned(site, parent / "data")
        assert any("users and their rights" in words for name, words in order.rows(str) if name == "not in it")
        restore(site, parent / "data")
        assert "aclfile" in (parent / "data" / f"{site.product}.conf").read_text()
        assert start(site, parent / "data").ask("ACL", "USERS") == ["default"]
    finally:
        site.replica.ask("ACL", "DELUSER", "somebody")


def test_keys_whose_time_is_up_vanish_when_it_loads(
    site: RedisSite, parent: Path, start: Start
) -> None:  # pitfall 5.11
    site.primary.ask("SET", "brief", "1", "PX", "1500")
    wait_until(lambda: caught_up(site.replica, site.primary), what="the replica to have it")
    site.back_up()
    wait_until(lambda: site.primary.ask("EXISTS", "brief") == 0, what="its time to be up")
    restore(site, parent / "data")
    assert b"brief" in (parent / "data" / "dump.rdb").read_bytes()
    assert start(site, parent / "data").digest() == site.primary.digest()


# Which copy is taken.


def test_of_a_moment_the_last_copy_before_it_is_taken(newest: RedisSite, parent: Path) -> None:
    manifests = [newest.back_up(kind).manifest for kind in ("snapshot", "full")]
    assert isinstance(newest.store, Stock)
    moments = [moment_of(each) for each in manifests]
    between = min(moments)

    def of(to: str) -> Order:
        return planned(newest, parent / "data", to)

    assert of("latest").backup in manifests
    assert [of(each.id).backup for each in manifests] == manifests
    late = of((max(moments) + timedelta(minutes=3)).isoformat())
    assert "UTC, 3m before what was asked for, at " in dict(late.rows(str))["as of"]
    assert moment_of(of(between.isoformat()).backup) <= between
    for early in ((min(moments) - timedelta(seconds=2)).isoformat(), "2020-01-01T00:00:00Z"):
        with pytest.raises(Refused, match="is before the oldest backup") as refusal:
            of(early)
        assert "what can be restored: 2 moments" in refusal.value.next_step  # fault 55
    with pytest.raises(Refused, match="has no time zone"):
        of("2026-11-30T12:00:00")
    with pytest.raises(Refused, match="is a position in PostgreSQL's log"):
        of("0/3000148")


def test_a_copy_whose_data_is_of_a_later_moment_is_not_taken_although_it_began_before(
    newest: RedisSite, parent: Path
) -> None:
    newest.back_up()
    first = planned(newest, parent / "data").backup
    assert isinstance(newest.store, Stock)
    late = first.model_copy(
        update={
            "id": f"{first.started + timedelta(minutes=1):%Y%m%dT%H%M%SZ}-late",
            "started": first.started + timedelta(minutes=1),
        }
    )
    late = late.model_copy(
        update={
            "as_of": first.started + timedelta(minutes=3),
            "parts": tuple(part.model_copy(update={"key": late.folder + "dump.rdb.zst"}) for part in first.parts),
        }
    )
    newest.store.objects[late.folder + "manifest.json"] = late.to_json()
    newest.store.objects[late.parts[0].key] = newest.store.objects[first.parts[0].key]

    def of(minutes: int) -> Manifest:
        return planned(newest, parent / "data", (first.started + timedelta(minutes=minutes)).isoformat()).backup

    assert [of(minutes) for minutes in (1, 2, 3)] == [first, first, late]


def test_what_another_site_wrote_later_under_an_older_lease_is_not_taken(newest: RedisSite, parent: Path) -> None:
    after = replace(newest, site="dr", leases=FakeLeases(held_lease("dr", 2))).back_up().manifest
    newest.back_up()
    assert planned(newest, parent / "data").backup == after


@pytest.mark.parametrize("damage", ["a wrong byte", "half", "no manifest"])
def test_a_damaged_newest_copy_is_passed_over_and_that_is_said(newest: RedisSite, parent: Path, damage: str) -> None:
    both = [newest.back_up().manifest, newest.back_up().manifest]
    assert isinstance(newest.store, Stock)
    objects = newest.store.objects
    second = planned(newest, parent / "data").backup
    (first,) = [each for each in both if each != second]
    (key,) = [key for key in objects if second.id in key and key.endswith("manifest.json")]
    match damage:
        case "a wrong byte":
            objects[key] = flipped(objects[key])
        case "half":
            del objects[second.parts[0].key]
        case _:
            del objects[key]
    order = planned(newest, parent / "data")
    assert order.backup == first
    assert [second.id in each for each in order.passed_over] == ([True] if damage != "no manifest" else [])
    with pytest.raises(DrError, match=second.id):
        restore(newest, parent / "data", second.id)


# What is refused, and found, before the target is touched.


@pytest.mark.parametrize("server", ["valkey-8.1.4", "redis-8.6", "redis-6.2"])
def test_a_server_that_cannot_load_it_is_refused_up_front(
    newest: RedisSite, parent: Path, server: str
) -> None:  # pitfall 5.8
    newest.back_up()
    with pytest.raises(Refused, match=f"{Server.parse(server)} cannot load VALKEY080") as refusal:
        restore(newest, parent / "data", server=server)
    assert f"--server valkey-{newest.version}" in refusal.value.next_step
    assert list(parent.iterdir()) == []


def test_the_server_is_the_one_on_path_or_has_to_be_named(
    newest: RedisSite, parent: Path, tmp_path: Path
) -> None:  # pitfall 5.8
    newest.back_up()

    def on_path(path: Path) -> str:
        return str(planned(newest, parent / "data", **{"PATH": str(path), RESTORED_SERVER: ""}).server)

    with pytest.raises(Refused, match="nobody knows which server this is for") as refusal:
        on_path(Path("/nowhere"))
    assert f"--server valkey-{newest.version}" in refusal.value.next_step
    (tmp_path / "valkey-server").symlink_to(program("newest"))
    assert on_path(tmp_path) == f"Valkey {newest.version}"
    (tmp_path / "valkey-server").unlink()
    (tmp_path / "redis-server").symlink_to(program("newest"))  # Valkey's packages have this name, too
    assert on_path(tmp_path) == f"Valkey {newest.version}"
    (tmp_path / "redis-server").unlink()
    (tmp_path / "redis-server").symlink_to(program("oldest"))
    with pytest.raises(Refused, match=r"Redis 6\.2\.14 cannot load VALKEY080"):
        on_path(tmp_path)


def test_one_flipped_byte_anywhere_is_found_before_the_target_is_touched(
    newest: RedisSite, parent: Path
) -> None:  # fault 50
    newest.back_up()
    assert isinstance(newest.store, Stock)
    for key in [key for key in newest.store.objects if key.startswith("redis/")]:
        size = len(newest.store.objects[key])
        for place in [0, 9, 40, size // 3, size // 2, size - 9, size - 1]:
            damaged = replace(newest, store=newest.store.copy())
            damaged.store.objects[key] = flipped(damaged.store.objects[key], place)
            with pytest.raises(DrError) as found:
                restore(damaged, parent / "data")
            assert key.rpartition("/")[2] in str(found.value), (key, place)
            assert list(parent.iterdir()) == [], (key, place)


def test_a_copy_whose_content_is_another_than_its_manifest_says_is_found(newest: RedisSite, parent: Path) -> None:
    one, other = newest.back_up().manifest, newest.back_up().manifest
    assert isinstance(newest.store, Stock)
    said = one.model_copy(update={"stop_position": other.stop_position + "0"})
    (key,) = [key for key in newest.store.objects if one.id in key and key.endswith("manifest.json")]
    newest.store.objects[key] = said.to_json()
    for check in (lambda: newest.check(one.id), lambda: restore(newest, parent / "data", one.id)):
        with pytest.raises(Corrupt, match="which differs from what is inside"):
            check()
    assert list(parent.iterdir()) == []


def test_a_target_that_was_filled_since_it_was_shown_is_refused_and_left_alone(newest: RedisSite, parent: Path) -> None:
    newest.back_up()
    order = planned(newest, parent / "data")
    (parent / "data").mkdir()
    (parent / "data" / "dump.rdb").write_text("ours")
    with pytest.raises(Refused, match="is not empty"):
        RedisRestore().execute(
            cast("Any", newest.store), order, environment={}, owner=newest.primary.uid, heard=lambda _: None
        )
    assert (parent / "data" / "dump.rdb").read_text() == "ours" and list(parent.iterdir()) == [parent / "data"]


def test_a_target_that_is_not_empty_is_refused_and_left_alone(newest: RedisSite, parent: Path) -> None:  # fault 54
    newest.back_up()
    (parent / "data").mkdir()
    (parent / "data" / "dump.rdb").write_text("ours")
    with pytest.raises(Refused, match="is not empty"):
        restore(newest, parent / "data")
    assert (parent / "data" / "dump.rdb").read_text() == "ours" and list(parent.iterdir()) == [parent / "data"]
