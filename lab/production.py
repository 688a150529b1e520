"""Production as UltraMarket has it, as far as recovery needs it: six services behind the gate, and their ingress."""

from typing import Any

from lab.kubernetes.api import Api
from lab.primary import APPLICATION, DATABASE
from recovery.names import GATE_SERVICE
from recovery.plan import SERVICES

DIGEST = "sha256:" + "0" * 64
SECRET = "ultramarket-database"
_PORT = 8080


def create_namespace(api: Api, namespace: str) -> None:
    """The namespace exists before any of our stacks."""
    api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})


def create_services(api: Api, namespace: str, password: str) -> None:
    """Deployments, Services and the Ingress of the six services; they log in through the gate."""
    core, apps = f"/api/v1/namespaces/{namespace}", f"/apis/apps/v1/namespaces/{namespace}"
    api.create(f"{core}/secrets", {"metadata": {"name": SECRET}, "stringData": {"password": password}})
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
    gate = GATE_SERVICE.upper().replace("-", "_")
    variables: dict[str, Any] = {
        "SERVICE": name,
        "SITE": "prod",
        "PORT": str(_PORT),
        "DATABASE_HOST": f"$({gate}_SERVICE_HOST)",
        "DATABASE_PORT": f"$({gate}_SERVICE_PORT)",
        "DATABASE_NAME": DATABASE,
        "DATABASE_USER": APPLICATION,
    }
    env = [{"name": key, "value": value} for key, value in variables.items()]
    env.append({"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}})
    env.append({"name": "DATABASE_PASSWORD", "valueFrom": {"secretKeyRef": {"name": SECRET, "key": "password"}}})
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
