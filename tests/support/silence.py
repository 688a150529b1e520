"""An address that nothing comes through to."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_QUEUE = 4


@contextmanager
def silent_port() -> Iterator[int]:
    """Of 127.0.0.1: with its queue full the kernel drops every packet that would open a connection, as a network policy
    does."""
    with ExitStack() as opened:
        server = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(_QUEUE):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]
