"""Parts of a Pod that every workload of ours shares: locked-down security, the plan as a file, limits, metadata."""

from typing import TYPE_CHECKING, TypedDict

import pulumi
import pulumi_kubernetes as k8s
import yaml

from components.aws_identity import aws_environment, aws_token_mount, aws_token_volume
from recovery.names import PLAN_FILE, PLAN_FOLDER, PLAN_MAP, TEMPORARY_BYTES
from recovery.plan.plan import Plan
from recovery.site.capacity import EVICTED_AFTER_SECONDS, Size

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.meta import v1 as meta

# The object is done when the API server has it: guards stay closed until the lease comes, and a base copy takes hours.
SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
MANAGED_BY = {"app.kubernetes.io/managed-by": "pulumi", "app.kubernetes.io/part-of": "ultramarket-dr"}
_SCRATCH_BYTES = 1 << 30
# Above anything of UltraMarket's that says nothing (0), far below Kubernetes' own.
URGENT, _URGENT_VALUE = "ultramarket-dr-urgent", 1_000_000
READ_AT_START = "DR_READ_AT_START"
"""Variable: names what a container reads of the plan when it starts. Another value, and Kubernetes starts it anew."""
_PLAN_FILE_NAME = PLAN_FILE.removeprefix(f"{PLAN_FOLDER}/")


def plan_config_map(plan: Plan, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions) -> k8s.core.v1.ConfigMap:
    """The plan as a ConfigMap that changes in place: the next run of a Job reads it, and a guard is not restarted for a
    number that it does not read. What runs for long has a `READ_AT_START` variable. A new map for each plan would
    take the old one from under a primary's Pod that is not ours and mounts it (docs/gate-sidecar.md)."""
    return k8s.core.v1.ConfigMap(
        "plan",
        metadata=metadata(PLAN_MAP, namespace),
        data={_PLAN_FILE_NAME: plan_text(plan)},
        opts=opts,
    )


def plan_text(plan: Plan) -> str:
    """YAML that `recovery.plan.loading` reads back as the same plan."""
    return yaml.safe_dump(plan.model_dump(mode="json"), sort_keys=False)


def metadata(
    name: pulumi.Input[str],
    namespace: pulumi.Input[str],
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> "meta.ObjectMetaArgsDict":
    """Name, namespace, our labels and what is given."""
    result: meta.ObjectMetaArgsDict = {
        "name": name,
        "namespace": namespace,
        "labels": {**MANAGED_BY, **(labels or {})},
    }
    if annotations:
        result["annotations"] = annotations
    return result


def urgent_class(opts: pulumi.ResourceOptions) -> k8s.scheduling.v1.PriorityClass:
    """The priority of what everything else waits for. Of the whole cluster; its Pods are made after it."""
    return k8s.scheduling.v1.PriorityClass(
        "urgent",
        metadata={"name": URGENT, "labels": MANAGED_BY},
        value=_URGENT_VALUE,
        global_default=False,
        preemption_policy="PreemptLowerPriority",
        description="Guard, gate and database, without which nobody orders; the log, without which orders are lost",
        opts=opts,
    )


class Urgent(TypedDict):
    """Part of a Pod's specification."""

    priority_class_name: pulumi.Input[str]
    tolerations: "list[core.TolerationArgsDict]"


def urgent(priority: pulumi.Input[str]) -> Urgent:
    """What a Pod declares without which nobody orders, or what was ordered is lost: it takes the place of others when a
    node is full, and it leaves a node that no longer answers after seconds instead of Kubernetes' five minutes.

    https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions
    """
    return {
        "priority_class_name": priority,
        "tolerations": [
            {
                "key": f"node.kubernetes.io/{state}",
                "operator": "Exists",
                "effect": "NoExecute",
                "toleration_seconds": EVICTED_AFTER_SECONDS,
            }
            for state in ("not-ready", "unreachable")
        ],
    }


def pod_security(uid: int) -> "core.PodSecurityContextArgsDict":
    """What the `restricted` Pod Security Standard asks of a Pod, and volumes that `uid` may write."""
    return {
        "run_as_non_root": True,
        "run_as_user": uid,
        "run_as_group": uid,
        "fs_group": uid,
        # By default kubelet opens the whole volume to the group again at each mount, and PostgreSQL starts on no data
        # that others may write: https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
        "fs_group_change_policy": "OnRootMismatch",
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def container_security() -> "core.SecurityContextArgsDict":
    """What it asks of a container, and a root file system nobody writes to."""
    return {
        "allow_privilege_escalation": False,
        "read_only_root_filesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def limits(size: Size) -> "core.ResourceRequirementsArgsDict":
    """Request and limit of memory are the same, so that nobody's growth evicts a guard; CPU may burst."""
    return {"requests": {"cpu": size.cpu, "memory": size.memory}, "limits": {"memory": size.memory}}


def variables(values: dict[str, pulumi.Input[str]]) -> "list[core.EnvVarArgsDict]":
    """Environment in the order given: a later value may refer to an earlier one as $(NAME)."""
    return [{"name": name, "value": value} for name, value in values.items()]


def pod_ip() -> "core.EnvVarArgsDict":
    """POD_IP from the downward API."""
    return {"name": "POD_IP", "value_from": {"field_ref": {"field_path": "status.podIP"}}}


def secret_variable(name: str, secret: pulumi.Input[str], key: str = "password") -> "core.EnvVarArgsDict":
    """A variable from a Secret: never in arguments, never in the Pod's specification."""
    return {"name": name, "value_from": {"secret_key_ref": {"name": secret, "key": key}}}


def runner_volumes(plan_map: pulumi.Input[str]) -> "list[core.VolumeArgsDict]":
    """The plan, the only directory a runner can write to, and the token for its AWS credentials."""
    return [
        {"name": "plan", "config_map": {"name": plan_map}},
        *planless_volumes(),
    ]


def planless_volumes() -> "list[core.VolumeArgsDict]":
    """Those of a runner that needs no plan."""
    return [
        {"name": "scratch", "empty_dir": {"size_limit": f"{_SCRATCH_BYTES >> 30}Gi"}},
        aws_token_volume(),
    ]


def runner_mounts() -> "list[core.VolumeMountArgsDict]":
    """Where `runner_volumes` appear."""
    return [
        {"name": "plan", "mount_path": PLAN_FOLDER, "read_only": True},
        *planless_mounts(),
    ]


def planless_mounts() -> "list[core.VolumeMountArgsDict]":
    """Where `planless_volumes` appear."""
    return [
        {"name": "scratch", "mount_path": "/tmp"},  # noqa: S108  an emptyDir of this Pod alone
        aws_token_mount(),
    ]


def runner_environment(account: str, site: str, region: str) -> dict[str, pulumi.Input[str]]:
    """What every `dr` command in a container finds: plan, account, site, and the way to AWS in `region`."""
    return {"DR_PLAN": PLAN_FILE, "DR_ACCOUNT": account, "DR_SITE": site, **planless_environment(region)}


def planless_environment(region: str) -> dict[str, pulumi.Input[str]]:
    """What one finds that needs no plan."""
    return {TEMPORARY_BYTES: str(_SCRATCH_BYTES), **aws_environment(region)}


def runner_uid() -> int:
    """The unprivileged user of the runner's image."""
    return 10001
