"""kube-proxy's part: listens on each Service's cluster address and relays to its ready Pods.

A Service without a ready Pod has no listener, so a connection is refused. TCP only; headless Services need nothing.
Node ports are open on the node's own address, where it has one.
"""

import asyncio
import logging
import socket
from collections.abc import Iterable

from lab.kubernetes.api import Object
from lab.kubernetes.endpoints import Target, backends
from lab.kubernetes.relay import serve

BACKLOG = 512

log = logging.getLogger(__name__)


class ServiceProxy:
    """The open listeners, by cluster address and port. Used in the event loop only."""

    def __init__(self, node: str = "") -> None:
        self._node = node
        self._listeners: dict[Target, socket.socket] = {}
        self._targets: dict[Target, list[Target]] = {}
        self._unusable: set[Target] = set()

    def update(self, services: Iterable[Object], pods: Iterable[Object]) -> None:
        """Bring listeners and their targets in line with the cluster. Connections that exist are left alone."""
        wanted = _wanted(services, list(pods), self._node)
        for front in self._listeners.keys() - wanted.keys():
            self._close(front)
        self._targets = wanted
        for front in wanted.keys() - self._listeners.keys():
            self._open(front)

    def _open(self, front: Target) -> None:
        listener = socket.socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(front)
            listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            if front not in self._unusable:
                log.warning("cannot listen on %s:%d: %s (a port below 1024 needs root)", *front, error)
            self._unusable.add(front)
            return
        listener.setblocking(False)
        self._unusable.discard(front)
        self._listeners[front] = listener
        asyncio.get_running_loop().add_reader(listener, self._accept, front, listener)

    def _close(self, front: Target) -> None:
        listener = self._listeners.pop(front)
        asyncio.get_running_loop().remove_reader(listener)
        listener.close()

    def _accept(self, front: Target, listener: socket.socket) -> None:
        while True:
            try:
                client, peer = listener.accept()
            except OSError:
                return
            client.setblocking(True)
            serve(client, peer[0], self._targets.get(front, []))


def _wanted(services: Iterable[Object], pods: list[Object], node: str) -> dict[Target, list[Target]]:
    wanted: dict[Target, list[Target]] = {}
    for service in services:
        address = service["spec"].get("clusterIP")
        if address in (None, "", "None"):
            continue
        for port in service["spec"].get("ports", []):
            targets = backends(service, port, pods) if port.get("protocol", "TCP") == "TCP" else []
            if targets:
                wanted[(address, port["port"])] = targets
                if node and port.get("nodePort"):
                    wanted[(node, port["nodePort"])] = targets
    return wanted
