"""Guard and gate of one site: the only way an application reaches that site's primary."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from recovery.capacity import GUARD
from recovery.names import (
    BACKUP_LABEL,
    COMPONENT,
    GATE_LABEL,
    GATE_SERVICE,
    GUARD_ACCOUNT,
    OPERATOR_LABEL,
    POSTGRES_PORT,
    ROLE_GUARD,
)

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.networking import v1 as networking


@dataclass(frozen=True, kw_only=True)
class SiteGuardArgs:
    """`upstream_host` may be a reference such as $(POSTGRES_STANDBY_SERVICE_HOST), which kubelet expands.

    `primary_labels` are those of the primary's Pods, when it runs in this namespace; `primary_admits` are ranges that
    reach it besides the gate (replication from the other site).
    """

    site: str
    account: str
    plan_map: pulumi.Input[str]
    namespace: pulumi.Input[str]
    image: str
    mode: str
    database: str
    upstream_host: str
    upstream_port: int
    password: pulumi.Input[str]
    cluster: pulumi.Input[str]
    region: str
    role_arn: str
    primary_labels: dict[str, str] = field(default_factory=dict)
    primary_admits: list[str] = field(default_factory=list)


class SiteGuard(pulumi.ComponentResource):
    """One Pod: `dr guard` and, as its child, the HAProxy that is the gate. Closed unless the site holds the lease.

    One replica, replaced by Recreate: two guards of one site would renew against each other. Readiness is the gate's
    port, so the Service has an endpoint exactly while the gate is open.
    """

    def __init__(self, name: str, args: SiteGuardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:SiteGuard", name, None, opts)
        child = as_child(self)
        association = aws.eks.PodIdentityAssociation(
            f"{name}-identity",
            region=args.region,
            cluster_name=args.cluster,
            namespace=args.namespace,
            service_account=GUARD_ACCOUNT,
            role_arn=args.role_arn,
            opts=child,
        )
        account = k8s.core.v1.ServiceAccount(
            f"{name}-account",
            metadata=workload.metadata(GUARD_ACCOUNT, args.namespace),
            automount_service_account_token=False,
            opts=child,
        )
        login = k8s.core.v1.Secret(
            f"{name}-login",
            metadata=workload.metadata("dr-guard-login", args.namespace),
            string_data={"password": args.password},
            opts=child,
        )
        self.service = k8s.core.v1.Service(
            f"{name}-gate",
            metadata=workload.metadata(GATE_SERVICE, args.namespace, annotations=workload.SKIP_AWAIT),
            spec={"selector": GATE_LABEL, "ports": [{"name": "postgres", "port": POSTGRES_PORT}]},
            opts=child,
        )
        self.deployment = k8s.apps.v1.Deployment(
            f"{name}-guard",
            metadata=workload.metadata(GATE_SERVICE, args.namespace, annotations=workload.SKIP_AWAIT),
            spec={
                "replicas": 1,
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": GATE_LABEL},
                "template": {
                    "metadata": {"labels": {**workload.MANAGED_BY, **GATE_LABEL}},
                    "spec": {
                        "service_account_name": GUARD_ACCOUNT,
                        "automount_service_account_token": False,
                        "termination_grace_period_seconds": 10,
                        "security_context": workload.pod_security(workload.runner_uid()),
                        "containers": [_guard(args)],
                        "volumes": workload.runner_volumes(args.plan_map),
                    },
                },
            },
            opts=as_child(self, depends_on=[association, account, login]),
        )
        if args.primary_labels:
            k8s.networking.v1.NetworkPolicy(
                f"{name}-only-way",
                metadata=workload.metadata("postgres-only-through-gate", args.namespace),
                spec=_only_way(args),
                opts=child,
            )
        self.host = self.service.spec.apply(lambda spec: spec.cluster_ip if spec else None)
        self.register_outputs({"host": self.host})


def _guard(args: SiteGuardArgs) -> "core.ContainerArgsDict":
    """`dr guard` and nothing else: the gate is its child."""
    upstream = f"{args.upstream_host}:{args.upstream_port}"
    listen = f"$(POD_IP):{POSTGRES_PORT}"
    environment = workload.runner_environment(args.account, args.site)
    environment |= {"PGDATABASE": args.database, "PGUSER": ROLE_GUARD}
    return {
        "name": "guard",
        "image": args.image,
        "command": ["dr", "guard", "--listen", listen, "--upstream", upstream, "--mode", args.mode],
        "env": [
            workload.pod_ip(),
            *workload.variables(environment),
            workload.secret_variable("PGPASSWORD", "dr-guard-login"),
        ],
        "ports": [{"name": "postgres", "container_port": POSTGRES_PORT}],
        "readiness_probe": {"tcp_socket": {"port": POSTGRES_PORT}, "period_seconds": 1, "failure_threshold": 1},
        "resources": workload.limits(GUARD),
        "security_context": workload.container_security(),
        "volume_mounts": workload.runner_mounts(),
    }


def _only_way(args: SiteGuardArgs) -> "networking.NetworkPolicySpecArgsDict":
    """The primary's Pods accept connections from the gate, from backups and operators, and from the ranges named."""
    components = [each[COMPONENT] for each in (GATE_LABEL, BACKUP_LABEL, OPERATOR_LABEL)]
    duties: networking.NetworkPolicyPeerArgsDict = {
        "pod_selector": {"match_expressions": [{"key": COMPONENT, "operator": "In", "values": components}]}
    }
    ranges: list[networking.NetworkPolicyPeerArgsDict] = [{"ip_block": {"cidr": cidr}} for cidr in args.primary_admits]
    return {
        "pod_selector": {"match_labels": args.primary_labels},
        "policy_types": ["Ingress"],
        "ingress": [{"from_": [duties, *ranges], "ports": [{"port": POSTGRES_PORT, "protocol": "TCP"}]}],
    }
