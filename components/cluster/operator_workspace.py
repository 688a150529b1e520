"""Where the failover engineer runs `dr promote`: a Pod inside the DR network, ready before it is needed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.cluster.cluster_access import ACCESS_FOLDER, access_mount, access_volume, declare_access
from components.identity import declare_identity, declare_login
from components.runners import Runners
from recovery.names import (
    OPERATOR_ACCOUNT,
    OPERATOR_LABEL,
    OPERATOR_WORKSPACE,
    PROMOTER_ROLE,
    ROLE_PROMOTER,
    SCRATCH,
    SCRATCH_DISK_CLASS,
)
from recovery.site.capacity import RUNNER

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.rbac import v1 as rbac

_ACCESS, _LOGIN_FOLDER, _JOURNAL = "dr-operator-access", "/etc/dr-login", "/var/lib/dr"
_REDIS_FOLDER = "/etc/dr-redis-login"
_SCRATCH_FOLDER = "/var/lib/dr-scratch"
_RBAC = "rbac.authorization.k8s.io"
_LOGIN, _REDIS_LOGIN = "dr-promoter-login", "dr-promoter-redis-login"


@dataclass(frozen=True, kw_only=True)
class OperatorWorkspaceArgs:
    """`password` is the database role dr_promoter's, `redis_password` that of Redis's user of this name; `people` the
    Kubernetes group that may enter; `replicas` 0 or 1; `scratch` the size of a volume for `dr verify`, empty for none.

    `endpoint` is the cluster's as in the bundle, since a promotion compares the two.
    """

    at: Runners
    database: str
    password: pulumi.Input[str]
    redis_password: pulumi.Input[str]
    endpoint: pulumi.Input[str]
    ca_data: pulumi.Input[str]
    people: str
    storage_class: str
    scratch: str
    replicas: int


class OperatorWorkspace(pulumi.ComponentResource):
    """One Pod that waits, with the promoter's role, database login and cluster rights, and a volume for the journal.

    In it nothing of us-east-1 is needed: AWS credentials come from EKS Pod Identity, the cluster is entered by a
    service account's token, and no identity provider is asked. Who enters the Pod has what promotion needs and no more.
    """

    def __init__(self, name: str, args: OperatorWorkspaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:OperatorWorkspace", name, None, opts)
        self._name, self._args = name, args
        at = args.at
        identified = declare_identity(name, at, "promoter", self, login=_LOGIN, password=args.password)
        keys = declare_login(f"{name}-redis", _REDIS_LOGIN, at.namespace, args.redis_password, self)
        access = declare_access(name, _ACCESS, at.namespace, (at.cluster, args.endpoint, args.ca_data), self)
        k8s.apps.v1.StatefulSet(
            f"{name}-set",
            metadata=workload.metadata(OPERATOR_WORKSPACE, at.namespace, annotations=workload.SKIP_AWAIT),
            spec={
                "service_name": OPERATOR_WORKSPACE,
                "replicas": args.replicas,
                "selector": {"match_labels": OPERATOR_LABEL},
                "persistent_volume_claim_retention_policy": {"when_deleted": "Retain", "when_scaled": "Retain"},
                "template": {
                    "metadata": {"labels": {**workload.MANAGED_BY, **OPERATOR_LABEL}},
                    "spec": {
                        "service_account_name": OPERATOR_ACCOUNT,
                        "automount_service_account_token": False,
                        "termination_grace_period_seconds": 5,
                        "security_context": workload.pod_security(workload.runner_uid()),
                        "containers": [_container(args)],
                        "volumes": [
                            *workload.runner_volumes(at.plan_map),
                            access_volume(_ACCESS),
                            {"name": "login", "secret": {"secret_name": _LOGIN, "default_mode": 0o440}},
                            {"name": "redis-login", "secret": {"secret_name": _REDIS_LOGIN, "default_mode": 0o440}},
                            *([_scratch(args)] if args.scratch else []),
                        ],
                    },
                },
                "volume_claim_templates": [
                    {
                        "metadata": {"name": "journal"},
                        "spec": {
                            "access_modes": ["ReadWriteOnce"],
                            "storage_class_name": args.storage_class,
                            "resources": {"requests": {"storage": "1Gi"}},
                        },
                    }
                ],
            },
            opts=as_child(self, depends_on=[*identified, keys, access]),
        )
        self._rights()
        self.register_outputs({"pod": f"{OPERATOR_WORKSPACE}-0"})

    def _rights(self) -> None:
        """The service account has the promoter's rights. The promoters may enter this Pod, and no other."""
        namespace = self._args.at.namespace
        workspace: rbac.SubjectArgsDict = {"kind": "ServiceAccount", "name": OPERATOR_ACCOUNT, "namespace": namespace}
        self._bind("promoter", PROMOTER_ROLE, workspace)
        rules: list[rbac.PolicyRuleArgsDict] = [
            {
                "api_groups": [""],
                "resources": ["pods/exec"],
                "resource_names": [f"{OPERATOR_WORKSPACE}-0"],
                "verbs": ["create", "get"],
            }
        ]
        entering = k8s.rbac.v1.Role(
            f"{self._name}-entering",
            metadata=workload.metadata("dr-operator-entering", namespace),
            rules=rules,
            opts=as_child(self),
        )
        people: rbac.SubjectArgsDict = {"kind": "Group", "name": self._args.people, "api_group": _RBAC}
        self._bind("people", "dr-operator-entering", people, after=[entering])

    def _bind(
        self, who: str, role: str, subject: "rbac.SubjectArgsDict", *, after: list[pulumi.Resource] | None = None
    ) -> None:
        k8s.rbac.v1.RoleBinding(
            f"{self._name}-{who}",
            metadata=workload.metadata(f"dr-operator-{who}", self._args.at.namespace),
            role_ref={"api_group": _RBAC, "kind": "Role", "name": role},
            subjects=[subject],
            opts=as_child(self, depends_on=after or []),
        )


