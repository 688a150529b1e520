"""Relays TCP between two sockets inside the kernel: databases stream through a Service, so nothing is copied here."""

import fcntl
import os
import random
import socket
import struct
import threading
from collections.abc import Sequence

from lab.kubernetes.endpoints import Target

CHUNK_BYTES = 1 << 20
CONNECT_SECONDS = 3.0
IP_BIND_ADDRESS_NO_PORT = 24  # linux/in.h; not in Python's socket module


def serve(client: socket.socket, peer: str, targets: Sequence[Target]) -> None:
    """Relay an accepted connection to one of `targets`, in a thread of its own, until both directions have ended."""
    threading.Thread(target=_serve, args=(client, peer, targets), name="relay", daemon=True).start()


def _serve(client: socket.socket, peer: str, targets: Sequence[Target]) -> None:
    backend = _connect(peer, targets)
    if backend is None:
        _reset(client)
        return
    for end in (client, backend):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    broken = threading.Event()
    back = threading.Thread(target=_pump, args=(backend, client, broken), name="relay back", daemon=True)
    back.start()
    _pump(client, backend, broken)
    back.join()
    for end in (client, backend):
        _reset(end) if broken.is_set() else end.close()


def _connect(peer: str, targets: Sequence[Target]) -> socket.socket | None:
    for target in random.sample(list(targets), len(targets)):
        backend = socket.socket()
        try:
            backend.settimeout(CONNECT_SECONDS)
            # The server sees the client's own address, as behind kube-proxy: pg_hba decides by it.
            backend.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            backend.bind((peer, 0))
            backend.connect(target)
        except OSError:
            backend.close()
            continue
        backend.settimeout(None)
        return backend
    return None


def _pump(source: socket.socket, sink: socket.socket, broken: threading.Event) -> None:
    """Move bytes one way until the source ends; a reset on either side resets both."""
    inlet, outlet = os.pipe()
    try:
        fcntl.fcntl(outlet, fcntl.F_SETPIPE_SZ, CHUNK_BYTES)
        while waiting := os.splice(source.fileno(), outlet, CHUNK_BYTES):
            while waiting:
                waiting -= os.splice(inlet, sink.fileno(), waiting)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        broken.set()
        # Wakes the other direction without sending a polite end to either side.
        for end in (source, sink):
            _shut(end)
    finally:
        os.close(inlet)
        os.close(outlet)


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RD)
    except OSError:
        return


def _reset(end: socket.socket) -> None:
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
