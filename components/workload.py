"""Parts of a Pod that every workload of ours shares: locked-down security, the plan as a file, limits, metadata."""

from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s
import yaml

from recovery.capacity import Size
from recovery.names import PLAN_FILE, PLAN_FOLDER
from recovery.plan import Plan

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.meta import v1 as meta

# The object is done when the API server has it: guards stay closed until the lease comes, and a base copy takes hours.
SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
MANAGED_BY = {"app.kubernetes.io/managed-by": "pulumi", "app.kubernetes.io/part-of": "ultramarket-dr"}
_PLAN_FILE_NAME = PLAN_FILE.removeprefix(f"{PLAN_FOLDER}/")


def plan_config_map(plan: Plan, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions) -> k8s.core.v1.ConfigMap:
    """The plan as a ConfigMap that is named by its content: a changed plan is a new map, and whoever mounts it is
    rolled over to it; nothing ever reads half of a change."""
    return k8s.core.v1.ConfigMap(
        "plan",
        metadata=metadata(f"dr-plan-{plan.digest[:10]}", namespace),
        data={_PLAN_FILE_NAME: plan_text(plan)},
        immutable=True,
        opts=opts,
    )


def plan_text(plan: Plan) -> str:
    """YAML that `recovery.loading` reads back as the same plan."""
    return yaml.safe_dump(plan.model_dump(mode="json"), sort_keys=False)


def metadata(
    name: str,
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


def pod_security(uid: int) -> "core.PodSecurityContextArgsDict":
    """What the `restricted` Pod Security Standard asks of a Pod, and volumes that `uid` may write."""
    return {
        "run_as_non_root": True,
        "run_as_user": uid,
        "run_as_group": uid,
        "fs_group": uid,
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
    """The plan, and the only directory a runner can write to."""
    return [
        {"name": "plan", "config_map": {"name": plan_map}},
        {"name": "scratch", "empty_dir": {"size_limit": "1Gi"}},
    ]


def runner_mounts() -> "list[core.VolumeMountArgsDict]":
    """Where `runner_volumes` appear."""
    return [
        {"name": "plan", "mount_path": PLAN_FOLDER, "read_only": True},
        {"name": "scratch", "mount_path": "/tmp"},  # noqa: S108  an emptyDir of this Pod alone
    ]


def runner_environment(account: str, site: str) -> dict[str, pulumi.Input[str]]:
    """What every `dr` command in a container finds: plan, account, site."""
    return {"DR_PLAN": PLAN_FILE, "DR_ACCOUNT": account, "DR_SITE": site}


def runner_uid() -> int:
    """The unprivileged user of the runner's image."""
    return 10001
