"""A tablespace that the log makes is found wherever its record lies, and nothing else is taken for one."""

import os
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engines.postgres.wal_tablespaces import Joints, Made, made
from recovery.copies.log import wal_name

PAGE, SHORT, LONG = 8192, 24, 40
SIZE = 2**20
PATH = "/srv/fast"


def record(oid: int, path: str, *, origin: bool = False) -> bytes:
    """As PostgreSQL writes it."""
    data = oid.to_bytes(4, "little") + path.encode() + b"\0"
    length = b"\xff" + bytes([len(data)]) if len(data) < 256 else b"\xfe" + len(data).to_bytes(4, "little")
    more = (b"\xfd\x01\x00" if origin else b"") + length + data
    before = (24 + len(more)).to_bytes(4, "little") + os.urandom(12)
    return before + b"\x00\x05\x00\x00" + os.urandom(4) + more


def on_pages(records: bytes, size: int = SIZE) -> bytes:
    """A file of the log with these records, and what is on each page before them."""
    found, left = b"", records
    while left and len(found) < size:
        header = os.urandom(SHORT if found else LONG)
        found += header + left[: PAGE - len(header)]
        left = left[PAGE - len(header) :]
    return found


def place(at: int) -> int:
    """Where byte `at` of the records comes to lie."""
    if at < PAGE - LONG:
        return at + LONG
    page, rest = divmod(at - (PAGE - LONG), PAGE - SHORT)
    return (page + 1) * PAGE + SHORT + rest


@given(st.integers(0, 5 * PAGE), st.integers(1, 2**32 - 1), st.sampled_from([PATH, "/" + "x" * 900]), st.booleans())
def test_one_is_found_wherever_it_lies_also_over_the_end_of_a_page(at: int, oid: int, path: str, origin: bool) -> None:
    body = on_pages(bytes(at) + record(oid, path, origin=origin) + bytes(100))
    assert [*made(SIZE, body)] == [Made(SIZE + place(at), oid, path)]


@given(st.integers(0, len(record(1, PATH)) - 1), st.booleans())
def test_one_that_goes_on_in_the_next_file_is_found_once_whichever_comes_first(back: int, turned: bool) -> None:
    whole = record(16500, PATH)
    room = SIZE // PAGE * (PAGE - SHORT) - (LONG - SHORT)
    first = on_pages(bytes(room - back) + whole[:back])
    second = on_pages(whole[back:] + bytes(PAGE))
    assert len(first) == SIZE
    files = [(wal_name(1, 0, SIZE), first), (wal_name(1, SIZE, SIZE), second)]
    joints, found = Joints(SIZE), list[Made]()
    for name, body in reversed(files) if turned else files:
        found += joints.made(name, body)
    assert [(each.oid, each.path) for each in found] == [(16500, PATH)]
    assert found[0].position == (SIZE - back if back else SIZE + LONG)


def test_what_only_looks_like_one_is_none() -> None:
    right = record(16500, PATH)
    longer = (int.from_bytes(right[:4], "little") + 1).to_bytes(4, "little") + right[4:]
    another = right[:17] + b"\x06" + right[18:]
    dropped = right[:16] + b"\x10" + right[17:]
    relative = record(16500, "srv/fast")
    body = on_pages(b"".join([longer, another, dropped, relative, os.urandom(100_000), b"\x00\x05\x00\x00" * 1000]))
    assert [*made(0, body)] == []


def test_every_one_is_found_in_order() -> None:
    names = [f"/srv/{number}" for number in range(300)]
    body = on_pages(b"".join(record(number + 1, path) for number, path in enumerate(names)))
    found = [*made(0, body)]
    assert [each.path for each in found] == names
    assert all(one.position < other.position for one, other in pairwise(found))
