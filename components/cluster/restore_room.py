"""Where copies are restored for servers that are not ours: a namespace in which the promoter may make Jobs."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.identity import declare_identity
from components.network.default_deny import deny_all_but_aws
from components.runner_pod import on_schedule
from components.runners import Runners
from recovery.names import (
    OPERATOR_ACCOUNT,
    RESTORE_LABEL,
    RESTORE_NAMESPACE,
    RESTORE_TEMPLATE,
    RESTORER_ACCOUNT,
)
from recovery.site.capacity import BESIDE, restore_quota
from recovery.site.claim_restore import CONTAINER, FOLDER, PLACEHOLDER, VOLUME, command, variables

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.rbac import v1 as rbac

_RBAC = "rbac.authorization.k8s.io"
_UID = 999  # `postgres` in the official image: whoever mounts the claim runs as it
_NEVER = "0 0 1 1 *"  # it is suspended; a CronJob has to say something
_LONGEST = timedelta(days=1)
# One more try after a node's end or a broken connection; what fails twice needs a person.
_RETRIES = 1


@dataclass(frozen=True, kw_only=True)
class RestoreRoomArgs:
    """`at` is in the namespace itself; `people` (a Kubernetes group) and the operator's workspace in `site_namespace`
    may have something restored."""

    at: Runners
    site_namespace: pulumi.Input[str]
    people: str


class RestoreRoom(pulumi.ComponentResource):
    """What a Job is made of is a CronJob that never runs, so that a reviewer has seen image, account and limits. Who
    may make a Job here may make any: one that takes the only account there is, which reads copies and nothing else. In
    the site's own namespace it could take every duty's.
    """

    def __init__(self, name: str, args: RestoreRoomArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:RestoreRoom", name, None, opts)
        namespace = args.at.namespace
        deny_all_but_aws(name, namespace, RESTORE_LABEL, self)
        k8s.core.v1.ResourceQuota(
            f"{name}-quota",
            # Its usage is filled in by a controller that need not have run yet.
            metadata=workload.metadata("restores", namespace, annotations=workload.SKIP_AWAIT),
            spec={"hard": restore_quota().as_kubernetes()},
            opts=as_child(self),
        )
        identified = declare_identity(name, args.at, "restorer", self)
        job = on_schedule(
            _NEVER, _pod(args.at), start_deadline=_LONGEST, time_limit=_LONGEST, history=0, retries=_RETRIES
        )
        k8s.batch.v1.CronJob(
            f"{name}-template",
            metadata=workload.metadata(RESTORE_TEMPLATE, namespace),
            spec={**job, "suspend": True},
            opts=as_child(self, depends_on=identified),
        )
        self._rights(name, args)
        self.register_outputs({})

    def _rights(self, name: str, args: RestoreRoomArgs) -> None:
        """No logs: those of servers here may say what is in them. How a Job ended is in its Pod's status."""
        rules: list[rbac.PolicyRuleArgsDict] = [
            {"api_groups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get", "delete"]},
            {
                "api_groups": ["batch"],
                "resources": ["cronjobs"],
                "resource_names": [RESTORE_TEMPLATE],
                "verbs": ["get"],
            },
            {"api_groups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
            {"api_groups": [""], "resources": ["namespaces", "persistentvolumeclaims"], "verbs": ["get"]},
        ]
        role = k8s.rbac.v1.Role(
            f"{name}-role",
            metadata=workload.metadata(RESTORE_NAMESPACE, args.at.namespace),
            rules=rules,
            opts=as_child(self),
        )
        k8s.rbac.v1.RoleBinding(
            f"{name}-binding",
            metadata=workload.metadata(RESTORE_NAMESPACE, args.at.namespace),
            role_ref={"api_group": _RBAC, "kind": "Role", "name": RESTORE_NAMESPACE},
            subjects=[
                {"kind": "Group", "name": args.people, "api_group": _RBAC},
                {"kind": "ServiceAccount", "name": OPERATOR_ACCOUNT, "namespace": args.site_namespace},
            ],
            opts=as_child(self, depends_on=[role]),
        )


def _pod(at: Runners) -> "core.PodTemplateSpecArgsDict":
    """`dr restore` of the DR bucket, without a plan. How it failed is in its status, so that nobody needs its log."""
    return {
        "metadata": {"labels": {**workload.MANAGED_BY, **RESTORE_LABEL}},
        "spec": {
            "restart_policy": "Never",
            "service_account_name": RESTORER_ACCOUNT,
            "automount_service_account_token": False,
            "security_context": workload.pod_security(_UID),
            "containers": [
                {
                    "name": CONTAINER,
                    "image": at.image,
                    "command": command(at.names.backup_bucket("dr"), at.region),
                    "env": workload.variables({**workload.planless_environment(at.region), **variables("", "")}),
                    "termination_message_policy": "FallbackToLogsOnError",
                    "resources": workload.limits(BESIDE),
                    "security_context": workload.container_security(),
                    "volume_mounts": [{"name": VOLUME, "mount_path": FOLDER}, *workload.planless_mounts()],
                }
            ],
            "volumes": [
                {"name": VOLUME, "persistent_volume_claim": {"claim_name": PLACEHOLDER}},
                *workload.planless_volumes(),
            ],
        },
    }
