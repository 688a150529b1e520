"""The DR namespace's network policies: nothing goes in or out but what is named here."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from recovery.names import (
    BACKUP_LABEL,
    BESIDE_LABEL,
    COMPONENT,
    EXPORTER_LABEL,
    GATE_PORT,
    MONITOR_LABEL,
    OPERATOR_LABEL,
    POSTGRES_PORT,
    PRUNER_LABEL,
    REDIS_BACKUP_LABEL,
    REDIS_GATE_PORT,
    REDIS_PORT,
    REDIS_REPLICA_LABEL,
    SHIPPER_LABEL,
    STANDBY_LABEL,
)

if TYPE_CHECKING:
    from pulumi_kubernetes.meta import v1 as meta
    from pulumi_kubernetes.networking import v1 as networking

# EKS Pod Identity's agent, on every node: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html.
# It is no Pod of the cluster's network, so only an address can name it. Forgotten, every AWS call of ours fails.
_POD_IDENTITY, _POD_IDENTITY_PORT = "169.254.170.23/32", 80
_EVERYWHERE = "0.0.0.0/0"
_DNS, _HTTPS = 53, 443
# No `except` anywhere: EKS's agent has let through what was excepted.
# https://github.com/aws/aws-network-policy-agent/issues/92


@dataclass(frozen=True, kw_only=True)
class DefaultDenyArgs:
    """`services` listen on `service_port`; `primary_port` and `redis_port` are those of production's PostgreSQL and
    Redis, `edge_ports` those of both sites' edges."""

    namespace: pulumi.Input[str]
    services: list[str]
    service_port: int
    primary_port: pulumi.Input[int]
    redis_port: pulumi.Input[int]
    edge_ports: pulumi.Input[list[int]]


