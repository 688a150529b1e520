"""What stands between a client and a MongoDB server and lets it seem to be another one: a secondary, a standalone, one
that says no. Also tells what was asked.

https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import bson

_HEADER = struct.Struct("<iiii")
_QUERY, _REPLY, _MESSAGE = 2004, 1, 2013
_CHECKSUM = 1
Asked = Mapping[str, Any]


@dataclass
class MongoRelay:
    """Listens at `address` and `port` and leads to `back`. `hello` is what it says of itself besides, `without` what it
    leaves out; `answer` may answer a command in the server's place, or raise ConnectionError to end the connection."""

    back: tuple[str, int]
    address: str
    port: int = 0
    hello: Mapping[str, Any] = field(default_factory=dict[str, Any])
    without: tuple[str, ...] = ()
    answer: Callable[[Asked], Asked | None] = lambda _: None
    asked: list[Asked] = field(default_factory=list[Asked])

    @property
    def host(self) -> str:
        """As a set names its members."""
        return f"{self.address}:{self.port}"

    @property
    def url(self) -> str:
        """As MONGO_URL has it."""
        return f"mongodb://{self.host}/"

    def commands(self, *names: str) -> list[Asked]:
        """Those of these names, in order."""
        return [each for each in self.asked if next(iter(each)) in names]


@contextmanager
def relaying(relay: MongoRelay) -> Iterator[MongoRelay]:
    """While it answers."""
    listener = socket.create_server((relay.address, relay.port))
    relay.port = listener.getsockname()[1]
    opened = list[socket.socket]()

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                try:
                    server = socket.create_connection(relay.back, 5)
                except OSError:
                    client.close()
                    continue
                server.settimeout(None)
                opened.extend((client, server))
                threading.Thread(target=_requests, args=(relay, client, server), daemon=True).start()
                threading.Thread(target=_replies, args=(relay, server, client), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield relay
    finally:
        for each in (listener, *opened):
            _end(each)


def _requests(relay: MongoRelay, client: socket.socket, server: socket.socket) -> None:
    with suppress(OSError, ConnectionError):
        while message := _message(client):
            _, request, _, kind = _HEADER.unpack_from(message)
            if kind == _MESSAGE:
                asked = bson.decode(message[21 : 21 + struct.unpack_from("<i", message, 21)[0]])
                relay.asked.append(asked)
                said = relay.answer(asked)
                if said is not None:
                    body = b"\x00\x00\x00\x00\x00" + bson.encode(said)
                    client.sendall(_HEADER.pack(16 + len(body), request, request, _MESSAGE) + body)
                    continue
            server.sendall(message)
    _end(client)
    _end(server)


def _replies(relay: MongoRelay, server: socket.socket, client: socket.socket) -> None:
    with suppress(OSError):
        while message := _message(server):
            client.sendall(_said(relay, message))
    _end(client)
    _end(server)


def _said(relay: MongoRelay, message: bytes) -> bytes:
    """Unchanged unless it is what a server says of itself."""
    if len(message) > 8192 or b"maxWireVersion" not in message:
        return message
    _, request, answers, kind = _HEADER.unpack_from(message)
    at = {_MESSAGE: 21, _REPLY: 36}[kind]
    front = bytearray(message[16:at])
    if kind == _MESSAGE:
        front[0] &= ~_CHECKSUM
    (size,) = struct.unpack_from("<i", message, at)
    said = bson.decode(message[at : at + size]) | dict(relay.hello)
    body = bytes(front) + bson.encode({name: value for name, value in said.items() if name not in relay.without})
    return _HEADER.pack(16 + len(body), request, answers, kind) + body


def _message(connection: socket.socket) -> bytes:
    head = _exactly(connection, 4)
    return head + _exactly(connection, struct.unpack("<i", head)[0] - 4) if head else b""


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        piece = connection.recv(min(count - len(found), 1 << 20))
        if not piece:
            return b""
        found += piece
    return bytes(found)


def _end(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