def _scratch(args: OperatorWorkspaceArgs) -> "core.VolumeArgsDict":
    """A volume that comes and goes with the Pod: nothing on it is worth keeping, and it costs by its size."""
    return {
        "name": "large",
        "ephemeral": {
            "volume_claim_template": {
                "spec": {
                    "access_modes": ["ReadWriteOnce"],
                    "storage_class_name": SCRATCH_DISK_CLASS,
                    "resources": {"requests": {"storage": args.scratch}},
                }
            }
        },
    }


def _container(args: OperatorWorkspaceArgs) -> "core.ContainerArgsDict":
    """It only waits; `dr` finds everything in its environment."""
    environment = args.at.environment | {
        "DR_BUNDLE": args.at.names.bundle_url,
        "KUBECONFIG": f"{ACCESS_FOLDER}/kubeconfig",
        "PGDATABASE": args.database,
        "PGUSER": ROLE_PROMOTER,
        "PGPASSWORD_FILE": f"{_LOGIN_FOLDER}/password",
        "REDIS_USER": ROLE_PROMOTER,
        "REDIS_PASSWORD_FILE": f"{_REDIS_FOLDER}/password",
    }
    if args.scratch:
        environment[SCRATCH] = _SCRATCH_FOLDER
    return {
        "name": "operator",
        "image": args.at.image,
        "command": ["sleep", "infinity"],
        "working_dir": _JOURNAL,
        "env": [workload.pod_ip(), *workload.variables(environment)],
        "resources": workload.limits(RUNNER),
        "security_context": workload.container_security(),
        "volume_mounts": [
            *workload.runner_mounts(),
            access_mount(),
            {"name": "login", "mount_path": _LOGIN_FOLDER, "read_only": True},
            {"name": "redis-login", "mount_path": _REDIS_FOLDER, "read_only": True},
            {"name": "journal", "mount_path": _JOURNAL},
            *([{"name": "large", "mount_path": _SCRATCH_FOLDER}] if args.scratch else []),
        ],
    }
