"""What is seen of an RDB while it passes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.redis.rdb import BrokenRdb, PassingRdb, Unchecked
from tests.support.rdb import HISTORY, rdb

WHOLE = rdb()


def passed(body: bytes, cuts: Sequence[int] = ()) -> PassingRdb:
    """`body`, in pieces that end at `cuts`."""
    ends = [0, *sorted(cuts), len(body)]
    found = PassingRdb()
    pieces = [memoryview(body[begin:end]) for begin, end in pairwise(ends)]
    assert b"".join(found.passing(pieces)) == body
    return found


@given(st.lists(st.integers(0, len(WHOLE)), max_size=12))
def test_it_is_whole_however_it_is_cut_into_pieces(cuts: list[int]) -> None:
    found = passed(WHOLE, cuts)
    assert found.bytes == len(WHOLE)
    assert found.header.magic == "VALKEY080"
    assert found.header.position == f"{HISTORY}:42"
    assert found.header.as_of == datetime.fromtimestamp(1_790_000_000, UTC)


def test_one_flipped_bit_anywhere_is_found() -> None:  # fault 50
    for place in range(len(WHOLE)):
        for bit in range(8):
            damaged = bytearray(WHOLE)
            damaged[place] ^= 1 << bit
            with pytest.raises(BrokenRdb):
                passed(bytes(damaged))


def test_an_end_that_is_missing_is_found_wherever_it_was_cut() -> None:  # pitfall 5.1
    for length in range(len(WHOLE)):
        with pytest.raises(BrokenRdb):
            passed(WHOLE[:length])


def test_an_end_without_its_mark_is_found_though_the_checksum_is_right() -> None:  # pitfall 5.1
    with pytest.raises(BrokenRdb, match="do not end as an RDB does"):
        passed(rdb(end=b""))


def test_bytes_behind_the_end_are_found() -> None:
    with pytest.raises(BrokenRdb):
        passed(WHOLE + b"*1\r\n$4\r\nping\r\n")


def test_rdbchecksum_no_gives_a_zero_that_is_not_taken_for_right() -> None:  # pitfall 5.10
    with pytest.raises(Unchecked, match="it has no checksum"):
        passed(rdb(checksum=False))


def test_what_is_no_rdb_is_told_by_its_beginning_and_not_read_on() -> None:
    def pieces() -> object:
        yield memoryview(b"<html>not this</html>")
        raise AssertionError("read on")

    with pytest.raises(BrokenRdb, match="it begins with b'<html>not'"):
        list(PassingRdb().passing(pieces()))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("magic", ["REDIS0009", "REDIS0013", "VALKEY080"])
def test_format_and_version_are_its_magic(magic: str) -> None:
    assert passed(rdb(magic)).header.magic == magic


def test_one_that_says_nothing_of_its_position_has_none() -> None:
    assert passed(rdb(position="")).header.position == ""


@given(st.binary(max_size=80))
def test_a_front_of_any_bytes_is_read_without_an_error(front: bytes) -> None:
    body = rdb(data=front)
    assert passed(body).header.magic == "VALKEY080"
    damaged = PassingRdb()
    with pytest.raises(BrokenRdb):
        list(damaged.passing([memoryview(b"VALKEY080" + front + b"\xff" + bytes(7) + b"\x01")]))
    _ = damaged.header.as_of, damaged.header.position
