"""The standby as its cluster keeps it: what its disk is to be filled with, its Pod, and the claim of its disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from recovery.copies.server_order import ServerOrder, ServerPod


@dataclass(frozen=True, kw_only=True)
class DiskClaim:
    """The claim of the standby's disk. `retained`: `volume` and what is on it stay when the claim goes. `leaving`: it
    goes already."""

    uid: str
    volume: str
    retained: bool
    leaving: bool = False


@dataclass(frozen=True, kw_only=True)
class StandbySetState:
    """`version` changes with every change of the order. `disk_bytes`: the size of the disk that a new claim asks for.
    `claim`: None where there is none."""

    order: ServerOrder | None
    version: str
    wanted: int
    disk_bytes: int
    pods: Sequence[ServerPod] = ()
    claim: DiskClaim | None = None

    @property
    def pod(self) -> ServerPod | None:
        """The one that is not on its way out, if there is one."""
        return next((each for each in self.pods if each.stage != "ending"), None)


class StandbySet(Protocol):
    """The DR cluster, as far as the standby's StatefulSet is concerned."""

    def state(self) -> StandbySetState:
        """Raises Refused where the dr stack has not declared the order."""
        ...

    def write_order(self, order: ServerOrder | None, *, version: str) -> None:
        """Say what an empty disk is filled with, or nothing any more. Raises Refused when the order is not of `version`
        any more."""
        ...

    def scale(self, replicas: int) -> None: ...

    def release(self, claim: DiskClaim) -> None:
        """Delete that claim and no other of its name. Its volume stays where it is retained."""
        ...
