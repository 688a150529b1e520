"""Where the failover engineer runs `dr promote`: a Pod inside the DR network, ready before it is needed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from recovery.capacity import RUNNER
from recovery.kubeconfig import token_kubeconfig
from recovery.names import OPERATOR_ACCOUNT, OPERATOR_LABEL, OPERATOR_WORKSPACE, PROMOTER_ROLE, ROLE_PROMOTER

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.rbac import v1 as rbac

_ACCESS, _LOGIN, _JOURNAL = "/etc/dr-access", "/etc/dr-login", "/var/lib/dr"
# Kubelet renews it long before; a copy that leaves the Pod is soon worth nothing.
_TOKEN_SECONDS = 3600
_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True)
class OperatorWorkspaceArgs:
    """`password` is the database role dr_promoter's; `people` the Kubernetes group that may enter; `replicas` 0 or 1.

    `endpoint` is the cluster's as in the bundle, since a promotion compares the two.
    """

    account: str
    namespace: pulumi.Input[str]
    image: str
    plan_map: pulumi.Input[str]
    database: str
    password: pulumi.Input[str]
    cluster: pulumi.Input[str]
    endpoint: pulumi.Input[str]
    ca_data: pulumi.Input[str]
    region: str
    role_arn: str
    bundle_url: str
    people: str
    storage_class: str
    replicas: int


class OperatorWorkspace(pulumi.ComponentResource):
    """One Pod that waits, with the promoter's role, database login and cluster rights, and a volume for the journal.

    In it nothing of us-east-1 is needed: AWS credentials come from EKS Pod Identity, the cluster is entered by a
    service account's token, and no identity provider is asked. Who enters the Pod has what promotion needs and no more.
    """

    def __init__(self, name: str, args: OperatorWorkspaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:OperatorWorkspace", name, None, opts)
        self._name, self._args, child = name, args, as_child(self)
        association = aws.eks.PodIdentityAssociation(
            f"{name}-identity",
            region=args.region,
            cluster_name=args.cluster,
            namespace=args.namespace,
            service_account=OPERATOR_ACCOUNT,
            role_arn=args.role_arn,
            opts=child,
        )
        account = k8s.core.v1.ServiceAccount(
            f"{name}-account",
            metadata=workload.metadata(OPERATOR_ACCOUNT, args.namespace),
            automount_service_account_token=False,
            opts=child,
        )
        login = k8s.core.v1.Secret(
            f"{name}-login",
            metadata=workload.metadata("dr-promoter-login", args.namespace),
            string_data={"password": args.password},
            opts=child,
        )
        text = pulumi.Output.all(name=args.cluster, endpoint=args.endpoint, ca_data=args.ca_data).apply(
            lambda found: token_kubeconfig(
                name=found["name"], endpoint=found["endpoint"], ca_data=found["ca_data"], token_file=f"{_ACCESS}/token"
            )
        )
        access = k8s.core.v1.ConfigMap(
            f"{name}-access",
            metadata=workload.metadata("dr-operator-access", args.namespace),
            data={"kubeconfig": text},
            opts=child,
        )
        k8s.apps.v1.StatefulSet(
            f"{name}-set",
            metadata=workload.metadata(OPERATOR_WORKSPACE, args.namespace, annotations=workload.SKIP_AWAIT),
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
                            *workload.runner_volumes(args.plan_map),
                            {"name": "access", "projected": {"sources": _access()}},
                            {"name": "login", "secret": {"secret_name": "dr-promoter-login", "default_mode": 0o440}},
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
            opts=as_child(self, depends_on=[association, account, login, access]),
        )
        self._rights()
        self.register_outputs({"pod": f"{OPERATOR_WORKSPACE}-0"})

    def _rights(self) -> None:
        """The service account has the promoter's rights. The promoters may enter this Pod, and no other."""
        namespace = self._args.namespace
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
            metadata=workload.metadata(f"dr-operator-{who}", self._args.namespace),
            role_ref={"api_group": _RBAC, "kind": "Role", "name": role},
            subjects=[subject],
            opts=as_child(self, depends_on=after or []),
        )


def _access() -> "list[core.VolumeProjectionArgsDict]":
    """The kubeconfig, and the token it names."""
    return [
        {"config_map": {"name": "dr-operator-access"}},
        {"service_account_token": {"path": "token", "expiration_seconds": _TOKEN_SECONDS}},
    ]


def _container(args: OperatorWorkspaceArgs) -> "core.ContainerArgsDict":
    """It only waits; `dr` finds everything in its environment."""
    environment = workload.runner_environment(args.account, "dr")
    environment |= {
        "DR_BUNDLE": args.bundle_url,
        "KUBECONFIG": f"{_ACCESS}/kubeconfig",
        "PGDATABASE": args.database,
        "PGUSER": ROLE_PROMOTER,
        "PGPASSWORD_FILE": f"{_LOGIN}/password",
    }
    return {
        "name": "operator",
        "image": args.image,
        "command": ["sleep", "infinity"],
        "working_dir": _JOURNAL,
        "env": [workload.pod_ip(), *workload.variables(environment)],
        "resources": workload.limits(RUNNER),
        "security_context": workload.container_security(),
        "volume_mounts": [
            *workload.runner_mounts(),
            {"name": "access", "mount_path": _ACCESS, "read_only": True},
            {"name": "login", "mount_path": _LOGIN, "read_only": True},
            {"name": "journal", "mount_path": _JOURNAL},
        ],
    }
