"""Which folders are backups, what `latest` names, and who may move it."""

from datetime import timedelta

import pytest

from engines.catalog import Entry, entries, find, latest, move_pointer, newest, read_manifest, read_pointer
from recovery.copies.manifest import Manifest, Part
from recovery.errors import Corrupt, Failed, Refused, Unreachable
from recovery.names import manifest_key, pointer_key
from tests.support.fakes import FakeBucket
from tests.support.manifests import NOON, manifest

POINTER = pointer_key("postgres", "full", 1)
LATER = NOON + timedelta(days=30)
DAY = timedelta(days=1)


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
    found = entries(bucket, "postgres", "full")
    assert [each.manifest for each in found] == [new, old, None]
    assert (found[2].id, found[2].problem(LATER)) == ("20260101T130000Z-cccc", "unfinished: no manifest")
    assert found[0].stored_bytes == 3 + len(new.to_json())


def test_a_damaged_manifest_is_listed_as_such_and_hides_no_other() -> None:
    bucket = FakeBucket()
    store(bucket, manifest("aaaa"))
    bucket.objects[store(bucket, manifest("bbbb"))] = b"{"
    found = {
        each.id[-4:]: (each.manifest is not None, each.problem(LATER)) for each in entries(bucket, "postgres", "full")
    }
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
        assert find(bucket, "latest", dataset="postgres", kind="full", now=LATER) == (key, made)


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
    assert find(bucket, "latest", dataset="postgres", kind="full", now=LATER) == (key, current)


def test_what_production_wrote_late_does_not_take_the_name_from_the_dr_sites_own_backup() -> None:  # fault 68
    """S3 replicates whole objects, and knows nothing of epochs."""
    production, dr = FakeBucket(), FakeBucket()
    late, current = manifest("late", epoch=1, started=NOON + timedelta(days=9)), manifest("aaaa", epoch=2)
    assert move_pointer(production, late, store(production, late))
    key = store(dr, current)
    assert move_pointer(dr, current, key)
    dr.objects |= production.objects
    assert find(dr, "latest", dataset="postgres", kind="full", now=LATER) == (key, current)


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
    assert find(bucket, "latest", dataset="postgres", kind="full", now=LATER)[1] == second


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
        find(FakeBucket(), "latest", dataset="postgres", kind="full", now=LATER)
    assert "dr backup postgres full" in refusal.value.next_step


def test_an_unknown_id_is_refused_and_an_unfinished_one_is_no_backup() -> None:
    bucket = FakeBucket()
    made = manifest()
    store(bucket, made)
    bucket.objects["postgres/full/00000001/77/20260101T130000Z-cccc/base.tar.zst"] = b"half"
    with pytest.raises(Refused, match="has no backup nothing") as refusal:
        find(bucket, "nothing", dataset="postgres", kind="full", now=LATER)
    assert made.id in refusal.value.next_step
    with pytest.raises(Corrupt, match="is not a backup: unfinished"):
        find(bucket, "20260101T130000Z-cccc", dataset="postgres", kind="full", now=LATER)


# In the DR bucket, where S3 puts the objects of a backup one by one.


@pytest.fixture
def replica() -> tuple[FakeBucket, str, Manifest]:
    """An older backup that is all there, and a newer one of which `latest` and manifest have arrived and nothing else;
    with the older one's key."""
    bucket = FakeBucket()
    old, new = manifest("aaaa"), manifest("bbbb", started=NOON + DAY)
    key = store(bucket, old)
    assert move_pointer(bucket, new, store(bucket, new))
    del bucket.objects[new.parts[0].key]
    return bucket, key, new


def test_a_backup_is_arriving_until_every_part_is_there(replica: tuple[FakeBucket, str, Manifest]) -> None:
    bucket, old, new = replica
    now = new.finished + timedelta(minutes=10)
    first, second = entries(bucket, "postgres", "full")
    assert (first.id, first.manifest, second.manifest is None) == (new.id, None, False)
    assert first.problem(now) == "arriving: 1 of 1 objects (base.tar.zst) not there yet; it finished 10m ago"
    passed: list[Entry] = []
    assert latest(bucket, "postgres", "full", now=now, passed_over=passed.append)[0] == old
    assert [each.id for each in passed] == [new.id]
    with pytest.raises(Refused, match=f"{new.id} is not all there yet: arriving"):
        find(bucket, new.id, dataset="postgres", kind="full", now=now)
    bucket.objects[new.parts[0].key] = b"xxx"
    assert entries(bucket, "postgres", "full")[0].manifest == new
    assert find(bucket, "latest", dataset="postgres", kind="full", now=now)[1] == new


