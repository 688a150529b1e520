"""What every part of a node agent shares: the API, the images, directories, and addresses for Pods."""

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from lab.kubernetes.api import Api, Object
from lab.kubernetes.images import Image, read_images, repository
from lab.kubernetes.pod_identity import PodIdentityAgent


class Addresses:
    """One loopback address per Pod. Handed out in turn, so that a freed address is not reused at once; which one a Pod
    gets says nothing about what it is, as in a cluster."""

    def __init__(self, pods: ipaddress.IPv4Network) -> None:
        self._network = pods
        self._turn = pods.hosts()
        self._taken: set[str] = set()

    def take(self, pod: Object) -> str:
        """The Pod's address: the one its status already has, else a free one. Raises RuntimeError when none is left."""
        before = pod.get("status", {}).get("podIP")
        if before and before not in self._taken and ipaddress.IPv4Address(before) in self._network:
            self._taken.add(before)
            return before
        for _ in range(self._network.num_addresses):
            address = str(self._next())
            if address not in self._taken:
                self._taken.add(address)
                return address
        raise RuntimeError(f"no Pod address is free in {self._network}")

    def release(self, address: str) -> None:
        """Give an address back."""
        self._taken.discard(address)

    def _next(self) -> ipaddress.IPv4Address:
        following = next(self._turn, None)
        if following is None:
            self._turn = self._network.hosts()
            following = next(self._turn)
        return following


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
    pod_identity: PodIdentityAgent

    def image(self, reference: str) -> Image | None:
        """What runs this image, or None. The file is read anew: the lab may add images while we run."""
        return read_images(self.images).get(repository(reference))
