"""Production as UltraMarket has it, as far as recovery needs it: its database with the gate as a sidecar, six services
behind the gate, and their ingress."""

from pathlib import Path
from typing import Any

import yaml

from lab.kubernetes.api import Api
from lab.machine.addresses import POSTGRES_PORT
from lab.ultramarket.primary import APPLICATION, DATABASE
from lab.ultramarket.redis import APPLICATION as REDIS_APPLICATION
from recovery.names import GATE_FOLDER, GATE_SERVICE, REDIS_GATE_SERVICE
from recovery.plan.plan import SERVICES

DIGEST = "sha256:" + "0" * 64
SECRET, REDIS_SECRET = "ultramarket-database", "ultramarket-redis"
PRIMARY_LABELS = {"app": "postgres-primary"}
PRIMARY = "postgres-primary"
_PORT = 8080
_DATA, _CLAIM = "/var/lib/postgresql", "data"


def create_namespace(api: Api, namespace: str) -> None:
    """The namespace exists before any of our stacks."""
    api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})


def primary_volume(volumes: Path, namespace: str) -> Path:
    """Where the node agent keeps the volume of the primary's Pod; `volumes` is the agent's."""
    return volumes / "claims" / namespace / f"{_CLAIM}-{PRIMARY}-0"


def create_primary(api: Api, namespace: str, address: str, sidecar: str) -> None:
    """The database's StatefulSet on a volume that is there, its Service at `address`, and in its Pod what the prod
    stack's output `gate_sidecar` says (docs/gate-sidecar.md)."""
    spec = {
        "clusterIP": address,
        "selector": PRIMARY_LABELS,
        "ports": [{"port": POSTGRES_PORT}],
        "publishNotReadyAddresses": True,  # a closed gate must not cut off copies and the standby
    }
    api.create(f"/api/v1/namespaces/{namespace}/services", {"metadata": {"name": PRIMARY}, "spec": spec})
    api.create(f"/apis/apps/v1/namespaces/{namespace}/statefulsets", _with_sidecar(_primary(), sidecar))


def _with_sidecar(stateful_set: dict[str, Any], sidecar: str) -> dict[str, Any]:
    """As `kubectl patch` merges it: lists of a Pod by name, so those of the patch are added."""
    pod, patch = stateful_set["spec"]["template"]["spec"], yaml.safe_load(sidecar)["spec"]["template"]["spec"]
    for key, value in patch.items():
        pod[key] = [*pod.get(key, []), *value] if isinstance(value, list) else value
    return stateful_set


def _primary() -> dict[str, Any]:
    """UltraMarket's own: the server, with its socket where the gate looks for it."""
    container = {
        "name": "postgres",
        "image": f"postgres@{DIGEST}",
        "command": [
            *("postgres", "-D", f"{_DATA}/data", "-c", "listen_addresses=$(POD_IP)"),
            *("-c", f"unix_socket_directories={GATE_FOLDER}", "-c", "unix_socket_permissions=0770"),
        ],
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "ports": [{"containerPort": POSTGRES_PORT}],
        "readinessProbe": {"tcpSocket": {"port": POSTGRES_PORT}, "periodSeconds": 1},
        "volumeMounts": [{"name": _CLAIM, "mountPath": _DATA}, {"name": "gate", "mountPath": GATE_FOLDER}],
    }
    claim = {
        "metadata": {"name": _CLAIM},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    return {
        "metadata": {"name": PRIMARY},
        "spec": {
            "serviceName": PRIMARY,
            "replicas": 1,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": PRIMARY_LABELS},
            "template": {"metadata": {"labels": PRIMARY_LABELS}, "spec": {"containers": [container]}},
            "volumeClaimTemplates": [claim],
        },
    }


def create_services(api: Api, namespace: str, password: str, redis_password: str) -> None:
    """Deployments, Services and the Ingress of the six services; they log in through the gate, to both databases."""
    core, apps = f"/api/v1/namespaces/{namespace}", f"/apis/apps/v1/namespaces/{namespace}"
    api.create(f"{core}/secrets", {"metadata": {"name": SECRET}, "stringData": {"password": password}})
    redis = {"metadata": {"name": REDIS_SECRET}, "stringData": {"password": redis_password}}
    api.create(f"{core}/secrets", redis)
    for name in SERVICES:
        api.create(f"{core}/services", _service(name))
        api.create(f"{apps}/deployments", _deployment(name))
    api.create(f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses", _ingress())


def _service(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": _PORT}]},
    }


def _deployment(name: str) -> dict[str, Any]:
    gate, redis = (each.upper().replace("-", "_") for each in (GATE_SERVICE, REDIS_GATE_SERVICE))
    variables: dict[str, Any] = {
        "SERVICE": name,
        "SITE": "prod",
        "PORT": str(_PORT),
        "DATABASE_HOST": f"$({gate}_SERVICE_HOST)",
        "DATABASE_PORT": f"$({gate}_SERVICE_PORT)",
        "DATABASE_NAME": DATABASE,
        "DATABASE_USER": APPLICATION,
        "REDIS_HOST": f"$({redis}_SERVICE_HOST)",
        "REDIS_PORT": f"$({redis}_SERVICE_PORT)",
        "REDIS_USER": REDIS_APPLICATION,
    }
    env = [{"name": key, "value": value} for key, value in variables.items()]
    env.append({"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}})
    env.append({"name": "DATABASE_PASSWORD", "valueFrom": {"secretKeyRef": {"name": SECRET, "key": "password"}}})
    env.append({"name": "REDIS_PASSWORD", "valueFrom": {"secretKeyRef": {"name": REDIS_SECRET, "key": "password"}}})
    container = {
        "name": name,
        "image": f"ultramarket/{name}@{DIGEST}",
        "env": env,
        "ports": [{"containerPort": _PORT}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": _PORT}, "periodSeconds": 1},
    }
    labels = {"app": name}
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def _ingress() -> dict[str, Any]:
    paths = [
        {
            "path": f"/v2/{name}",
            "pathType": "Prefix",
            "backend": {"service": {"name": name, "port": {"number": 80}}},
        }
        for name in SERVICES
    ]
    return {"metadata": {"name": "ultramarket"}, "spec": {"rules": [{"http": {"paths": paths}}]}}
