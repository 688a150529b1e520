"""The DR cluster through Kubernetes' API: one namespace, reads and the scale subresource;
and what its nodes have left."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloud.cluster_jobs import read_jobs
from cloud.cluster_room import read_bytes, read_room
from cloud.kubernetes_api import KubernetesApi
from cloud.kubernetes_login import server_of
from recovery.errors import Unreachable
from recovery.names import GUARD_CONTAINER
from recovery.ports.cluster import ClusterRoom, DeploymentState, GuardState, ScheduledJobs


class KubernetesCluster:
    """`namespace` of the cluster in `kubeconfig`.

    Every method raises Unreachable when the API does not answer, and Refused when it says no.
    """

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace
        self._call = KubernetesApi(kubeconfig, namespace).call

    def server(self) -> str:
        """The API server that the kubeconfig names. Raises Refused."""
        return server_of(self.kubeconfig)

    def identity(self) -> dict[str, str]:
        """Annotations of the namespace."""
        return self._call("GET", f"/api/v1/namespaces/{self.namespace}")["metadata"].get("annotations") or {}

    def deployments(self) -> dict[str, DeploymentState]:
        """Every Deployment; where Pods are missing, with what the cluster says about it."""
        found = self._call("GET", f"/apis/apps/v1/namespaces/{self.namespace}/deployments")["items"]
        short = any(_ready(item) < _wanted(item) for item in found)
        pods = self._call("GET", f"/api/v1/namespaces/{self.namespace}/pods")["items"] if short else []
        return {item["metadata"]["name"]: _state(item, pods) for item in found}

    def room(self) -> ClusterRoom:
        """What is free on the nodes: reads Nodes, and Pods of all namespaces."""
        nodes = self._call("GET", "/api/v1/nodes")["items"]
        pods = self._call("GET", "/api/v1/pods")["items"]
        deployments = self._call("GET", f"/apis/apps/v1/namespaces/{self.namespace}/deployments")["items"]
        return read_room(nodes, pods, deployments, self.namespace)

    def scheduled_jobs(self) -> tuple[ScheduledJobs, ...]:
        """Every CronJob, and what became of its Jobs."""
        at = f"/apis/batch/v1/namespaces/{self.namespace}"
        return read_jobs(self._call("GET", f"{at}/cronjobs")["items"], self._call("GET", f"{at}/jobs")["items"])

    def disk_bytes(self, claim: str) -> int:
        """The capacity of a claim's volume. Raises Unreachable while it has none."""
        found = self._call("GET", f"/api/v1/namespaces/{self.namespace}/persistentvolumeclaims/{claim}")
        capacity = (found.get("status") or {}).get("capacity") or {}
        if "storage" not in capacity:
            raise Unreachable(f"claim {claim} has no volume yet")
        return read_bytes(capacity["storage"])

    def guard(self) -> GuardState | None:
        """The container beside the database. A Pod that is being replaced by another counts only when it is alone."""
        pods = self._call("GET", f"/api/v1/namespaces/{self.namespace}/pods")["items"]
        mine = [pod for pod in pods if any(each["name"] == GUARD_CONTAINER for each in pod["spec"]["containers"])]
        mine.sort(key=lambda pod: "deletionTimestamp" in pod["metadata"])
        return _guard_state(mine[0]) if mine else None

    def scale(self, name: str, replicas: int) -> None:
        """Set the scale subresource; setting it again changes nothing."""
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{name}/scale"
        self._call("PATCH", path, {"spec": {"replicas": replicas}})

    def may_scale(self) -> bool:
        """Whether these credentials may scale Deployments here: the cluster says so without doing it.

        https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
        """
        wanted = {"namespace": self.namespace, "verb": "patch", "group": "apps", "resource": "deployments"}
        review = {"spec": {"resourceAttributes": {**wanted, "subresource": "scale"}}}
        found = self._call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        return bool(found["status"]["allowed"])


def _wanted(deployment: Mapping[str, Any]) -> int:
    return deployment["spec"].get("replicas") or 0


def _ready(deployment: Mapping[str, Any]) -> int:
    return deployment.get("status", {}).get("readyReplicas") or 0


def _state(deployment: Mapping[str, Any], pods: list[Any]) -> DeploymentState:
    wanted, ready = _wanted(deployment), _ready(deployment)
    problems: list[str] = []
    if ready < wanted:
        labels = deployment["spec"]["selector"].get("matchLabels") or {}
        mine = [pod for pod in pods if labels.items() <= (pod["metadata"].get("labels") or {}).items()]
        problems = [word for pod in mine for word in _pod_problems(pod)] + [
            f"{condition.get('reason')}: {condition.get('message')}"
            for condition in deployment.get("status", {}).get("conditions") or []
            if condition["type"] == "ReplicaFailure" and condition["status"] == "True"
        ]
    return DeploymentState(
        name=deployment["metadata"]["name"], wanted=wanted, ready=ready, problems=tuple(dict.fromkeys(problems))
    )


def _guard_state(pod: Mapping[str, Any]) -> GuardState:
    statuses = pod.get("status", {}).get("containerStatuses") or []
    mine = [each for each in statuses if each["name"] == GUARD_CONTAINER]
    alone = {**pod, "status": {**pod.get("status", {}), "containerStatuses": mine}}
    running = any("running" in (each.get("state") or {}) for each in mine)
    return GuardState(running=running, problems=tuple(_pod_problems(alone)))


def _pod_problems(pod: Mapping[str, Any]) -> list[str]:
    """Why a Pod does not run: not scheduled, image not there, crashing."""
    found: list[str] = []
    status = pod.get("status", {})
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            found.append(f"Pending: {condition.get('message') or condition.get('reason')}")
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            found.append(f"{waiting['reason']}: {waiting.get('message') or pod['metadata']['name']}")
    return found


def replicas(states: Mapping[str, DeploymentState]) -> dict[str, int]:
    """Ready replicas by name."""
    return {name: state.ready for name, state in states.items()}
