"""What may be wrong with copies, log and target: found before the target is touched. One backup and its log in memory,
damaged anew for each test."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.compression import zstd
from engines.postgres.restore_order import Order, plan_restore
from operations.copies.restore import execute, retrieve
from recovery.copies.log import RANGES, SEGMENTS, Line, Range, parse_key, segment_start
from recovery.copies.manifest import Manifest
from recovery.copies.recovery_target import Target
from recovery.errors import Corrupt, DrError, Failed, Refused
from recovery.lease.lease import format_lsn, parse_lsn
from recovery.names import folder_of
from tests.support.backup_site import Site
from tests.support.restore_site import Place, Stock, flipped, in_memory, lsn, order, orders
from tests.support.restore_site import place as place  # fixture
from tests.support.wal_shipping import Shipper, compressed

SETTINGS = {
    "archive_mode": "always",
    "archive_command": "touch MARK/%f",
    "primary_conninfo": "host=127.0.0.1 port=1 user=replica",
    "primary_slot_name": "prod_slot",
    "restore_command": "/nonexistent",
    "recovery_target_time": "2020-01-01 00:00:00+00",
    "synchronous_standby_names": "*",
    "shared_buffers": "900GB",
}
"""What a source may have set: each makes a copy act as its source, wait for others, or not start."""
HERE = ("shared_buffers",)  # which a restored server's own administrator has to look after


class Source:
    """What was copied: `store` and what it holds."""

    def __init__(self, site: Site, mark: Path) -> None:
        self.site, self.mark, self.run = site, mark, os.urandom(4).hex()
        with site.primary.connect() as session:
            session.execute("SELECT pg_create_physical_replication_slot('prod_slot', true)")
            for name, value in SETTINGS.items():
                if name not in HERE:
                    session.execute(f"ALTER SYSTEM SET {name} = '{value.replace('MARK', str(mark))}'".encode())
            self.manifest = site.back_up().manifest
            for name in SETTINGS:
                session.execute(f"ALTER SYSTEM RESET {name}".encode())
            session.execute("SELECT pg_drop_replication_slot('prod_slot')")
            order(session, f"first {self.run}", 100)
            session.execute("SELECT pg_switch_wal()")
            self.between = lsn(session)
            order(session, f"last {self.run}", 100)
        self.end = Shipper(site, cuts=(500, 3000)).ship(start=segment_start(parse_lsn(self.manifest.start_position)))
        assert isinstance(site.store, Stock)
        self.store = site.store


@pytest.fixture(scope="module")
def source(backup_source: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    mark = tmp_path_factory.mktemp("archived")
    mark.chmod(0o777)
    with pytest.MonkeyPatch.context() as patch:
        yield Source(in_memory(backup_source, patch), mark)


@pytest.fixture
def store(source: Source) -> Stock:
    return source.store.copy()


def log_keys(store: Stock) -> list[str]:
    return [key for key in sorted(store.objects) if key.startswith((RANGES, SEGMENTS))]


def test_a_restored_server_neither_archives_nor_streams_nor_opens_a_slot(
    source: Source, store: Stock, place: Place
) -> None:  # pitfall 15, fault 57
    done = place.restore(store)
    assert done.log_files >= 2
    assert not (place.into / "standby.signal").exists() and not (place.into / "recovery.signal").exists()
    with place.start() as session:
        assert orders(session, f"last {source.run}")[0] == 100
        session.execute("SET statement_timeout = '5s'")  # a commit that waits for a replica waits for ever
        session.execute("INSERT INTO orders VALUES (%s, 'restored')", [os.urandom(4).hex()])
        session.execute("SELECT pg_switch_wal()")
        session.execute("CHECKPOINT")
        for name in ("archive_command", "archive_library", "primary_conninfo", "primary_slot_name", "restore_command"):
            assert session.execute(f"SHOW {name}".encode()).fetchone() in [("",), ("(disabled)",)]
        assert session.execute("SHOW archive_mode").fetchone() == ("off",)
        assert session.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
        for view in ("pg_replication_slots", "pg_stat_wal_receiver", "pg_stat_replication"):
            assert session.execute(f"SELECT count(*) FROM {view}".encode()).fetchone() == (0,)  # noqa: S608
    assert list(source.mark.iterdir()) == []


def test_one_flipped_byte_in_any_object_is_found_before_the_target_is_touched(
    source: Source, store: Stock, place: Place
) -> None:  # fault 50
    parts = {part.key: part for part in source.manifest.parts}
    assert len(parts) >= 2 and len(log_keys(store)) >= 3
    (said,) = [key for key in store.objects if key.endswith("/manifest.json")]
    for key in [*parts, said, *log_keys(store)]:
        damaged = store.copy()
        damaged.objects[key] = flipped(damaged.objects[key])
        with pytest.raises(DrError) as found:
            place.restore(damaged)
        assert key.rpartition("/")[2] in str(found.value), key
        assert place.untouched(), key


def test_a_truncated_object_is_found_before_the_target_is_touched(store: Stock, place: Place) -> None:  # fault 50
    for key in log_keys(store)[:1] + [key for key in store.objects if key.endswith("base.tar.zst")]:
        damaged = store.copy()
        damaged.objects[key] = damaged.objects[key][:-9]
        with pytest.raises(DrError):
            place.restore(damaged)
        assert place.untouched(), key


def test_wal_that_is_whole_and_wrong_is_not_taken_for_the_logs_end(
    source: Source, store: Stock, place: Place
) -> None:  # what zstd and S3 find right
    (last,) = [key for key in log_keys(store) if f"-{source.end:016X}" in key]
    body = zstd.decompress(store.objects[last])
    store.objects[last] = compressed(flipped(body, len(body) - 200))
    with pytest.raises(Corrupt, match=f"the log goes on to {format_lsn(source.end)} with a record"):
        place.restore(store)
    assert place.untouched()


def test_a_tampered_manifest_is_found(source: Source, store: Stock, place: Place) -> None:  # fault 51
    (key,) = [key for key in store.objects if key.endswith("/manifest.json")]
    digest, made = source.manifest.parts[0].sha256.encode(), store.objects[key]
    said = json.loads(made.replace(digest, b"0" * 64))
    for wrong, found in (
        (made.replace(digest, b"0" * 64), "it is not that of the rest"),
        (Manifest.model_validate({k: v for k, v in said.items() if k != "digest"}).to_json(), "changed: its SHA-256"),
        (b"{}", "no backup can be used"),
    ):
        store.objects[key] = wrong
        with pytest.raises(Corrupt, match=found):
            place.restore(store)
        assert place.untouched()


def test_another_backup_is_taken_for_a_damaged_one_and_that_is_said(store: Stock, place: Place) -> None:  # fault 51
    (key,) = [key for key in store.objects if key.endswith("/manifest.json")]
    before, _, ours = folder_of(key).rstrip("/").rpartition("/")
    theirs = f"{ours[:-1]}{'0' if ours[-1] != '0' else '1'}"
    store.objects[f"{before}/{theirs}/manifest.json"] = b"{}"
    order = plan_restore(store, Target.parse("latest"), place.into, environment=place.site.environment)
    assert order.choice.backup.id == ours
    assert [f"{theirs} is not used: manifest {before}/{theirs}/" in each for each in order.passed_over] == [True]
    with pytest.raises(Refused, match=f"{theirs} is not used"):
        place.restore(store, theirs)


def test_without_its_manifest_it_is_no_backup(store: Stock, place: Place) -> None:  # fault 51
    del store.objects[next(key for key in store.objects if key.endswith("/manifest.json"))]
    with pytest.raises(Refused, match="no log and no backup") as refused:
        place.restore(store)
    assert "there is no backup" in str(refused.value)


def test_a_hole_is_named_before_anything_is_read(source: Source, store: Stock, place: Place) -> None:  # pitfall 7
    ranges = [found for key in log_keys(store) if isinstance(found := parse_key(key), Range)]
    gone = ranges[1]
    del store.objects[gone.key]
    with pytest.raises(Corrupt, match=f"{format_lsn(gone.start)} to {format_lsn(gone.end)} is missing"):
        place.restore(store)
    assert place.untouched()
    place.restore(store, format_lsn(gone.start))  # what its message proposes


def test_a_missing_history_is_named(store: Stock, place: Place) -> None:  # fault 53
    two = Line(2, next(found.line.system for key in log_keys(store) if (found := parse_key(key))), 2)
    store.objects[Range(two, 2**30, 2**30 + 9).key] = b"x"
    with pytest.raises(Refused, match=r"timeline 2 and not its history, 00000002\.history"):
        place.restore(store)


def test_what_lies_in_glacier_is_told_and_asked_for(store: Stock, place: Place) -> None:  # fault 56
    base = next(key for key in store.objects if key.endswith("base.tar.zst"))
    store.storage[base] = "DEEP_ARCHIVE"
    site = place.site

    def planned() -> Order:
        return plan_restore(store, Target.parse("latest"), place.into, environment=site.environment)

    def executed() -> None:
        execute(store, planned(), environment=site.environment, owner=site.primary.uid)

    with pytest.raises(Refused, match=r"1 objects .* up to 12 h") as refused:
        executed()
    assert "--retrieve" in str(refused.value) and store.retrievals == {}
    retrieve(store, planned())
    assert store.retrievals == {base: "running"}
    with pytest.raises(Refused, match="being retrieved"):
        executed()
    assert place.untouched()
    store.retrievals[base] = "done"
    executed()


def test_a_key_that_is_gone_is_told_as_such(store: Stock, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    # fault 52; how S3 says it: tests/unit/cloud
    def denied(_: str) -> None:
        raise Refused("the KMS key of bucket bucket cannot be used to read")

    monkeypatch.setattr(store, "stream", denied)
    with pytest.raises(Refused, match="KMS key"):
        place.restore(store)
    assert place.untouched()


def test_a_restore_that_was_killed_leaves_nothing_in_the_way(store: Stock, place: Place) -> None:
    left = place.parent / ".data.dr-restore"
    (left / "data").mkdir(parents=True)
    (left / "dr-restore").touch()
    place.restore(store)
    assert sorted(path.name for path in place.parent.iterdir()) == ["data"]


def test_what_no_restore_made_is_left_alone(store: Stock, place: Place) -> None:
    (place.parent / ".data.dr-restore").mkdir()
    with pytest.raises(Refused, match="is in the way"):
        place.restore(store)


def test_log_of_another_system_is_not_looked_at(source: Source, store: Stock, place: Place) -> None:
    for key in log_keys(store):
        found = parse_key(key)
        assert found is not None
        store.objects[key.replace(found.line.system, "42")] = store.objects.pop(key)
    place.restore(store)
    with place.start() as session:
        assert orders(session, f"first {source.run}")[0] == 0


def test_a_full_disk_is_forecast(store: Stock, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(Refused, match="has 1,000 bytes free, the restore needs"):
        place.restore(store)


def test_a_server_that_cannot_replay_says_why(source: Source, store: Stock, place: Place) -> None:
    programs = place.parent.parent / f"broken-{os.urandom(4).hex()}"
    broken = source.site.with_program(programs, "postgres", 'echo "FATAL:  no room here" >&2; exit 1')
    place.site = broken
    with pytest.raises(Failed, match="no room here"):
        place.restore(store)
    assert place.untouched()
