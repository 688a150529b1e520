"""The Pod that runs one `dr` command, and the schedule on which it does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, NotRequired, TypedDict

import pulumi

from components import workload
from components.runners import Runners
from recovery.names import ACCOUNT_OF_DUTY
from recovery.site.capacity import RUNNER, Size

if TYPE_CHECKING:
    from pulumi_kubernetes.batch import v1 as batch
    from pulumi_kubernetes.core import v1 as core


NOTHING: Mapping[str, pulumi.Input[str]] = MappingProxyType({})
NO_LOGINS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Serves:
    """Of a command that runs until it is ended: how long that may take, and the priority class that keeps its place."""

    grace_seconds: int
    priority: pulumi.Input[str]


class Lasting(TypedDict):
    """Part of a Pod's specification."""

    restart_policy: str
    termination_grace_period_seconds: NotRequired[int]
    priority_class_name: NotRequired[pulumi.Input[str]]
    tolerations: "NotRequired[list[core.TolerationArgsDict]]"


def runner_pod(
    name: str,
    command: list[str],
    at: Runners,
    duty: str,
    *,
    labels: dict[str, str],
    environment: Mapping[str, pulumi.Input[str]] = NOTHING,
    logins: Mapping[str, str] = NO_LOGINS,
    mounts: "Sequence[core.VolumeMountArgsDict]" = (),
    volumes: "Sequence[core.VolumeArgsDict]" = (),
    size: Size = RUNNER,
    serves: Serves | None = None,
) -> "core.PodTemplateSpecArgsDict":
    """Runs `command` as the duty's service account: once or, when it `serves`, for good. `logins`: by variable, the
    Secret with the password that it finds there. `environment`, `mounts` and `volumes` come beside every runner's."""
    lasting: Lasting = (
        {"restart_policy": "Never"}
        if serves is None
        else {
            "restart_policy": "Always",
            "termination_grace_period_seconds": serves.grace_seconds,
            **workload.urgent(serves.priority),
        }
    )
    passwords = [workload.secret_variable(variable, secret) for variable, secret in logins.items()]
    return {
        "metadata": {"labels": {**workload.MANAGED_BY, **labels}},
        "spec": {
            **lasting,
            "service_account_name": ACCOUNT_OF_DUTY[duty],
            "automount_service_account_token": False,
            "security_context": workload.pod_security(workload.runner_uid()),
            "containers": [
                {
                    "name": name,
                    "image": at.image,
                    "command": command,
                    "env": [*workload.variables({**at.environment, **environment}), *passwords],
                    "resources": workload.limits(size),
                    "security_context": workload.container_security(),
                    "volume_mounts": [*workload.runner_mounts(), *mounts],
                }
            ],
            "volumes": [*workload.runner_volumes(at.plan_map), *volumes],
        },
    }


def on_schedule(
    schedule: str,
    pod: "core.PodTemplateSpecArgsDict",
    *,
    start_deadline: timedelta,
    time_limit: timedelta,
    history: int,
    retries: int = 0,
) -> "batch.CronJobSpecArgsDict":
    """A CronJob's specification: never two runs at once, never one without an end. `history`: Jobs kept, of either end,
    for whoever asks why one failed."""
    return {
        "schedule": schedule,
        "concurrency_policy": "Forbid",
        "starting_deadline_seconds": int(start_deadline.total_seconds()),
        "successful_jobs_history_limit": history,
        "failed_jobs_history_limit": history,
        "job_template": {
            "spec": {
                "active_deadline_seconds": int(time_limit.total_seconds()),
                "backoff_limit": retries,
                "template": pod,
            }
        },
    }
