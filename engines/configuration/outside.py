"""What a copy of configuration needs from outside: a cluster, and keys for what is stored as ciphertext only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from recovery.errors import Refused
from recovery.ports.cluster_objects import ClusterObjects
from recovery.ports.sealing import Opener, Sealer


@dataclass(frozen=True, kw_only=True)
class Here:
    """Where a copy is made: the namespace whose objects it takes, the Deployments whose replicas a promotion sets, and
    what seals Secrets."""

    namespace: str
    services: tuple[str, ...]
    sealer: Sealer


class Outside(Protocol):
    """Handed in by whoever runs an engine (`operations.copies.outside`)."""

    def here(self) -> Here:
        """Raises Refused where no plan says it."""
        ...

    def cluster(self, environment: Mapping[str, str]) -> ClusterObjects:
        """Of KUBECONFIG. Raises Refused."""
        ...

    def opener(self) -> Opener: ...


class Nowhere:
    """Before anything was handed in."""

    def here(self) -> Here:
        raise Refused("this engine was handed no cluster and no keys")

    def cluster(self, environment: Mapping[str, str]) -> ClusterObjects:
        raise Refused("this engine was handed no cluster")

    def opener(self) -> Opener:
        raise Refused("this engine was handed no keys")
