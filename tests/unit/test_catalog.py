"""Which folders are backups, what `latest` names, and who may move it."""

from datetime import UTC, datetime, timedelta

import pytest

from engines.catalog import entries, find, move_pointer, read_manifest, read_pointer
from recovery.errors import Corrupt, Failed, Refused, Unreachable
from recovery.manifest import Manifest, Part, Source
from recovery.names import backup_prefix, manifest_key, pointer_key
from tests.fakes import FakeBucket

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
POINTER = pointer_key("postgres", "full")


def manifest(run: str = "aaaa", *, epoch: int = 1, started: datetime = NOON, **changes: object) -> Manifest:
    folder = backup_prefix("postgres", "full", epoch=epoch, source="77", started=started, run=run)
    made = Manifest(
        dataset="postgres",
        kind="full",
        id=f"{started:%Y%m%dT%H%M%SZ}-{run}",
        started=started,
        finished=started + timedelta(minutes=1),
        source=Source(
            site="prod", epoch=epoch, system_identifier="77", timeline=1, server_version="18.6", database="ultramarket"
        ),
        start_position="0/28",
        stop_position="0/120",
        parts=(Part(key=f"{folder}base.tar.zst", bytes=3, sha256="0" * 64, raw_bytes=9),),
        tools={},
        plan_digest="",
        retain_until=started + timedelta(days=7),
    )
    return made.model_copy(update=changes)


def store(bucket: FakeBucket, made: Manifest) -> str:
    """Put a backup with its manifest; returns the manifest's key."""
    key = manifest_key(made.parts[0].key.rpartition("/")[0] + "/")
    bucket.objects |= {made.parts[0].key: b"xxx", key: made.to_json()}
    return key


def test_the_newest_backup_comes_first_and_unfinished_folders_are_named() -> None:
    bucket = FakeBucket()
    old, new = manifest("aaaa"), manifest("bbbb", started=NOON + timedelta(days=1))
    store(bucket, old)
    store(bucket, new)
    bucket.objects["postgres/full/00000001/77/20260101T130000Z-cccc/base.tar.zst"] = b"half"
    found = entries(bucket)
    assert [each.manifest for each in found] == [new, old, None]
    assert (found[2].id, found[2].problem) == ("20260101T130000Z-cccc", "unfinished: no manifest")
    assert found[0].stored_bytes == 3 + len(new.to_json())


def test_a_damaged_manifest_is_listed_as_such_and_hides_no_other() -> None:
    bucket = FakeBucket()
    store(bucket, manifest("aaaa"))
    bucket.objects[store(bucket, manifest("bbbb"))] = b"{"
    found = {each.id[-4:]: (each.manifest is not None, each.problem) for each in entries(bucket)}
    assert found["aaaa"] == (True, "")
    assert not found["bbbb"][0] and "is not valid" in found["bbbb"][1]


@pytest.mark.parametrize(
    "change",
    [
        {"id": "20260101T120000Z-bbbb"},
        {"started": NOON + timedelta(hours=1)},
        {"kind": "incremental"},
        {"parts": (Part(key="postgres/full/other/base.tar.zst", bytes=3, sha256="0" * 64, raw_bytes=9),)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_manifest_that_is_not_about_its_own_folder_is_corrupt(change: dict[str, object]) -> None:  # fault 51
    bucket = FakeBucket()
    key = store(bucket, manifest())
    bucket.objects[key] = manifest(**change).to_json()  # type: ignore[arg-type]
    with pytest.raises(Corrupt, match="is not about its own folder"):
        read_manifest(bucket, key)


def test_a_missing_manifest_is_corrupt() -> None:  # fault 51
    with pytest.raises(Corrupt, match="is missing from bucket"):
        read_manifest(FakeBucket(), "postgres/full/x/manifest.json")


def test_the_first_backup_makes_the_pointer_and_the_next_moves_it() -> None:
    bucket = FakeBucket()
    for made in (manifest("aaaa"), manifest("bbbb", started=NOON + timedelta(days=1))):
        key = store(bucket, made)
        assert move_pointer(bucket, made, key)
        assert find(bucket, "latest", dataset="postgres", kind="full") == (key, made)


@pytest.mark.parametrize(
    "late",
    [manifest("late", epoch=1, started=NOON + timedelta(days=9)), manifest("late", epoch=2, started=NOON)],
    ids=["lower epoch, later", "same epoch, earlier"],
)
def test_the_pointer_is_not_moved_back(late: Manifest) -> None:  # fault 68
    bucket = FakeBucket()
    current = manifest("aaaa", epoch=2, started=NOON + timedelta(days=1))
    key = store(bucket, current)
    move_pointer(bucket, current, key)
    assert not move_pointer(bucket, late, store(bucket, late))
    assert find(bucket, "latest", dataset="postgres", kind="full") == (key, current)


def test_two_at_once_leave_the_newer_one_as_latest() -> None:
    first, second = manifest("aaaa"), manifest("bbbb", started=NOON + timedelta(days=1))

    class Racing(FakeBucket):
        raced = False

        def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
            if not self.raced:
                self.raced = True
                assert move_pointer(self, second, store(self, second))
            return super().replace(key, body, etag=etag)

    bucket = Racing()
    assert not move_pointer(bucket, first, store(bucket, first))
    assert find(bucket, "latest", dataset="postgres", kind="full")[1] == second


def test_a_pointer_that_never_stands_still_fails() -> None:
    class Restless(FakeBucket):
        def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
            return False

    bucket = Restless()
    with pytest.raises(Failed, match="kept moving"):
        move_pointer(bucket, manifest(), store(bucket, manifest()))


def test_a_damaged_pointer_is_worked_out_again_from_the_manifests() -> None:
    bucket = FakeBucket()
    high, low = manifest("aaaa", epoch=2), manifest("bbbb", epoch=1, started=NOON + timedelta(days=1))
    key = store(bucket, high)
    bucket.objects[POINTER] = b"garbage"
    assert not move_pointer(bucket, low, store(bucket, low))
    pointer, _ = read_pointer(bucket, POINTER)
    assert pointer is not None and pointer.manifest_key == key


def test_latest_without_any_backup_says_how_to_make_one() -> None:
    with pytest.raises(Refused, match="holds no finished postgres full backup") as refusal:
        find(FakeBucket(), "latest", dataset="postgres", kind="full")
    assert "dr backup postgres full" in refusal.value.next_step


def test_an_unknown_id_is_refused_and_an_unfinished_one_is_no_backup() -> None:
    bucket = FakeBucket()
    made = manifest()
    store(bucket, made)
    bucket.objects["postgres/full/00000001/77/20260101T130000Z-cccc/base.tar.zst"] = b"half"
    with pytest.raises(Refused, match="has no backup nothing") as refusal:
        find(bucket, "nothing", dataset="postgres", kind="full")
    assert made.id in refusal.value.next_step
    with pytest.raises(Corrupt, match="is not a backup: unfinished"):
        find(bucket, "20260101T130000Z-cccc", dataset="postgres", kind="full")


def test_a_bucket_that_does_not_answer_is_unknown_and_not_empty() -> None:  # fault 59
    bucket = FakeBucket()
    bucket.reachable = False
    with pytest.raises(Unreachable):
        entries(bucket)
