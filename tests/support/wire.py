"""The network between a client and PostgreSQL, where a test can stop or cut what the server sends."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

_CHUNK = 64 * 1024


class Wire:
    """Relays TCP from `host`:`port` to `server`. After `limit` bytes from the server, on one connection, it is cut, or
    nothing more passes until `go_on`. `reached` is set by then."""

    def __init__(self, server: tuple[str, int], host: str, *, limit: int, then: Literal["cut", "stop"]) -> None:
        self._server, self._limit, self._then = server, limit, then
        self._listener = socket.create_server((host, 0))
        self.host, self.port = self._listener.getsockname()[:2]
        self.reached = threading.Event()
        self._go_on = threading.Event()
        self._sockets = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def go_on(self) -> None:
        """Let pass what was stopped."""
        self._go_on.set()

    def close(self) -> None:
        """Cut everything."""
        self._go_on.set()
        for each in self._sockets:
            _end(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket()
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _CHUNK)  # what is stopped waits at the server
            server.connect(self._server)
            self._sockets += [client, server]
            threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, limited: bool) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                passed += len(data)
                if limited and passed > self._limit:
                    self.reached.set()
                    if self._then == "cut":
                        break
                    self._go_on.wait()
                sink.sendall(data)
        _end(source)
        _end(sink)


def _end(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def wire(server: tuple[str, int], host: str, *, limit: int, then: Literal["cut", "stop"]) -> Iterator[Wire]:
    """A wire as long as the block runs."""
    made = Wire(server, host, limit=limit, then=then)
    try:
        yield made
    finally:
        made.close()