class DefaultDeny(pulumi.ComponentResource):
    """Denies everything, then lets through each flow that the site needs, one policy a reason.

    Enforced by the VPC CNI (`enableNetworkPolicy`, see WarmCluster); it admits a new Pod's traffic for the moment until
    it has read the policies. Kubelet's probes come from the Pod's own node and are always admitted.
    """

    def __init__(self, name: str, args: DefaultDenyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:DefaultDeny", name, None, opts)
        self._name, self._namespace = name, args.namespace
        services = _with_label("app.kubernetes.io/name", args.services)
        duties = [each[COMPONENT] for each in (OPERATOR_LABEL, BACKUP_LABEL, MONITOR_LABEL)]
        others = [
            each[COMPONENT]
            for each in (STANDBY_LABEL, SHIPPER_LABEL, PRUNER_LABEL, BESIDE_LABEL, REDIS_BACKUP_LABEL, EXPORTER_LABEL)
        ]
        runners, aws_users = _with_label(COMPONENT, duties), _with_label(COMPONENT, [*others, *duties])
        shipper: meta.LabelSelectorArgsDict = {"match_labels": SHIPPER_LABEL}
        postgres: meta.LabelSelectorArgsDict = {"match_labels": STANDBY_LABEL}
        beside: meta.LabelSelectorArgsDict = {"match_labels": BESIDE_LABEL}
        redis: meta.LabelSelectorArgsDict = {"match_labels": REDIS_REPLICA_LABEL}
        database, gate = _ports(POSTGRES_PORT), [*_ports(GATE_PORT), *_ports(REDIS_GATE_PORT)]
        keys, copies = _ports(REDIS_PORT), _pods({"match_labels": REDIS_BACKUP_LABEL})
        watched = _pods(_with_label(COMPONENT, [OPERATOR_LABEL[COMPONENT], MONITOR_LABEL[COMPONENT]]))

        self._policy("default-deny", {}, both=True)
        self._policy("dns", {}, egress=[{"to": [_kube_dns()], "ports": _ports(_DNS, udp=True)}])
        self._policy("aws", aws_users, egress=_to_aws())
        # From the load balancer, whose addresses are no Pods', and from each other. Out: the gate, to PostgreSQL and to
        # Redis, and partners' HTTPS (payment providers) as at production.
        self._policy(
            "services",
            services,
            ingress=[{"ports": _ports(args.service_port)}],
            egress=[
                {"to": [_pods(postgres)], "ports": gate},
                {"to": [_pods(services)], "ports": _ports(args.service_port)},
                {"to": [_range(_EVERYWHERE)], "ports": _ports(_HTTPS)},
            ],
        )
        # One Pod, two kinds of ports: the gate for services, the database past it for promotion and copies, which its
        # own pg_hba.conf tells apart. Out: the guard beside it, to AWS; the gate, to Redis; and the stream from
        # production, whose primary is known by a name.
        self._policy(
            "postgres",
            postgres,
            ingress=[
                {"from_": [_pods(services), _pods(runners)], "ports": gate},
                {"from_": [_pods(runners), _pods(shipper)], "ports": database},
            ],
            egress=[
                {"to": [_range(_EVERYWHERE)], "ports": [_port(args.primary_port)]},
                {"to": [_pods(redis)], "ports": keys},
            ],
        )
        # In: the gate, which knows when, and those who copy, watch and promote. Out: to production, by a name.
        self._policy(
            "redis",
            redis,
            ingress=[{"from_": [_pods(postgres), copies, watched], "ports": keys}],
            egress=[{"to": [_range(_EVERYWHERE)], "ports": [_port(args.redis_port)]}],
        )
        self._policy(
            "redis-copies", {"match_labels": REDIS_BACKUP_LABEL}, egress=[{"to": [_pods(redis)], "ports": keys}]
        )
        # The database's log, past the gate; the bucket is among AWS's endpoints.
        self._policy("log-shipper", shipper, egress=[{"to": [_pods(postgres)], "ports": database}])
        # What a restore brought up to look into: from where people run `dr`, and from nowhere else.
        people = _pods({"match_labels": OPERATOR_LABEL})
        self._policy("beside", beside, ingress=[{"from_": [people], "ports": database}])
        # A promotion asks resolvers of its own and both edges, and tries to write at production's primary: must fail.
        self._policy(
            "runners",
            runners,
            egress=[
                {"to": [_pods(postgres)], "ports": [*gate, *database]},
                {"to": [_range(_EVERYWHERE)], "ports": [*_ports(_DNS, udp=True), _port(args.primary_port)]},
                {"to": [_range(_EVERYWHERE)], "ports": _each(args.edge_ports)},
                {"to": [_pods(beside)], "ports": database},
                {"to": [_pods(redis)], "ports": keys},
            ],
        )
        self.register_outputs({})

    def _policy(
        self,
        reason: str,
        pods: "meta.LabelSelectorArgsDict",
        *,
        ingress: "list[networking.NetworkPolicyIngressRuleArgsDict] | None" = None,
        egress: "list[networking.NetworkPolicyEgressRuleArgsDict] | None" = None,
        both: bool = False,
    ) -> None:
        types = [kind for kind, rules in (("Ingress", ingress), ("Egress", egress)) if rules or both]
        spec: networking.NetworkPolicySpecArgsDict = {"pod_selector": pods, "policy_types": types}
        if ingress:
            spec["ingress"] = ingress
        if egress:
            spec["egress"] = egress
        _declare(f"{self._name}-{reason}", reason, self._namespace, spec, self)


def deny_all_but_aws(name: str, namespace: pulumi.Input[str], users: dict[str, str], parent: pulumi.Resource) -> None:
    """For a namespace of which only the Pods labelled `users` are ours: everything denied, out they may ask for names
    and AWS; whatever else runs there says itself what it needs."""
    everybody: meta.LabelSelectorArgsDict = {}
    out: list[networking.NetworkPolicyEgressRuleArgsDict] = [
        {"to": [_kube_dns()], "ports": _ports(_DNS, udp=True)},
        *_to_aws(),
    ]
    ways: dict[str, networking.NetworkPolicySpecArgsDict] = {
        "default-deny": {"pod_selector": everybody, "policy_types": ["Ingress", "Egress"]},
        "aws": {"pod_selector": {"match_labels": users}, "policy_types": ["Egress"], "egress": out},
    }
    for reason, spec in ways.items():
        _declare(f"{name}-{reason}", reason, namespace, spec, parent)


def _declare(
    name: str,
    reason: str,
    namespace: pulumi.Input[str],
    spec: "networking.NetworkPolicySpecArgsDict",
    parent: pulumi.Resource,
) -> None:
    metadata = workload.metadata(reason, namespace)
    k8s.networking.v1.NetworkPolicy(name, metadata=metadata, spec=spec, opts=as_child(parent))


def _kube_dns() -> "networking.NetworkPolicyPeerArgsDict":
    return _pods({"match_labels": {"k8s-app": "kube-dns"}}, in_namespace="kube-system")


def _to_aws() -> "list[networking.NetworkPolicyEgressRuleArgsDict]":
    """AWS's endpoints have no fixed addresses; what a Pod may do there is its role's."""
    return [
        {"to": [_range(_POD_IDENTITY)], "ports": _ports(_POD_IDENTITY_PORT)},
        {"to": [_range(_EVERYWHERE)], "ports": _ports(_HTTPS)},
    ]


def _with_label(key: str, values: list[str]) -> "meta.LabelSelectorArgsDict":
    return {"match_expressions": [{"key": key, "operator": "In", "values": values}]}


def _pods(selector: "meta.LabelSelectorArgsDict", *, in_namespace: str = "") -> "networking.NetworkPolicyPeerArgsDict":
    """Pods of this namespace, or of the one named."""
    if not in_namespace:
        return {"pod_selector": selector}
    # Kubernetes itself puts this label on every namespace.
    named: meta.LabelSelectorArgsDict = {"match_labels": {"kubernetes.io/metadata.name": in_namespace}}
    return {"pod_selector": selector, "namespace_selector": named}


def _range(cidr: str) -> "networking.NetworkPolicyPeerArgsDict":
    return {"ip_block": {"cidr": cidr}}


def _port(port: pulumi.Input[int], protocol: str = "TCP") -> "networking.NetworkPolicyPortArgsDict":
    return {"port": port, "protocol": protocol}


def _each(ports: pulumi.Input[list[int]]) -> "pulumi.Output[list[networking.NetworkPolicyPortArgsDict]]":
    return pulumi.Output.from_input(ports).apply(lambda known: [_port(port) for port in known])


def _ports(port: int, *, udp: bool = False) -> "list[networking.NetworkPolicyPortArgsDict]":
    return [_port(port), *([_port(port, "UDP")] if udp else [])]
