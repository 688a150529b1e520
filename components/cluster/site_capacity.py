"""How much the DR site's namespace may take: enough for full size, and no more."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from recovery.plan.plan import Plan
from recovery.site.capacity import RUNNER, Size, full_quota


@dataclass(frozen=True, kw_only=True)
class SiteCapacityArgs:
    """The quota follows from the plan's full sizes and the databases': raising one raises the other."""

    plan: Plan
    postgres: Size
    redis: Size
    namespace: pulumi.Input[str]


class SiteCapacity(pulumi.ComponentResource):
    """A quota that a runaway Job meets and a promotion does not, and the size of a container that names none (under a
    quota Kubernetes refuses it otherwise)."""

    def __init__(self, name: str, args: SiteCapacityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:SiteCapacity", name, None, opts)
        k8s.core.v1.ResourceQuota(
            f"{name}-quota",
            # Its usage is filled in by a controller that need not have run yet.
            metadata=workload.metadata("full-size", args.namespace, annotations=workload.SKIP_AWAIT),
            spec={"hard": full_quota(args.plan, args.postgres, args.redis).as_kubernetes()},
            opts=as_child(self),
        )
        k8s.core.v1.LimitRange(
            f"{name}-defaults",
            metadata=workload.metadata("default-size", args.namespace),
            spec={
                "limits": [
                    {
                        "type": "Container",
                        "default": {"memory": RUNNER.memory},
                        "default_request": {"cpu": RUNNER.cpu, "memory": RUNNER.memory},
                    }
                ]
            },
            opts=as_child(self),
        )
        self.register_outputs({})
