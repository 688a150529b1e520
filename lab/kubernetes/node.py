"""What every part of a node agent shares: the API, the images, directories, and addresses for Pods."""

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.images import Image, read_images, repository
from lab.kubernetes.api import Api, Object

GATE_LABEL, GATE_VALUE = "app.kubernetes.io/component", "gate"


class Addresses:
    """One loopback address per Pod. Handed out in turn, so that a freed address is not reused at once."""

    def __init__(self, pods: ipaddress.IPv4Network, gates: ipaddress.IPv4Network) -> None:
        self._networks = {"pod": pods, "gate": gates}
        self._turns: dict[str, Iterator[ipaddress.IPv4Address]] = {}
        self._taken: set[str] = set()

    def take(self, pod: Object) -> str:
        """The Pod's address: the one its status already has, else a free one. Raises RuntimeError when none is left.

        Gates have a range of their own: database rules admit writers by address.
        """
        kind = "gate" if pod["metadata"].get("labels", {}).get(GATE_LABEL) == GATE_VALUE else "pod"
        before = pod.get("status", {}).get("podIP")
        if before and before not in self._taken and ipaddress.IPv4Address(before) in self._networks[kind]:
            self._taken.add(before)
            return before
        for _ in range(self._networks[kind].num_addresses):
            address = str(self._next(kind))
            if address not in self._taken:
                self._taken.add(address)
                return address
        raise RuntimeError(f"no {kind} address is free in {self._networks[kind]}")

    def release(self, address: str) -> None:
        """Give an address back."""
        self._taken.discard(address)

    def _next(self, kind: str) -> ipaddress.IPv4Address:
        for _ in range(2):
            following = next(self._turns.setdefault(kind, self._networks[kind].hosts()), None)
            if following is not None:
                return following
            del self._turns[kind]
        raise RuntimeError(f"{self._networks[kind]} is empty")


@dataclass(frozen=True, kw_only=True)
class Node:
    """The node a Pod runs on."""

    name: str
    api: Api
    images: Path
    volumes: Path
    logs: Path
    addresses: Addresses
    services: Callable[[], Iterable[Object]]

    def image(self, reference: str) -> Image | None:
        """What runs this image, or None. The file is read anew: the lab may add images while we run."""
        return read_images(self.images).get(repository(reference))
