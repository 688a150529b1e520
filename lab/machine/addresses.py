"""Which loopback addresses one lab run uses.

Every run owns a block 127.B.0.0/16 for as long as it lives, so a kept lab and a test run never meet and every
service can use its usual port. Nothing in a run listens on anything but an address of its own block.
"""

import fcntl
import ipaddress
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

FIRST_BLOCK, LAST_BLOCK = 20, 250
AWS_PORT, DNS_PORT, EDGE_PORT, POSTGRES_PORT = 4566, 10053, 8080, 5432


@dataclass(frozen=True)
class SiteAddresses:
    """Addresses of one site: a front to AWS, an edge for customers, its node, ranges for Pods and Services."""

    front: str
    edge: str
    node: str
    api_server: str
    etcd: str
    pods: ipaddress.IPv4Network
    services: ipaddress.IPv4Network


class Block:
    """One claimed /16, released when the process ends or `release` is called."""

    def __init__(self, number: int, lock: IO[str]) -> None:
        self.number = number
        self._lock = lock
        self.moto = self.host(1)
        self.dns = self.host(2)
        self.front_operator = self.host(13)
        self.front_witness = self.host(14)
        self.front_checkers = self.host(15)
        self.prod = self._site(front=11, edge=21, control=41, pods=16, services=32)
        self.dr = self._site(front=12, edge=22, control=43, pods=48, services=64)
        # Of a Service: from a range's first sixteenth Kubernetes gives away only what is asked for by address.
        # https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/
        self.primary = str(self.prod.services[31])
        self.redis = self.host(31)

    def host(self, last: int) -> str:
        """The infrastructure address 127.B.0.`last`."""
        return f"127.{self.number}.0.{last}"

    def _site(self, *, front: int, edge: int, control: int, pods: int, services: int) -> SiteAddresses:
        def network(tail: str) -> ipaddress.IPv4Network:
            return ipaddress.IPv4Network(f"127.{self.number}.{tail}")

        return SiteAddresses(
            front=self.host(front),
            edge=self.host(edge),
            node=self.host(edge + 40),
            api_server=self.host(control),
            etcd=self.host(control + 1),
            pods=network(f"{pods}.0/20"),
            services=network(f"{services}.0/20"),
        )

    def release(self) -> None:
        """Give the block back."""
        self._lock.close()


def claim_block() -> Block:
    """Claim a free block. Raises RuntimeError when more than 230 runs are alive."""
    folder = Path(tempfile.gettempdir()) / f"ultramarket-lab-blocks-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    # Other users claim from other ends of the range, so that two users seldom try the same block.
    span = LAST_BLOCK - FIRST_BLOCK + 1
    for step in range(span):
        number = FIRST_BLOCK + (os.getuid() * 37 + step) % span
        lock = (folder / str(number)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return Block(number, lock)
    raise RuntimeError(f"all {span} loopback blocks are in use; end a kept lab with `make lab-down`")
