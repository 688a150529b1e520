"""The RDB in either form that a server sends it in, by what is at the other end of a socket."""

import socket
import threading
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.redis.connection import ErrorReply, Session
from engines.redis.replication import Cut, ask, payload
from lab.machine.processes import HUNG_SECONDS
from recovery.errors import Failed
from tests.support.rdb import HISTORY, rdb

BODY = rdb()
MARK = b"0123456789" * 4


class Pieces:
    """What a session reads, cut as the network might."""

    def __init__(self, body: bytes, cuts: Sequence[int]) -> None:
        ends = [0, *sorted(cuts), len(body)]
        self._pieces = [body[begin:end] for begin, end in pairwise(ends) if end > begin]

    def recv(self, size: int) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def settimeout(self, seconds: float) -> None: ...

    def sendall(self, body: bytes) -> None: ...


def session(body: bytes, cuts: Sequence[int] = ()) -> Session:
    """One with a server that says this, whatever it is told, and ends the connection."""
    return Session(Pieces(body, cuts), time.monotonic() + HUNG_SECONDS)  # pyright: ignore[reportArgumentType]


def read(body: bytes, cuts: Sequence[int] = ()) -> bytes:
    return b"".join(payload(session(body, cuts)))


SIZED = b"\n\n$%d\r\n" % len(BODY) + BODY
MARKED = b"\n$EOF:" + MARK + b"\r\n" + BODY + MARK
CUTS = st.lists(st.integers(0, len(MARKED)), max_size=20)


@given(CUTS)
def test_as_many_bytes_as_the_server_says_and_not_the_writes_behind_them(cuts: list[int]) -> None:
    assert read(SIZED + b"*1\r\n$4\r\nping\r\n", cuts) == BODY


@given(CUTS)
def test_up_to_the_mark_that_the_server_names_however_it_comes_apart(cuts: list[int]) -> None:
    assert read(MARKED, cuts) == BODY


@pytest.mark.parametrize("body", [SIZED[:-1], SIZED[:12], MARKED[:-1], MARKED[: -len(MARK)], b"\n\n", b"\n$5"])
def test_an_end_before_that_is_a_cut(body: bytes) -> None:  # fault 37
    with pytest.raises(Cut, match="the server ended the connection"):
        read(body)


def test_a_mark_that_never_comes_ends_at_the_deadline() -> None:  # pitfall 5.3
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(MARKED[:-1] + b"?")
        with pytest.raises(TimeoutError):
            list(payload(Session(ours, time.monotonic() + 0.05)))


def test_a_server_that_goes_on_for_ever_ends_at_the_deadline() -> None:
    ours, theirs = socket.socketpair()
    ended = threading.Event()

    def drip() -> None:
        try:
            while True:
                theirs.sendall(b"\n")
        except OSError:
            ended.set()

    threading.Thread(target=drip, daemon=True).start()
    with theirs, ours, pytest.raises(TimeoutError):
        list(payload(Session(ours, time.monotonic() + 0.05)))
    assert ended.wait(HUNG_SECONDS)


@pytest.mark.parametrize("line", [b"+CONTINUE\r\n", b"$-1\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"$EOF:short\r\n"])
def test_any_other_answer_is_quoted(line: bytes) -> None:
    with pytest.raises(Failed, match="the server begins its data with"):
        read(line)


def test_what_the_server_refuses_is_its_error() -> None:
    for after in (
        b"+OK\r\n" * 3 + b"-NOMASTERLINK Can't SYNC while not connected with my master\r\n",
        b"-NOPERM no\r\n",
    ):
        with pytest.raises(ErrorReply, match=r"^(NOMASTERLINK|NOPERM)"):
            ask(session(after), "9.1.2")


def test_a_position_is_read_from_the_promise_and_a_server_without_versions_is_fine() -> None:
    said = (
        b"+OK\r\n+OK\r\n-ERR Unrecognized REPLCONF option: version\r\n\n\n+FULLRESYNC " + HISTORY.encode() + b" 42\r\n"
    )
    assert ask(session(said), "6.2.14").position == f"{HISTORY}:42"
