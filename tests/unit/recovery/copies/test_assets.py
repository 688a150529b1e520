"""Which version of a key was current at a time, and what brings it back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from recovery.copies.assets import Change, by_key, change, current_at, moment, same, stack
from recovery.errors import Refused
from recovery.ports.versions import Described, Version
from tests.support.versions import NOON, at


def version(number: int, seconds: int, key: str = "logo.png", **of: object) -> Version:
    made = Version(key=key, id=f"v{number}", modified=at(seconds), bytes=number, etag=f'"{number}"')
    return replace(made, **of)  # type: ignore[arg-type]


def marker(number: int, seconds: int) -> Version:
    return version(number, seconds, marker=True, bytes=0, etag="")


def test_the_version_that_was_current_is_the_newest_that_is_no_younger() -> None:
    versions = [version(3, 30), version(2, 20), version(1, 10)]
    assert current_at(versions, at(9)) is None
    assert current_at(versions, at(10)) == versions[2]
    assert current_at(versions, at(29)) == versions[1]
    assert current_at(versions, at(999)) == versions[0]


def test_of_several_versions_in_one_second_the_one_that_s3_lists_first_was_the_last() -> None:
    versions = [version(3, 10), version(2, 10), marker(1, 10)]
    assert current_at(versions, at(10)) == versions[0]
    assert current_at([versions[2], *versions[:2]], at(10)) == versions[2]


def test_a_time_within_a_second_counts_what_s3_stamped_with_that_second() -> None:
    assert current_at([version(1, 10)], at(10) + timedelta(milliseconds=1)) is not None
    finer = version(1, 10, modified=at(10) + timedelta(milliseconds=700))  # as stores in S3's place stamp
    assert current_at([finer], at(10)) == finer


def test_an_upload_in_parts_begun_before_the_time_and_ended_after_a_later_version_was_not_there_yet() -> None:
    """S3 stamps it with the moment it was begun; above what came later it can only have ended after that."""
    begun_early = version(3, 5, etag='"abc-7"')
    versions = [begun_early, version(2, 20), version(1, 1)]
    assert stack(versions) == versions, "its place in the list is right, its time is not"
    assert current_at(versions, at(10)) == versions[2]
    assert current_at(versions, at(20)) == versions[0], "within the same second nobody knows; S3's order says so"


def test_a_store_that_lists_markers_apart_is_put_in_order_by_the_times() -> None:
    listed = [version(3, 30), version(1, 10), marker(2, 20)]
    assert stack(listed) == [listed[0], listed[2], listed[1]]
    assert current_at(stack(listed), at(25)) == listed[2]


def test_a_listing_is_read_key_by_key() -> None:
    listed = [version(1, 1, "a"), version(2, 2, "b"), version(1, 1, "b")]
    assert [(key, len(versions)) for key, versions in by_key(iter(listed))] == [("a", 1), ("b", 2)]


def test_what_is_as_it_was_is_left_alone() -> None:
    then = version(1, 10)
    assert change("logo.png", then, [then]) is None
    assert change("logo.png", marker(1, 10), [marker(1, 10)]) is None
    assert change("logo.png", None, [marker(2, 20), version(1, 15)]) is None


def test_an_overwritten_key_is_copied_over() -> None:
    then, bad = version(1, 10), version(2, 20)
    assert change("logo.png", then, [bad, then]) == Change(key="logo.png", kind="copy", version=then, current=bad)


def test_of_a_deleted_key_only_the_markers_go_however_many() -> None:
    then, markers = version(1, 10), (marker(3, 30), marker(2, 20))
    found = change("logo.png", then, [*markers, then])
    assert found == Change(key="logo.png", kind="unhide", version=then, markers=markers, current=markers[0])


def test_a_key_overwritten_and_then_deleted_is_copied_over_the_marker() -> None:
    then = version(1, 10)
    found = change("logo.png", then, [marker(3, 30), version(2, 20), then])
    assert found and found.kind == "copy" and not found.in_doubt


@pytest.mark.parametrize("then", [None, marker(1, 10)], ids=["never there", "deleted then"])
def test_a_key_that_did_not_exist_then_is_to_be_hidden(then: Version | None) -> None:
    newer = version(2, 20)
    assert change("logo.png", then, [newer]) == Change(key="logo.png", kind="hide", current=newer)


def test_a_null_version_is_no_other_null_version() -> None:
    """With versioning suspended each put replaces the one before it under the same id."""
    then, now = version(1, 10, id="null"), version(2, 20, id="null")
    found = change("logo.png", then, [now])
    assert found and found.kind == "copy"
    assert change("logo.png", then, [then]) is None


def test_a_replica_keeps_the_id_of_its_version() -> None:
    then = version(1, 10)
    assert change("logo.png", replace(then, etag='"under another key"'), [then]) is None


def test_only_what_has_the_same_size_may_be_the_same_under_another_id() -> None:
    then = version(1, 10, bytes=7)
    alike, other = change("k", then, [version(2, 20, bytes=7), then]), change("k", then, [version(2, 20), then])
    assert alike and alike.in_doubt and other and not other.in_doubt


def test_what_cannot_be_known_to_be_the_same_counts_as_changed() -> None:
    one = Described(bytes=3, etag='"a"')
    assert same(one, one)
    assert not same(one, None), "its head cannot be had: somebody encrypted it with a key of their own"
    assert not same(one, replace(one, etag='"b"')), "under KMS no ETag says anything"
    assert same(replace(one, checksums={"SHA256": "s"}), replace(one, etag='"b-2"', checksums={"SHA256": "s"}))
    assert not same(replace(one, checksums={"SHA256": "s"}), replace(one, checksums={"SHA256": "t"}))
    assert not same(one, replace(one, properties={"ContentType": "text/html"})), "served as something else"
    assert not same(replace(one, etag=""), replace(one, etag=""))


def test_a_time_is_asked_for_and_has_to_be_over() -> None:
    assert moment("2026-11-30T17:00:00+05:00", at(10)) == NOON
    for text in (None, "latest", "0/3000148", "20261130T120000Z-ab"):
        with pytest.raises(Refused, match="brought back to a time"):
            moment(text, NOON)
    with pytest.raises(Refused, match="not over yet"):
        moment("2026-11-30T12:00:00Z", NOON)
    with pytest.raises(Refused, match="no time zone"):
        moment("2026-11-30T12:00:00", at(10))
