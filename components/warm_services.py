"""UltraMarket's services at the DR site, at their warm floor, behind one edge."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import workload
from components.children import as_child
from recovery.capacity import SERVICE
from recovery.names import GATE_SERVICE, POSTGRES_PORT, PROMOTER_ROLE
from recovery.plan import Plan

if TYPE_CHECKING:
    from pulumi_kubernetes.autoscaling import v2 as autoscaling
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.networking import v1 as networking

PORT, SERVICE_PORT = 8080, 80
_UID = 10001
_LOGIN = "ultramarket-database"
_FLOOR_MOST = 100
# Kubelet's own variables, so that a cluster without DNS for Services works as well:
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_GATE = GATE_SERVICE.upper().replace("-", "_")


@dataclass(frozen=True, kw_only=True)
class WarmServicesArgs:
    """One image per service of the plan; `promoters` is the Kubernetes group that may scale."""

    plan: Plan
    namespace: pulumi.Input[str]
    images: dict[str, str]
    database: str
    database_user: str
    database_password: pulumi.Input[str]
    certificate_arn: str
    promoters: str


class WarmServices(pulumi.ComponentResource):
    """Deployments without `replicas` (the scale subresource belongs to promotion), Services, one Ingress, and the
    promoter's rights.

    Kubernetes starts a Deployment without `replicas` at 1. A warm floor above 1 is kept by an autoscaler that can do
    nothing but restore its minimum: both its directions are switched off.
    """

    def __init__(self, name: str, args: WarmServicesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:WarmServices", name, None, opts)
        child = as_child(self)
        login = k8s.core.v1.Secret(
            f"{name}-login",
            metadata=workload.metadata(_LOGIN, args.namespace),
            string_data={"password": args.database_password},
            opts=child,
        )
        for service, replicas in args.plan.services.items():
            self._service(f"{name}-{service}", service, args, login)
            if replicas.warm > 1:
                self._floor(f"{name}-{service}-floor", service, replicas.warm, args)
        self.ingress = k8s.networking.v1.Ingress(
            f"{name}-edge",
            metadata=workload.metadata(
                "ultramarket", args.namespace, annotations={**workload.SKIP_AWAIT, **_edge(args.certificate_arn)}
            ),
            spec={"ingress_class_name": "alb", "rules": [{"http": {"paths": _paths(list(args.plan.services))}}]},
            opts=child,
        )
        self._promoter(name, args)
        self.register_outputs({"services": list(args.plan.services)})

    def _service(self, name: str, service: str, args: WarmServicesArgs, login: k8s.core.v1.Secret) -> None:
        labels = {"app.kubernetes.io/name": service}
        k8s.core.v1.Service(
            f"{name}-service",
            metadata=workload.metadata(service, args.namespace, labels=labels, annotations=workload.SKIP_AWAIT),
            spec={"selector": labels, "ports": [{"name": "http", "port": SERVICE_PORT, "target_port": PORT}]},
            opts=as_child(self),
        )
        k8s.apps.v1.Deployment(
            f"{name}-deployment",
            # The services' database is closed until a promotion, so nothing waits for them here.
            metadata=workload.metadata(service, args.namespace, labels=labels, annotations=workload.SKIP_AWAIT),
            spec={
                "selector": {"match_labels": labels},
                "template": {
                    "metadata": {"labels": {**workload.MANAGED_BY, **labels}},
                    "spec": {
                        "automount_service_account_token": False,
                        "security_context": workload.pod_security(_UID),
                        "containers": [_container(service, args)],
                    },
                },
            },
            opts=as_child(self, depends_on=[login]),
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
        """Look at Deployments and Pods, scale, and read which site this namespace is. No secrets, no exec."""
        role = k8s.rbac.v1.Role(
            f"{name}-promoter-role",
            metadata=workload.metadata(PROMOTER_ROLE, args.namespace),
            rules=[
                {"api_groups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]},
                {"api_groups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get", "patch"]},
                {"api_groups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
                {"api_groups": [""], "resources": ["namespaces"], "verbs": ["get"]},
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


def _container(service: str, args: WarmServicesArgs) -> "core.ContainerArgsDict":
    """What every service finds: its name, its site, and the database behind the gate."""
    environment: dict[str, pulumi.Input[str]] = {
        "SERVICE": service,
        "SITE": "dr",
        "PORT": str(PORT),
        "DATABASE_HOST": f"$({_GATE}_SERVICE_HOST)",
        "DATABASE_PORT": str(POSTGRES_PORT),
        "DATABASE_NAME": args.database,
        "DATABASE_USER": args.database_user,
    }
    return {
        "name": service,
        "image": args.images[service],
        "env": [
            workload.pod_ip(),
            *workload.variables(environment),
            workload.secret_variable("DATABASE_PASSWORD", _LOGIN),
        ],
        "ports": [{"name": "http", "container_port": PORT}],
        "readiness_probe": {"http_get": {"path": "/healthz", "port": PORT}, "period_seconds": 1},
        "resources": workload.limits(SERVICE),
        "security_context": workload.container_security(),
    }


def _edge(certificate_arn: str) -> dict[str, str]:
    """https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/"""
    prefix = "alb.ingress.kubernetes.io"
    return {
        f"{prefix}/scheme": "internet-facing",
        f"{prefix}/target-type": "ip",
        f"{prefix}/listen-ports": '[{"HTTPS": 443}]',
        f"{prefix}/certificate-arn": certificate_arn,
        f"{prefix}/healthcheck-path": "/healthz",
    }


def _paths(services: list[str]) -> "list[networking.HTTPIngressPathArgsDict]":
    return [
        {
            "path": f"/v2/{service}",
            "path_type": "Prefix",
            "backend": {"service": {"name": service, "port": {"number": SERVICE_PORT}}},
        }
        for service in services
    ]
