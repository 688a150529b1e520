"""Assets brought back to a time: planned without a change, executed as planned, gone on with after an end anywhere."""

import resource
from collections.abc import Iterator

import pytest

from operations.copies import assets
from operations.copies.assets import AssetsOrder, Done, execute, planned
from recovery.errors import Failed, Refused, Unreachable
from recovery.ports.versions import Version, VersionedBucket
from tests.support.versions import FakeVersions, at


@pytest.fixture
def shop() -> FakeVersions:
    """At noon there were a, b, c and d; then a was encrypted, b deleted, c encrypted and deleted, note put there."""
    made = FakeVersions()
    for key in "abcd":
        made.put(key, f"good {key}".encode(), 0)
    made.put("a", b"encrypted", 100)
    made.delete("b", 110)
    made.put("c", b"encrypted", 120)
    made.delete("c", 130)
    made.put("note", b"pay", 140)
    return made


GOOD = {"a": b"good a", "b": b"good b", "c": b"good c", "d": b"good d"}


def restored(bucket: FakeVersions, source: FakeVersions | None = None, **of: bool) -> Done:
    with planned(bucket, source or bucket, at(50), **of) as order:  # type: ignore[arg-type]
        return execute(order)


def seen(bucket: FakeVersions) -> dict[str, bytes | None]:
    return {key: bucket.current(key) for key in GOOD}


def test_a_plan_counts_and_changes_nothing(shop: FakeVersions) -> None:
    before = {key: [*stack] for key, stack in shop.stacks.items()}
    with planned(shop, shop, at(50)) as order:
        assert (order.keys, order.same, order.copied, order.unhidden, order.newer) == (5, 1, 2, 1, 1)
        assert (order.copied_bytes, order.to_do) == (12, 3)
        assert (order.first, order.last) == (at(100), at(140))
        assert order.examples == {"copy": ["a", "c"], "unhide": ["b"], "hide": ["note"]}
    assert shop.stacks == before


def test_ransomware_and_a_deletion_are_undone_and_no_version_is_ended(shop: FakeVersions) -> None:
    data = {each.id for stack in shop.stacks.values() for each in stack if not each.marker}
    done = restored(shop)
    assert (done.copied, done.unhidden, done.hidden) == (2, 1, 0)
    assert seen(shop) == GOOD
    assert shop.current("note") == b"pay", "a key that did not exist then is left, unless somebody says so"
    assert data <= {each.id for stack in shop.stacks.values() for each in stack}


def test_keys_that_did_not_exist_then_are_hidden_only_when_that_is_asked_for(shop: FakeVersions) -> None:
    assert restored(shop, hide_newer=True).hidden == 1
    assert shop.current("note") is None


def test_a_second_run_finds_nothing_to_do(shop: FakeVersions) -> None:
    restored(shop, hide_newer=True)
    with planned(shop, shop, at(50), hide_newer=True) as order:
        assert (order.to_do, order.same) == (0, 5)


def test_killed_in_between_the_same_command_goes_on_with_what_is_left(shop: FakeVersions) -> None:
    shop.failing = {"c"}
    with pytest.raises(Failed, match="of 3 keys are as they were; 1 failed: no copy of c"):
        restored(shop)
    shop.failing, shop.calls = set(), []
    done = restored(shop)
    assert (done.copied, done.unhidden) == (1, 0)
    assert ("copy", "a") not in shop.calls and seen(shop) == GOOD


def test_a_key_uploaded_again_as_it_was_is_not_copied() -> None:
    shop = FakeVersions()
    shop.put("a", b"same", 0)
    shop.put("a", b"same", 100)
    with planned(shop, shop, at(50)) as order:
        assert (order.same, order.to_do) == (1, 0)


def test_where_no_marker_may_be_taken_away_the_version_is_copied_over_it(shop: FakeVersions) -> None:
    shop.keeps_markers = True
    done = restored(shop)
    assert (done.copied, done.unhidden) == (3, 0) and seen(shop) == GOOD


def test_production_is_put_right_out_of_the_copy_when_its_own_versions_are_gone(shop: FakeVersions) -> None:
    copy = shop.replica()
    shop.stacks = {key: stack[:1] for key, stack in shop.stacks.items()}
    restored(shop, copy)
    assert seen(shop) == GOOD


def test_the_copy_is_put_right_where_production_is_gone(shop: FakeVersions) -> None:
    copy = shop.replica()
    restored(copy)
    assert seen(copy) == GOOD


def test_versions_that_the_copy_has_under_their_own_ids_are_not_copied_again(shop: FakeVersions) -> None:
    with planned(shop, shop.replica(), at(50)) as order:
        assert (order.same, order.unhidden, order.copied) == (1, 1, 2)


def test_a_bucket_that_holds_nothing_of_that_time_is_refused(shop: FakeVersions) -> None:
    with (
        pytest.raises(Refused, match="holds no version of 2026-11-30 11:59:59 UTC or before"),
        planned(shop, shop, at(-1)),
    ):
        pass


def test_when_s3_says_no_to_the_first_nothing_was_brought_back(shop: FakeVersions) -> None:
    shop.failing, shop.keeps_markers = {*"abc"}, True
    with pytest.raises(Refused, match="nothing was brought back: no copy of a"):
        restored(shop)


def test_a_listing_that_breaks_off_changes_nothing(shop: FakeVersions, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(prefix: str) -> Iterator[Version]:
        yield from shop.stacks["a"]
        raise Unreachable("S3 did not answer")

    monkeypatch.setattr(shop, "versions", broken)
    with pytest.raises(Unreachable), planned(shop, shop, at(50)):
        pass
    assert not shop.calls


def test_many_failures_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = FakeVersions()
    for number in range(600):
        shop.put(f"{number:04}", b"good", 0)
        shop.put(f"{number:04}", b"worse", 100)
    shop.failing = {f"{number:04}" for number in range(1, 600)}
    monkeypatch.setattr(assets, "_MOST_FAILED", 5)
    with pytest.raises(Failed, match="1 of 600 keys are as they were"):
        restored(shop)
    assert len([call for call in shop.calls if call[0] == "copy"]) < 600


def test_markers_are_taken_away_a_thousand_at_once() -> None:
    shop = FakeVersions()
    for number in range(2500):
        shop.put(f"{number:04}", b"good", 0)
        shop.delete(f"{number:04}", 100)
    requests: list[int] = []
    unhide = shop.unhide
    shop.unhide = lambda markers: requests.append(len(markers)) or unhide(markers)  # type: ignore[method-assign]
    assert restored(shop).unhidden == 2500
    assert sorted(requests) == [500, 1000, 1000]


class Endless(FakeVersions):
    """So many keys as a large bucket has, each overwritten; none is held."""

    keys = 20_000
    copies = 0

    def versions(self, prefix: str) -> Iterator[Version]:
        for number in range(self.keys):
            key = f"img/{number:09}.png"
            yield Version(key=key, id=f"{number:032}", modified=at(100), bytes=2, etag='"b"')
            yield Version(key=key, id=f"1{number:031}", modified=at(0), bytes=1, etag='"a"')

    def bring_back(self, version: Version, source: VersionedBucket) -> None:
        Endless.copies += 1


def test_memory_does_not_grow_with_the_keys() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    shop = Endless()
    with planned(shop, shop, at(50)) as order:
        assert isinstance(order, AssetsOrder) and order.copied == shop.keys
        assert execute(order).copied == shop.keys
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 * 1024, "KiB"
