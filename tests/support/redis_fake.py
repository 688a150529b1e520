"""What calls itself a server and sends what a test wants: for what no real one does on demand."""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.rdb import HISTORY, rdb

FACTS = {
    "redis_version": "7.2.4",
    "role": "master",
    "loading": "0",
    "master_replid": HISTORY,
    "master_repl_offset": "42",
    "repl_backlog_active": "1",
    "client_output_buffer_limit_disconnections": "0",
    "rdb_last_bgsave_status": "ok",
}


def sized(body: bytes, size: int | None = None) -> bytes:
    """With its size, true or not, in front."""
    return b"$%d\r\n%s" % (len(body) if size is None else size, body)


@dataclass
class FakeRedis:
    """`promise` answers PSYNC, `body` follows; from then on it says `later` of itself besides `facts`."""

    facts: Mapping[str, str] = field(default_factory=lambda: dict(FACTS))
    promise: str = f"+FULLRESYNC {HISTORY} 42"
    body: bytes = field(default_factory=lambda: sized(rdb("REDIS0011")))
    later: Mapping[str, str] = field(default_factory=dict[str, str])
    dies: bool = False
    commands: list[list[str]] = field(default_factory=list[list[str]])
    port: int = 0

    def answer(self, words: list[str]) -> bytes:
        """To one command."""
        match words[0].upper():
            case "PING":
                return b"+PONG\r\n"
            case "INFO":
                said = "".join(f"{name}:{value}\r\n" for name, value in self.facts.items()).encode()
                return sized(said) + b"\r\n"
            case "CONFIG":
                return b"*2\r\n$11\r\nrdbchecksum\r\n$3\r\nyes\r\n"
            case "PSYNC":
                self.facts = {**self.facts, **self.later}
                return self.promise.encode() + b"\r\n" + self.body
            case _:
                return b"+OK\r\n"


@contextmanager
def serving(fake: FakeRedis, host: str, *, tls: ssl.SSLContext | None = None) -> Iterator[FakeRedis]:
    """It answers at `host` and its `port`; after an answer to PSYNC the connection ends, and with `dies` all do."""
    listener = socket.create_server((host, 0))
    fake.port = listener.getsockname()[1]

    def talk(client: socket.socket) -> None:
        with suppress(OSError, ValueError), client, client.makefile("rb") as lines:
            while head := lines.readline():
                words = [_bulk(lines) for _ in range(int(head[1:]))]
                fake.commands.append(words)
                client.sendall(fake.answer(words))
                if words[0] == "PSYNC":
                    if fake.dies:
                        listener.shutdown(socket.SHUT_RDWR)
                        listener.close()
                    return

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                if tls:
                    try:
                        client = tls.wrap_socket(client, server_side=True)
                    except OSError:  # who asks does not trust it, or speaks no TLS
                        client.close()
                        continue
                threading.Thread(target=talk, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield fake
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _bulk(lines: "socket.SocketIO | object") -> str:
    size = int(lines.readline()[1:])  # pyright: ignore[reportAttributeAccessIssue]
    return lines.read(size + 2)[:-2].decode()  # pyright: ignore[reportAttributeAccessIssue]
