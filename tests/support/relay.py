"""A way between two servers that a test can cut: TCP from one address to another."""

import contextlib
import socket
import threading


class Relay:
    """Listens on `front` and leads to `back`. `cut` ends every connection and refuses new ones until `mend`."""

    def __init__(self, front: tuple[str, int], back: tuple[str, int]) -> None:
        self.front = front[0]
        self._address, self._back = front, back
        self._open = list[socket.socket]()
        self._listener: socket.socket | None = None
        self.mend()

    def mend(self) -> None:
        listener = socket.create_server(self._address)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        if self._listener is not None:
            _end(self._listener)
            self._listener = None
        for each in self._open:
            _end(each)
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                try:
                    server = socket.create_connection(self._back, 5)
                except OSError:
                    client.close()
                    continue
                server.settimeout(None)
                self._open += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while body := source.recv(65536):
            sink.sendall(body)
    _end(source)
    _end(sink)


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
