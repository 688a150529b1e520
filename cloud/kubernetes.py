"""The DR cluster through the official Kubernetes client: one namespace, reads and the scale subresource; and
what its nodes have left."""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from cloud.cluster_jobs import read_jobs
from cloud.cluster_room import read_bytes, read_room
from recovery.errors import Refused, Unreachable
from recovery.names import GUARD_CONTAINER
from recovery.ports import ClusterRoom, DeploymentState, GuardState, ScheduledJobs

_TIMEOUT = (1.5, 3.0)  # connect, read; seconds


def server_of(kubeconfig: Path) -> str:
    """The API server of the current context. Raises Refused when the file is no kubeconfig."""
    try:
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        named = {item["name"]: item for item in config["contexts"]}
        cluster = named[config["current-context"]]["context"]["cluster"]
        return next(item["cluster"]["server"] for item in config["clusters"] if item["name"] == cluster)
    except OSError as error:
        raise Refused(
            f"kubeconfig {kubeconfig} cannot be read: {error.strerror}", next_step="name it with --kubeconfig"
        ) from None
    except (yaml.YAMLError, KeyError, TypeError, StopIteration, UnicodeDecodeError):
        raise Refused(
            f"{kubeconfig} is not a kubeconfig with a current context",
            next_step="make one with `aws eks update-kubeconfig`, or name another with --kubeconfig",
        ) from None


class KubernetesCluster:
    """`namespace` of the cluster in `kubeconfig`. The official client logs in (tokens, certificates, exec plug-ins);
    requests are plain HTTP, because loading its classes for every kind takes longer than a whole `dr status` may.

    Every method raises Unreachable when the API does not answer, and Refused when it says no.
    """

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace

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

    @cached_property
    def _login(self) -> Any:
        """The client's settings: server, certificates, credentials. Loaded on first use: it takes half a second."""
        from kubernetes import client, config
        from kubernetes.config.config_exception import ConfigException

        settings = client.Configuration()
        try:
            config.load_kube_config(config_file=str(self.kubeconfig), client_configuration=settings)
        except (ConfigException, OSError, ValueError, TypeError) as error:
            raise Refused(
                f"kubeconfig {self.kubeconfig} does not work: {error}", next_step="name another with --kubeconfig"
            ) from None
        settings.retries = False
        return settings

    @cached_property
    def _connections(self) -> Any:
        from kubernetes.client.rest import RESTClientObject

        return RESTClientObject(self._login).pool_manager

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        # Asked for each time: credentials of an exec plug-in are renewed in it.
        login = {each["key"]: each["value"] for each in self._login.auth_settings().values() if each["in"] == "header"}
        content = {
            "PATCH": {"Content-Type": "application/merge-patch+json"},
            "POST": {"Content-Type": "application/json"},
        }
        try:
            answer = self._connections.request(
                method,
                self._login.host.rstrip("/") + path,
                headers={"Accept": "application/json", **login, **content.get(method, {})},
                body=None if body is None else json.dumps(body),
                timeout=Timeout(connect=_TIMEOUT[0], read=_TIMEOUT[1]),
                retries=False,
            )
            said = f"{answer.status} {answer.reason}"
            if 200 <= answer.status < 300:
                return answer.json()
        except ValueError:
            raise Unreachable("the DR cluster's API answers with something else than JSON") from None
        except (HTTPError, OSError) as error:
            raise Unreachable(
                f"the DR cluster's API does not answer: {error}", next_step="check the network path to the cluster"
            ) from None
        if answer.status < 500 and answer.status not in (408, 429):
            raise Refused(
                f"the DR cluster's API says no in namespace {self.namespace}: {said}",
                next_step="check the credentials of the kubeconfig and your access to the namespace",
            )
        raise Unreachable(f"the DR cluster's API failed: {said}")


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
