"""Guard and gate as a sidecar of a primary that is not ours: what its Pod needs, and the patch for its owner."""

import re
from dataclasses import dataclass
from typing import Any

import pulumi
import yaml

from components import workload
from components.databases.guard_container import (
    GuardArgs,
    declare_gate,
    declare_guard_identity,
    declare_redis_gate,
    guard_beside,
    socket_volume,
)
from recovery.names import GATE_PORT, GUARD_ACCOUNT

_JOINT = re.compile(r"_([a-z])")


@dataclass(frozen=True, kw_only=True)
class GateSidecarArgs:
    """`primary_labels` are those of the primary's Pods, in this namespace."""

    guard: GuardArgs
    primary_labels: dict[str, str]


class GateSidecar(pulumi.ComponentResource):
    """The guard's service account, role and login, and the gate's Services. The container itself is the owner's to add:
    `patch` has it, and docs/gate-sidecar.md says what else the primary's Pod needs."""

    def __init__(self, name: str, args: GateSidecarArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:GateSidecar", name, None, opts)
        declare_guard_identity(name, args.guard, self)
        self.service = declare_gate(name, args.primary_labels, GATE_PORT, args.guard.at.namespace, self)
        declare_redis_gate(name, args.primary_labels, args.guard.at.namespace, self)
        self.patch = pulumi.Output.from_input(args.guard.at.plan_map).apply(lambda plan: patch(args.guard, plan))
        self.register_outputs({"patch": self.patch})


def patch(guard: GuardArgs, plan_map: str) -> str:
    """For `kubectl patch --patch-file`, of the StatefulSet that the primary runs in. Nothing in it is secret."""
    pod = {
        "service_account_name": GUARD_ACCOUNT,
        "containers": [guard_beside(guard)],
        "volumes": [socket_volume(), *workload.runner_volumes(plan_map)],
    }
    return yaml.safe_dump({"spec": {"template": {"spec": _as_kubernetes(pod)}}}, sort_keys=False)


def _as_kubernetes(value: Any) -> Any:
    """The SDK's names as Kubernetes writes them: `mount_path` is `mountPath`."""
    if isinstance(value, dict):
        return {_JOINT.sub(lambda found: found[1].upper(), key): _as_kubernetes(part) for key, part in value.items()}
    return [_as_kubernetes(part) for part in value] if isinstance(value, list) else value
