"""Tens of thousands of copies of one kind: whoever needs a few looks at a few."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from engines.catalog import find, move_pointer, newest
from engines.folders import begun_before, entries
from engines.inventory import take
from operations.copies.listing import list_backups, recent
from operations.copies.verify import find as find_to_verify
from recovery.copies.manifest import Manifest
from recovery.copies.pruning import decide
from recovery.errors import Refused
from recovery.names import manifest_key
from recovery.plan.loading import load_plan
from recovery.ports.buckets import StoredObject
from tests.support.fakes import FakeBucket
from tests.support.manifests import manifest, of_redis
from tests.support.plans import ROOT

PLAN = load_plan(ROOT / "recovery.yaml")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
PAGE = 1000
SOURCES = ("a" * 40, "b" * 40)


class Counting(FakeBucket):
    """Notes which manifests are read, and counts pages of listings as S3 gives them."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []
        self.pages = 0

    def get(self, key: str) -> tuple[bytes, str] | None:
        self.read += [key] if key.endswith("manifest.json") else []
        return super().get(key)

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        for number, item in enumerate(super().list(prefix, after=after)):
            self.pages += number % PAGE == 0
            yield item

    def forget(self) -> None:
        self.read, self.pages = [], 0


def snapshot(number: int) -> Manifest:
    """The one that was begun `number` intervals ago; the server was another one until half of them were made."""
    started = NOW - number * timedelta(minutes=5)
    return of_redis("snapshot", started=started, run=f"{number:08x}", source=SOURCES[number % 2])


def manifest_of(made: Manifest, **changes: object) -> Manifest:
    changed = made.model_copy(update=changes)
    part = made.parts[0].model_copy(update={"key": f"{changed.folder}dump.rdb.zst"})
    return changed.model_copy(update={"parts": (part,)})


def store(bucket: FakeBucket, made: Manifest) -> str:
    key = manifest_key(made.folder)
    bucket.objects |= {made.parts[0].key: b"xxx", key: made.to_json()}
    bucket.modified |= {made.parts[0].key: made.finished, key: made.finished}
    return key


def filled(count: int) -> Counting:
    bucket = Counting()
    for number in reversed(range(2, count + 1)):
        store(bucket, snapshot(number))
    move_pointer(bucket, snapshot(1), store(bucket, snapshot(1)))
    bucket.forget()
    return bucket


@pytest.fixture(scope="module")
def buckets() -> list[Counting]:
    """Of very different sizes."""
    return [filled(300), filled(3000)]


def not_there(bucket: Counting) -> None:
    with pytest.raises(Refused):
        find(bucket, "20260101T000000Z-ffffffff", dataset="redis", kind="snapshot", now=NOW)


LOOKS: dict[str, Callable[[Counting], object]] = {
    "dr backups": lambda bucket: list_backups(bucket, now=NOW, since=recent(PLAN, NOW)),
    "dr status": lambda bucket: newest(bucket, "redis", "snapshot"),
    "dr verify ID": lambda bucket: find_to_verify(bucket, snapshot(250).id, dataset="redis", now=NOW),
    "an id that is not there": lambda bucket: not_there(bucket),
}


@pytest.mark.parametrize("what", LOOKS)
def test_a_look_costs_the_same_however_many_copies_there_are(buckets: list[Counting], what: str) -> None:
    costs = []
    for bucket in buckets:
        bucket.forget()
        LOOKS[what](bucket)
        costs.append((len(bucket.read), bucket.pages))
    assert costs[0] == costs[1]
    assert costs[0][0] <= 110 and costs[0][1] <= 30


def test_the_newest_one_that_is_on_its_way_costs_a_look_at_those_around_it(buckets: list[Counting]) -> None:
    costs = []
    for bucket in buckets:
        part = snapshot(1).parts[0].key
        body = bucket.objects.pop(part)
        bucket.forget()
        found = newest(bucket, "redis", "snapshot")
        bucket.objects[part] = body
        assert (found.manifest, [each.id for each in found.passed_over]) == (snapshot(2), [snapshot(1).id])
        costs.append((len(bucket.read), bucket.pages))
    assert costs[0] == costs[1]


def test_a_whole_copy_of_the_pointer_s_epoch_comes_before_a_younger_one_of_a_fenced_site() -> None:  # fault 68
    bucket = FakeBucket()
    own = snapshot(10)
    first, late = (manifest_of(own, source=own.source.model_copy(update={"epoch": epoch})) for epoch in (2, 1))
    second = manifest_of(snapshot(3), source=first.source)
    first = manifest_of(first, started=NOW - timedelta(days=9), id=f"{NOW - timedelta(days=9):%Y%m%dT%H%M%SZ}-0000000a")
    store(bucket, late)
    store(bucket, first)
    move_pointer(bucket, second, store(bucket, second))
    del bucket.objects[second.parts[0].key]
    assert newest(bucket, "redis", "snapshot").manifest == first


def test_a_listing_says_of_which_kinds_there_are_older_ones() -> None:
    bucket = filled(300)
    assert list(list_backups(bucket, now=NOW, since=recent(PLAN, NOW)).older) == ["redis snapshot"]
    assert list_backups(bucket, now=NOW).older == {}
    assert len(list_backups(bucket, now=NOW).backups) == 300


def test_what_was_begun_since_a_moment_is_found_in_every_line() -> None:
    bucket = filled(20)
    since = NOW - timedelta(minutes=25)
    assert [each.id for each in entries(bucket, "redis", "snapshot", since=since)] == [
        snapshot(number).id for number in range(1, 6)
    ]
    assert begun_before(bucket, "redis", "snapshot", since)
    assert not begun_before(bucket, "redis", "snapshot", NOW - timedelta(minutes=100))


def test_the_pruner_reads_only_the_manifests_of_copies_whose_term_may_be_over(buckets: list[Counting]) -> None:
    term = PLAN.datasets.redis.snapshot.keep.local
    over = [snapshot(number) for number in range(1, 301) if number * timedelta(minutes=5) >= term]
    bucket = buckets[0]
    bucket.forget()
    inventory = take(bucket, PLAN, "prod", now=NOW)
    assert sorted(bucket.read) == sorted(manifest_key(each.folder) for each in over)
    assert len(inventory.catalog.copies) == 300 and set(inventory.bytes.values()) != {0}
    ended = decide(inventory.catalog, PLAN, NOW).prunes
    assert ended == decide(take(bucket, PLAN, "prod").catalog, PLAN, NOW).prunes
    # What ends here is not in the DR bucket either, so that none goes: asked of the DR bucket, all of them do.
    inventory = take(bucket, PLAN, "prod", now=NOW, replicas=bucket)
    assert {each.copy.id for each in decide(inventory.catalog, PLAN, NOW).prunes} == {
        each.id for each in over if each.finished < NOW - term
    }


def test_fulls_are_read_whole_since_others_begin_with_them() -> None:
    bucket = Counting()
    made = manifest("aaaa", started=NOW - timedelta(hours=1))
    store(bucket, made)
    bucket.forget()
    take(bucket, PLAN, "prod", now=NOW)
    assert bucket.read == [manifest_key(made.folder)]
