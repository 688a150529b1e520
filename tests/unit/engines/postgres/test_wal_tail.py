"""Where a log ends, told from its bytes: no record, half a record, or one that somebody damaged."""

import pytest

from engines.postgres.wal_tail import goes_on
from recovery.copies.log import SEGMENT_BYTES as SIZE

START = 3 * SIZE
LONG, SHORT = 40, 24  # headers of a segment's first page, and of any other


def log(*pieces: bytes) -> bytes:
    return b"".join(pieces)


def record(size: int) -> bytes:
    return size.to_bytes(4, "little") + b"r" * (size - 4)


def ends(body: bytes, position: int) -> bool:
    """Whether a log that is `body` from START on ends at `position`, though it has more bytes."""
    end = START + len(body)
    return not goes_on(lambda a, b: body[a - START : b - START], position, end, SIZE)


HEADER = bytes(LONG)


@pytest.mark.parametrize(
    ("rest", "is_end"),
    [
        (b"", True),
        (record(100)[:3], True),
        (record(100)[:99], True),
        (record(100), False),
        (record(100) + b"x", False),
        (bytes(500), True),
        (bytes(500) + b"x", False),
    ],
    ids=["nothing", "half a length", "half a record", "a record", "more", "zeros", "something behind zeros"],
)
def test_what_follows_a_record(rest: bytes, is_end: bool) -> None:
    assert ends(HEADER + record(60) + rest, START + LONG + 60) is is_end


def test_a_record_that_goes_over_pages_is_as_long_as_their_headers_make_it() -> None:
    first = 8192 - LONG
    whole = HEADER + record(first + 100)[:first] + bytes(SHORT) + b"r" * 100
    assert ends(whole[:-1], START)
    assert not ends(whole, START)


def test_where_a_page_begins_its_header_comes_first() -> None:
    body = bytes(8192) + bytes(SHORT) + record(50)
    assert not ends(body, START + 8192)
    assert ends(body[:-1], START + 8192)
