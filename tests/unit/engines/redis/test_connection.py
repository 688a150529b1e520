"""The way to a server: what the environment names, and what comes back."""

import socket
import time

import pytest

from engines.redis.connection import Address, ErrorReply, Reply, Session, worded
from recovery.errors import Failed, Refused
from tests.support.rdb import HISTORY


def replied(body: bytes) -> Reply:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(body)
        theirs.shutdown(socket.SHUT_WR)
        return Session(ours, time.monotonic() + 5).reply()


@pytest.mark.parametrize(
    ("body", "means"),
    [
        (b"+OK\r\n", "OK"),
        (b":42\r\n", 42),
        (b"$5\r\nhe\nlo\r\n", "he\nlo"),
        (b"$-1\r\n", None),
        (b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", ["a", [1]]),
    ],
)
def test_every_kind_of_reply_is_read(body: bytes, means: Reply) -> None:
    assert replied(body) == means


@pytest.mark.parametrize(
    "body", [b"$five\r\n", b"SSH-2.0-OpenSSH\r\n", b"*1\r\n", b"$9\r\nshort\r\n", b"", b"x" * 70_000]
)
def test_what_is_no_reply_is_a_broken_connection(body: bytes) -> None:
    with pytest.raises(ConnectionError):
        replied(body)


def test_an_error_is_raised_with_its_code() -> None:
    with pytest.raises(ErrorReply) as error:
        replied(b"-WRONGPASS invalid username-password pair\r\n")
    assert error.value.code == "WRONGPASS"


def test_the_environment_names_the_server_and_its_password_is_in_no_text() -> None:
    environment = {"REDIS_HOST": "h", "REDIS_PORT": "7000", "REDIS_USER": "dr", "REDIS_PASSWORD": HISTORY}
    address = Address.of(environment)
    assert (address.host, address.port, address.user, address.tls) == ("h", 7000, "dr", False)
    assert HISTORY not in repr(address) and str(address) == "h:7000"
    assert Address.of({"REDIS_HOST": "h"}).port == 6379
    assert Address.of({"REDIS_HOST": "h", "REDIS_CA": "/ca.pem"}).tls


@pytest.mark.parametrize(("name", "value"), [("REDIS_PORT", "http"), ("REDIS_PORT", "70000"), ("REDIS_TLS", "maybe")])
def test_a_setting_that_means_nothing_is_refused(name: str, value: str) -> None:
    with pytest.raises(Refused, match=f"{name} is '{value}'"):
        Address.of({"REDIS_HOST": "h", name: value})


def test_what_a_login_lacks_is_named() -> None:
    address = Address(host="h", port=1)
    refused = worded(address, ErrorReply("NOPERM this user has no permissions to run the 'psync' command"))
    assert isinstance(refused, Refused) and "+psync" in refused.next_step
    assert isinstance(worded(address, ErrorReply("ERR what")), Failed)
