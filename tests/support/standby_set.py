"""The standby's set in memory: a Pod that takes its time to go and to come, and disks that stay."""

from dataclasses import dataclass, field
from typing import Any

from recovery.copies.server_order import ServerOrder, ServerPod
from recovery.copies.standby_set import DiskClaim, StandbySetState


@dataclass
class StandbySetSite:
    """The standby's set. `up`: its server answers. `disks`: how many claims were made; `leaving` and `coming`: how many
    looks a Pod takes to go, and to restore. `comes_up_as`, `planned`: changes of what is restored, and of its plan."""

    order: ServerOrder | None = None
    version: str = "1"
    wanted: int = 1
    claim: DiskClaim | None = field(default_factory=lambda: DiskClaim(uid="claim-1", volume="pv-1", retained=True))
    up: bool = True
    disks: int = 1
    leaving: int = 0
    coming: int = 0
    problem: str = ""
    comes_up_as: dict[str, Any] = field(default_factory=dict)
    planned: dict[str, Any] = field(default_factory=dict)
    cannot_be_reached: set[str] = field(default_factory=set)

    @classmethod
    def cold(cls) -> "StandbySetSite":
        """Nothing is there."""
        return cls(wanted=0, claim=None, up=False, disks=0)

    def look(self) -> str:
        """Time passes; whether a new disk is filled just now."""
        if self.leaving:
            self.leaving -= 1
        elif self.wanted and not self.up and not self.problem:
            self.coming -= 1
            if self.coming < 0:
                self.up = True
                return "restored" if self.new_disk() else ""
        return ""

    def new_disk(self) -> bool:
        """Whether the claim had to be made."""
        if self.claim:
            return False
        self.disks += 1
        self.claim = DiskClaim(uid=f"claim-{self.disks}", volume=f"pv-{self.disks}", retained=True)
        return True

    def state(self) -> StandbySetState:
        """As the cluster shows it."""
        pods: list[ServerPod] = []
        if self.leaving:
            pods = [ServerPod(stage="ending")]
        elif self.wanted:
            stage = "starting" if self.up else "restoring"
            pods = [ServerPod(stage=stage, problem=self.problem, failed=bool(self.problem))]
        return StandbySetState(
            order=self.order, version=self.version, wanted=self.wanted, disk_bytes=400 * 2**30, pods=pods,
            claim=self.claim,
        )  # fmt: skip

    def write(self, order: ServerOrder | None) -> None:
        """Each change has a version of its own."""
        self.order, self.version = order, str(int(self.version) + 1)

    def scale(self, replicas: int) -> None:
        """A Pod takes its time to go and to come."""
        if self.wanted and not replicas:
            self.up, self.leaving = False, 2
        if replicas and not self.wanted:
            self.coming = 3
        self.wanted = replicas

    def release(self) -> None:
        """The claim goes, its volume stays."""
        self.claim = None
