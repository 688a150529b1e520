"""A session with a Redis or Valkey server: commands and their replies, under one deadline.

The server is named by the environment: REDIS_HOST, REDIS_PORT, REDIS_USER, REDIS_PASSWORD, and for TLS either REDIS_CA
(a file with its authority's certificate) or REDIS_TLS=yes (the system's authorities).
https://valkey.io/topics/protocol/
"""

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from recovery.errors import DrError, Failed, Refused, Unreachable

Reply = str | int | list["Reply"] | None
_CHUNK = 1024 * 1024
_CONNECT_SECONDS = 10.0
_LONGEST_LINE = 64 * 1024  # of a server that speaks the protocol, the longest is an error's
_GRANT = "ACL SETUSER NAME on >PASSWORD +ping +info +config|get +replconf +psync"
_ADVICE = {
    "NOAUTH": "set REDIS_USER and REDIS_PASSWORD",
    "WRONGPASS": "set REDIS_USER and REDIS_PASSWORD to what the server knows",
    "NOPERM": f"grant it what a copy needs: {_GRANT}",
    "DENIED": "give the server a password, and set REDIS_PASSWORD",
    "LOADING": "wait until it has loaded its data",
    "NOMASTERLINK": "mend the replica's link to its primary, or name another server",
    "MASTERDOWN": "mend the replica's link to its primary, or name another server",
}
"""By the first word of an error, which is its code."""


class ErrorReply(Exception):
    """The server said no to a command."""

    @property
    def code(self) -> str:
        """The first word."""
        return str(self).partition(" ")[0]


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the server is and how to get in; the password is in no text made of this."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    authority: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Address":
        """What the environment names. Raises Refused for a port that is none, or a TLS that is neither yes nor no."""
        port, tls = environment.get("REDIS_PORT") or "6379", environment.get("REDIS_TLS") or "no"
        if not port.isdigit() or not 0 < int(port) < 65536:
            raise Refused(f"REDIS_PORT is {port!r}, which is no port", next_step="set it to a number, such as 6379")
        if tls not in ("yes", "no"):
            raise Refused(f"REDIS_TLS is {tls!r}", next_step="set it to yes or no")
        authority = environment.get("REDIS_CA", "")
        return cls(
            host=environment["REDIS_HOST"],
            port=int(port),
            user=environment.get("REDIS_USER", ""),
            password=environment.get("REDIS_PASSWORD", ""),
            tls=tls == "yes" or bool(authority),
            authority=authority,
        )

    def __str__(self) -> str:
        """For messages."""
        return f"{self.host}:{self.port}"


class Session:
    """One connection. What takes longer than until `until` raises TimeoutError, what breaks ConnectionError."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._connection, self._until, self._buffer = connection, until, b""

    def command(self, *words: str) -> Reply:
        """Raises ErrorReply when the server says no."""
        self.send(*words)
        return self.reply()

    def send(self, *words: str) -> None:
        """A command, whose reply is still to be read."""
        encoded = [word.encode() for word in words]
        self._connection.settimeout(self._left())
        self._connection.sendall(
            b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
        )

    def line(self) -> str:
        """Up to the next line's end."""
        while b"\n" not in self._buffer:
            if len(self._buffer) > _LONGEST_LINE:
                raise ConnectionError("what answers does not speak Redis's protocol")
            self._buffer += self._more()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r").decode(errors="replace")

    def reply(self) -> Reply:
        """One whole reply."""
        line = self.line()
        kind, rest = line[:1], line[1:]
        if kind == "+":
            return rest
        if kind == "-":
            raise ErrorReply(rest)
        try:
            number = int(rest)
        except ValueError:
            raise ConnectionError("what answers does not speak Redis's protocol") from None
        if kind == ":":
            return number
        if kind == "$":
            return None if number < 0 else self._exactly(number + 2)[:-2].decode(errors="replace")
        if kind == "*":
            return None if number < 0 else [self.reply() for _ in range(number)]
        raise ConnectionError("what answers does not speak Redis's protocol")

    def raw(self) -> Iterator[bytes]:
        """Whatever comes next, in pieces, until the server ends the connection."""
        if self._buffer:
            piece, self._buffer = self._buffer, b""
            yield piece
        while piece := self._connection_piece():
            yield piece

    def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._buffer += self._more()
        found, self._buffer = self._buffer[:count], self._buffer[count:]
        return found

    def _more(self) -> bytes:
        piece = self._connection_piece()
        if not piece:
            raise ConnectionError("the server ended the connection")
        return piece

    def _connection_piece(self) -> bytes:
        self._connection.settimeout(self._left())
        return self._connection.recv(_CHUNK)

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


@contextmanager
def session(address: Address, *, seconds: float) -> Iterator[Session]:
    """A session that may last so long, logged in. Raises Unreachable or Refused when there is none to be had; within
    it ErrorReply becomes an error of ours, OSError stays what it is."""
    until = time.monotonic() + seconds
    with closing(_connected(address, min(seconds, _CONNECT_SECONDS))) as connection:
        made = Session(connection, until)
        try:
            _log_in(made, address)
            yield made
        except ErrorReply as error:
            raise worded(address, error) from None


def _connected(address: Address, seconds: float) -> socket.socket:
    context = None
    if address.tls:
        try:
            context = ssl.create_default_context(cafile=address.authority or None)
        except OSError as error:
            raise Refused(
                f"REDIS_CA {address.authority} cannot be used: {error.strerror or error}",
                next_step="name a file with the authority's certificate in PEM",
            ) from None
    try:
        connection = socket.create_connection((address.host, address.port), timeout=seconds)
        return context.wrap_socket(connection, server_hostname=address.host) if context else connection
    except OSError as error:
        raise _silent(address, error) from None


def _log_in(made: Session, address: Address) -> None:
    try:
        if address.password:
            made.command("AUTH", *filter(None, [address.user, address.password]))
        made.command("PING")
    except OSError as error:
        raise _silent(address, error) from None


def _silent(address: Address, error: OSError) -> Unreachable:
    return Unreachable(
        f"Redis at {address} does not answer: {error.strerror or error or 'nothing came in time'}",
        next_step="check REDIS_HOST, REDIS_PORT and REDIS_TLS, and whether the network lets this machine through",
    )


def worded(address: Address, error: ErrorReply) -> DrError:
    """What the server said no to, and what to do. Refused when it says why in a way that is known."""
    advice = _ADVICE.get(error.code)
    if advice:
        return Refused(f"Redis at {address} refuses: {error}", next_step=advice)
    return Failed(f"Redis at {address} says: {error}", next_step="look at the server's log")
