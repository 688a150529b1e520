"""Production as UltraMarket has it, as far as recovery needs it: six services behind the gate, and their ingress."""

from typing import Any

from kubernetes import client

from lab.primary import APPLICATION, DATABASE
from recovery.names import GATE_SERVICE
from recovery.plan import SERVICES

DIGEST = "sha256:" + "0" * 64
SECRET = "ultramarket-database"
_PORT = 8080


def create_namespace(api: client.ApiClient, namespace: str) -> None:
    """The namespace exists before any of our stacks."""
    client.CoreV1Api(api).create_namespace({"metadata": {"name": namespace}})


def create_services(api: client.ApiClient, namespace: str, password: str) -> None:
    """Deployments, Services and the Ingress of the six services; they log in through the gate."""
    core = client.CoreV1Api(api)
    core.create_namespaced_secret(namespace, {"metadata": {"name": SECRET}, "stringData": {"password": password}})
    for name in SERVICES:
        core.create_namespaced_service(namespace, _service(name))
        client.AppsV1Api(api).create_namespaced_deployment(namespace, _deployment(name))
    client.NetworkingV1Api(api).create_namespaced_ingress(namespace, _ingress())


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
