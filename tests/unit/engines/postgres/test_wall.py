"""Silence at a database's address: whether nothing comes through at all, or a connection is taken without a word."""

import socket

import pytest

from engines.postgres.wall import knock
from recovery.errors import Silent, Unreachable
from tests.support.silence import silent_port


def knocked(port: int) -> Unreachable:
    with pytest.raises(Unreachable) as unreachable:
        knock("127.0.0.1", port, database="d", role="r", timeout=1)
    return unreachable.value


def test_a_place_that_nothing_comes_through_to_is_silent() -> None:
    with silent_port() as port:
        said = knocked(port)
    assert isinstance(said, Silent) and "network policies" in said.next_step


def test_a_server_that_takes_the_connection_and_hangs_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        said = knocked(server.getsockname()[1])
    assert not isinstance(said, Silent) and "the network lets this in" in said.what