def test_a_part_that_never_arrived_is_told_from_one_that_is_on_its_way(
    replica: tuple[FakeBucket, str, Manifest],
) -> None:
    bucket, old, new = replica
    late = new.finished + timedelta(minutes=31)
    words = entries(bucket, "postgres", "full")[0].problem(late)
    assert words == (
        "incomplete: 1 of 1 objects (base.tar.zst) never arrived; it finished 31m ago, and S3 promises 15m"
    )
    with pytest.raises(Corrupt, match=f"{new.id} is not a backup: incomplete"):
        find(bucket, new.id, dataset="postgres", kind="full", now=late)
    # With production gone it never will be there, and what can be restored is the older one.
    assert find(bucket, "latest", dataset="postgres", kind="full", now=late)[0] == old


def test_a_part_of_another_size_is_no_backup_however_new(replica: tuple[FakeBucket, str, Manifest]) -> None:
    bucket, _, new = replica
    bucket.objects[new.parts[0].key] = b"xx"
    with pytest.raises(Corrupt, match=r"damaged: base\.tar\.zst has another size"):
        find(bucket, new.id, dataset="postgres", kind="full", now=new.finished)


def test_latest_is_found_when_it_arrived_before_the_manifest_that_it_names(
    replica: tuple[FakeBucket, str, Manifest],
) -> None:
    bucket, old, new = replica
    del bucket.objects[f"{new.parts[0].key.rpartition('/')[0]}/manifest.json"]
    assert find(bucket, "latest", dataset="postgres", kind="full", now=LATER)[0] == old


def test_before_the_first_one_is_all_there_latest_is_refused_and_later_it_is_corrupt() -> None:
    bucket, made = FakeBucket(), manifest()
    move_pointer(bucket, made, store(bucket, made))
    del bucket.objects[made.parts[0].key]
    with pytest.raises(Refused, match=r"holds no postgres full backup that is all there: .* arriving"):
        latest(bucket, "postgres", "full", now=made.finished)
    with pytest.raises(Corrupt, match=r"holds no postgres full backup that is all there: .* incomplete"):
        latest(bucket, "postgres", "full", now=LATER)


def test_an_older_backup_is_not_taken_for_the_newest_whose_manifest_is_damaged() -> None:  # fault 51
    bucket = FakeBucket()
    store(bucket, manifest("aaaa"))
    damaged = manifest("bbbb", started=NOON + DAY)
    key = store(bucket, damaged)
    move_pointer(bucket, damaged, key)
    bucket.objects[key] = b"{"
    with pytest.raises(Corrupt, match="is not valid"):
        latest(bucket, "postgres", "full", now=LATER)


def test_the_newest_is_found_without_reading_the_catalog_as_long_as_it_is_all_there() -> None:
    class Counting(FakeBucket):
        asked: list[str]

        def get(self, key: str) -> tuple[bytes, str] | None:
            self.asked.append(key)
            return super().get(key)

    bucket = Counting()
    bucket.asked = []
    several = [manifest(f"{day:04d}", started=NOON + day * DAY) for day in range(20)]
    for each in several:
        move_pointer(bucket, each, store(bucket, each))
    made = several[-1]
    bucket.asked.clear()
    assert newest(bucket, "postgres", "full").manifest == made
    assert len(bucket.asked) == 2
    del bucket.objects[made.parts[0].key]
    bucket.asked.clear()
    assert newest(bucket, "postgres", "full").passed_over[0].id == made.id
    assert len(bucket.asked) == 4


def test_a_bucket_that_does_not_answer_is_unknown_and_not_empty() -> None:  # fault 59
    bucket = FakeBucket()
    bucket.reachable = False
    with pytest.raises(Unreachable):
        entries(bucket, "postgres", "full")
