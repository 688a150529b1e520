"""What the DR site's workloads ask for, and the quota that admits all of them at full size. Pure arithmetic."""

import math
from dataclasses import dataclass

from recovery.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Size:
    """One Pod: CPU in thousandths of a core, memory in MiB. Request and limit of memory are the same."""

    millicores: int
    mebibytes: int

    @property
    def cpu(self) -> str:
        """As Kubernetes writes it."""
        return f"{self.millicores}m"

    @property
    def memory(self) -> str:
        """As Kubernetes writes it."""
        return f"{self.mebibytes}Mi"


SERVICE = Size(millicores=250, mebibytes=512)
POSTGRES = Size(millicores=1000, mebibytes=4096)
GUARD = Size(millicores=100, mebibytes=256)
RUNNER = Size(millicores=500, mebibytes=512)
"""A Job or an operator's workspace with `dr` in it."""

# Backups after a promotion, a restore, a drill, and the operator: more at once would be a mistake.
RUNNERS = 8
# A Deployment's default: a rollout adds a quarter of its Pods, rounded up.
# https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-surge
_SURGE = 0.25


@dataclass(frozen=True, kw_only=True)
class Quota:
    """Upper bounds of a namespace."""

    pods: int
    millicores: int
    mebibytes: int

    def as_kubernetes(self) -> dict[str, str]:
        """`spec.hard` of a ResourceQuota. CPU has no limit anywhere (it may burst), so its requests are bounded."""
        memory = f"{self.mebibytes}Mi"
        return {
            "pods": str(self.pods),
            "requests.cpu": f"{self.millicores}m",
            "requests.memory": memory,
            "limits.memory": memory,
        }


def full_quota(plan: Plan) -> Quota:
    """Every service at full size in the middle of a rollout, the database, the guard, and `RUNNERS` runners.

    A rollout's surge counts twice: what is on its way out is counted until it is gone.
    """
    services = sum(each.full + 2 * math.ceil(each.full * _SURGE) for each in plan.services.values())
    parts = [(services, SERVICE), (1, POSTGRES), (1, GUARD), (RUNNERS, RUNNER)]
    return Quota(
        pods=sum(count for count, _ in parts),
        millicores=sum(count * size.millicores for count, size in parts),
        mebibytes=sum(count * size.mebibytes for count, size in parts),
    )
