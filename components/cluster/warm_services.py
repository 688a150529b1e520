"""UltraMarket's services at the DR site, at their warm floor, each on a port of every node for the edge."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from components.identity import declare_login
from recovery.names import (
    GATE_SERVICE,
    OPERATOR_ACCOUNT,
    POSTGRES_PORT,
    PROMOTER_NODES_ROLE,
    PROMOTER_ROLE,
    REDIS_GATE_SERVICE,
    REDIS_PORT,
    STANDBY,
    STANDBY_CLAIM,
    STANDBY_ORDER,
)
from recovery.plan.plan import Plan
from recovery.site.capacity import SERVICE
from recovery.site.edge import NODE_PORTS
from recovery.site.service_contract import READINESS_PATH

if TYPE_CHECKING:
    from pulumi_kubernetes.apps import v1 as apps
    from pulumi_kubernetes.autoscaling import v2 as autoscaling
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.rbac import v1 as rbac

PORT, SERVICE_PORT = 8080, 80
_UID = 10001
_LOGIN, _REDIS_LOGIN = "ultramarket-database", "ultramarket-redis"
_FLOOR_MOST = 100
# Kubelet's own variables, so that a cluster without DNS for Services works as well:
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_GATE, _REDIS_GATE = (each.upper().replace("-", "_") for each in (GATE_SERVICE, REDIS_GATE_SERVICE))


@dataclass(frozen=True, kw_only=True)
class WarmServicesArgs:
    """One image per service of the plan; `promoters` is the Kubernetes group that may scale."""

    plan: Plan
    namespace: pulumi.Input[str]
    images: dict[str, str]
    database: str
    database_user: str
    database_password: pulumi.Input[str]
    redis_user: str
    redis_password: pulumi.Input[str]
    promoters: str


class WarmServices(pulumi.ComponentResource):
    """Deployments without `replicas` (the scale subresource belongs to promotion), Services, and the promoter's
    rights.

    Kubernetes starts a Deployment without `replicas` at 1; a floor of 0 is said when it is made, and then left alone. A
    warm floor above 1 is kept by an autoscaler that can do nothing but restore its minimum: both its directions are
    switched off.
    """

    def __init__(self, name: str, args: WarmServicesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:WarmServices", name, None, opts)
        logins = [
            declare_login(name, _LOGIN, args.namespace, args.database_password, self),
            declare_login(f"{name}-redis", _REDIS_LOGIN, args.namespace, args.redis_password, self),
        ]
        for service, replicas in args.plan.services.items():
            self._service(f"{name}-{service}", service, args, logins, runs=replicas.warm > 0)
            if replicas.warm > 1:
                self._floor(f"{name}-{service}-floor", service, replicas.warm, args)
        self._promoter(name, args)
        self.register_outputs({"services": list(args.plan.services)})

    def _service(
        self, name: str, service: str, args: WarmServicesArgs, logins: list[k8s.core.v1.Secret], *, runs: bool
    ) -> None:
        labels = {"app.kubernetes.io/name": service}
        k8s.core.v1.Service(
            f"{name}-service",
            metadata=workload.metadata(service, args.namespace, labels=labels, annotations=workload.SKIP_AWAIT),
            spec={
                "type": "NodePort",
                "selector": labels,
                "ports": [
                    {"name": "http", "port": SERVICE_PORT, "target_port": PORT, "node_port": NODE_PORTS[service]}
                ],
            },
            opts=as_child(self),
        )
        spec: apps.DeploymentSpecArgsDict = {
            "selector": {"match_labels": labels},
            "template": {
                "metadata": {"labels": {**workload.MANAGED_BY, **labels}},
                "spec": {
                    "automount_service_account_token": False,
                    "security_context": workload.pod_security(_UID),
                    "containers": [_container(service, args)],
                },
            },
        }
        k8s.apps.v1.Deployment(
            f"{name}-deployment",
            # The services' database is closed until a promotion, so nothing waits for them here.
            metadata=workload.metadata(service, args.namespace, labels=labels, annotations=workload.SKIP_AWAIT),
            spec=spec if runs else {"replicas": 0, **spec},
            opts=as_child(self, depends_on=logins, ignore_changes=[] if runs else ["spec.replicas"]),
        )
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}-disruption",
            metadata=workload.metadata(service, args.namespace, labels=labels),
            # One at a time at full size; a single Pod may go, or no node could ever be replaced.
            spec={"max_unavailable": 1, "selector": {"match_labels": labels}},
            opts=as_child(self),
        )

    def _floor(self, name: str, service: str, warm: int, args: WarmServicesArgs) -> None:
        off: autoscaling.HPAScalingRulesArgsDict = {"select_policy": "Disabled"}
        k8s.autoscaling.v2.HorizontalPodAutoscaler(
            name,
            metadata=workload.metadata(service, args.namespace, annotations=workload.SKIP_AWAIT),
            spec={
                "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": service},
                "min_replicas": warm,
                "max_replicas": _FLOOR_MOST,
                "behavior": {"scale_down": off, "scale_up": off},
            },
            opts=as_child(self),
        )

    def _promoter(self, name: str, args: WarmServicesArgs) -> None:
        """Look at Deployments and Pods, scale, and read which site this namespace is; have the standby made anew of
        what the bucket holds: say of what, end its Pod, take its claim away. No secrets, no exec."""
        role = k8s.rbac.v1.Role(
            f"{name}-promoter-role",
            metadata=workload.metadata(PROMOTER_ROLE, args.namespace),
            rules=[
                {"api_groups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]},
                {"api_groups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get", "patch"]},
                {"api_groups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
                {"api_groups": ["batch"], "resources": ["cronjobs", "jobs"], "verbs": ["list"]},
                {"api_groups": [""], "resources": ["namespaces", "persistentvolumeclaims"], "verbs": ["get"]},
                _one("", "configmaps", STANDBY_ORDER, ["get", "patch"]),
                _one("apps", "statefulsets", STANDBY, ["get"]),
                _one("apps", "statefulsets/scale", STANDBY, ["get", "patch"]),
                _one("", "persistentvolumeclaims", STANDBY_CLAIM, ["delete"]),
            ],
            opts=as_child(self),
        )
        k8s.rbac.v1.RoleBinding(
            f"{name}-promoter-binding",
            metadata=workload.metadata(PROMOTER_ROLE, args.namespace),
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": PROMOTER_ROLE},
            subjects=[{"kind": "Group", "name": args.promoters, "api_group": "rbac.authorization.k8s.io"}],
            opts=as_child(self, depends_on=[role]),
        )
        self._nodes_seen(name, args)

    def _nodes_seen(self, name: str, args: WarmServicesArgs) -> None:
        """Whether full size fits depends on the nodes and on all that runs there: they may be listed, no more. And
        what becomes of a volume without its claim is said by the volume, which belongs to no namespace."""
        role = k8s.rbac.v1.ClusterRole(
            f"{name}-nodes-role",
            metadata={"name": PROMOTER_NODES_ROLE, "labels": workload.MANAGED_BY},
            rules=[
                {"api_groups": [""], "resources": ["nodes", "pods"], "verbs": ["list"]},
                {"api_groups": [""], "resources": ["persistentvolumes"], "verbs": ["get"]},
            ],
            opts=as_child(self),
        )
        k8s.rbac.v1.ClusterRoleBinding(
            f"{name}-nodes-binding",
            metadata={"name": PROMOTER_NODES_ROLE, "labels": workload.MANAGED_BY},
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": PROMOTER_NODES_ROLE},
            subjects=[
                {"kind": "Group", "name": args.promoters, "api_group": "rbac.authorization.k8s.io"},
                {"kind": "ServiceAccount", "name": OPERATOR_ACCOUNT, "namespace": args.namespace},
            ],
            opts=as_child(self, depends_on=[role]),
        )


def _one(group: str, resource: str, name: str, verbs: list[str]) -> "rbac.PolicyRuleArgsDict":
    """A right to one object alone."""
    return {"api_groups": [group], "resources": [resource], "resource_names": [name], "verbs": verbs}


def _container(service: str, args: WarmServicesArgs) -> "core.ContainerArgsDict":
    """What every service finds: its name, its site, database and Redis behind the gate."""
    environment: dict[str, pulumi.Input[str]] = {
        "SERVICE": service,
        "SITE": "dr",
        "PORT": str(PORT),
        "DATABASE_HOST": f"$({_GATE}_SERVICE_HOST)",
        "DATABASE_PORT": str(POSTGRES_PORT),
        "DATABASE_NAME": args.database,
        "DATABASE_USER": args.database_user,
        "REDIS_HOST": f"$({_REDIS_GATE}_SERVICE_HOST)",
        "REDIS_PORT": str(REDIS_PORT),
        "REDIS_USER": args.redis_user,
    }
    return {
        "name": service,
        "image": args.images[service],
        "env": [
            workload.pod_ip(),
            *workload.variables(environment),
            workload.secret_variable("DATABASE_PASSWORD", _LOGIN),
            workload.secret_variable("REDIS_PASSWORD", _REDIS_LOGIN),
        ],
        "ports": [{"name": "http", "container_port": PORT}],
        "readiness_probe": {"http_get": {"path": READINESS_PATH, "port": PORT}, "period_seconds": 1},
        "resources": workload.limits(SERVICE),
        "security_context": workload.container_security(),
    }
