"""Guard and gate of a site whose database is not ours: the only way an application reaches its primary."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.databases.guard_container import (
    GuardArgs,
    declare_gate,
    declare_guard_identity,
    declare_redis_gate,
    guard_container,
)
from components.databases.primary_tls import PrimaryTls
from recovery.names import (
    BACKUP_LABEL,
    COMPONENT,
    GATE_LABEL,
    GATE_SERVICE,
    GUARD_ACCOUNT,
    MONITOR_LABEL,
    OPERATOR_LABEL,
    POSTGRES_PORT,
    REPLICA_LABEL,
    SHIPPER_LABEL,
)

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.networking import v1 as networking


_ADMITTED = (GATE_LABEL, BACKUP_LABEL, OPERATOR_LABEL, MONITOR_LABEL, SHIPPER_LABEL, REPLICA_LABEL)


@dataclass(frozen=True, kw_only=True)
class SiteGuardArgs:
    """`primary_labels` are those of the primary's Pods, when it runs in this namespace; `primary_admits` are ranges
    that reach it besides the gate (replication from the other site)."""

    guard: GuardArgs
    upstream_host: str
    upstream_port: int
    tls: PrimaryTls
    priority: pulumi.Input[str]
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
        identified = declare_guard_identity(name, args.guard, self)
        self.service = declare_gate(name, GATE_LABEL, POSTGRES_PORT, args.guard.at.namespace, self)
        declare_redis_gate(name, GATE_LABEL, args.guard.at.namespace, self)
        k8s.apps.v1.Deployment(
            f"{name}-guard",
            metadata=workload.metadata(GATE_SERVICE, args.guard.at.namespace, annotations=workload.SKIP_AWAIT),
            spec={
                "replicas": 1,
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": GATE_LABEL},
                "template": {
                    "metadata": {"labels": {**workload.MANAGED_BY, **GATE_LABEL}},
                    "spec": {
                        **workload.urgent(args.priority),
                        "service_account_name": GUARD_ACCOUNT,
                        "automount_service_account_token": False,
                        "termination_grace_period_seconds": 10,
                        "security_context": workload.pod_security(workload.runner_uid()),
                        "containers": [_container(args)],
                        "volumes": [*workload.runner_volumes(args.guard.at.plan_map), *args.tls.volumes],
                    },
                },
            },
            opts=as_child(self, depends_on=identified),
        )
        if args.primary_labels:
            k8s.networking.v1.NetworkPolicy(
                f"{name}-only-way",
                metadata=workload.metadata("postgres-only-through-gate", args.guard.at.namespace),
                spec=_only_way(args),
                opts=child,
            )
        self.host = self.service.spec.apply(lambda spec: spec.cluster_ip if spec else None)
        self.register_outputs({"host": self.host})


def _container(args: SiteGuardArgs) -> "core.ContainerArgsDict":
    """The guard, with TLS for its own connections. The gate passes on what it gets, so an application's is its own."""
    upstream = f"{args.upstream_host}:{args.upstream_port}"
    container = guard_container(args.guard, upstream=upstream, port=POSTGRES_PORT, tls=args.tls.environment)
    return {**container, "volume_mounts": [*workload.runner_mounts(), *args.tls.mounts]}


def _only_way(args: SiteGuardArgs) -> "networking.NetworkPolicySpecArgsDict":
    """The primary's Pods accept connections from the gate, our own runners and replica, and from the ranges named."""
    components = [each[COMPONENT] for each in _ADMITTED]
    duties: networking.NetworkPolicyPeerArgsDict = {
        "pod_selector": {"match_expressions": [{"key": COMPONENT, "operator": "In", "values": components}]}
    }
    ranges: list[networking.NetworkPolicyPeerArgsDict] = [{"ip_block": {"cidr": cidr}} for cidr in args.primary_admits]
    return {
        "pod_selector": {"match_labels": args.primary_labels},
        "policy_types": ["Ingress"],
        "ingress": [{"from_": [duties, *ranges], "ports": [{"port": args.upstream_port, "protocol": "TCP"}]}],
    }
