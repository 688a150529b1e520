"""The DR cluster through the official Kubernetes client: one namespace, reads and the scale subresource."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from recovery.errors import Refused, Unreachable
from recovery.ports import DeploymentState

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
    """`namespace` of the cluster in `kubeconfig`. The client is loaded on first use: importing it takes long.

    Every method raises Unreachable when the API does not answer, and Refused when it says no.
    """

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace

    def identity(self) -> dict[str, str]:
        """Annotations of the namespace."""
        found = self._call(lambda: self._core.read_namespace(self.namespace, _request_timeout=_TIMEOUT))
        return dict(found.metadata.annotations or {})

    def deployments(self) -> dict[str, DeploymentState]:
        """Every Deployment; where Pods are missing, with what the cluster says about it."""
        found = self._call(
            lambda: self._apps.list_namespaced_deployment(self.namespace, _request_timeout=_TIMEOUT)
        ).items
        short = any((item.status.ready_replicas or 0) < (item.spec.replicas or 0) for item in found)
        pods = (
            self._call(lambda: self._core.list_namespaced_pod(self.namespace, _request_timeout=_TIMEOUT)).items
            if short
            else []
        )
        return {item.metadata.name: _state(item, pods) for item in found}

    def scale(self, name: str, replicas: int) -> None:
        """Set the scale subresource; setting it again changes nothing."""
        body = {"spec": {"replicas": replicas}}
        self._call(
            lambda: self._apps.patch_namespaced_deployment_scale(name, self.namespace, body, _request_timeout=_TIMEOUT)
        )

    @cached_property
    def _api(self) -> Any:
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
        return client.ApiClient(settings)

    @cached_property
    def _core(self) -> Any:
        from kubernetes import client

        return client.CoreV1Api(self._api)

    @cached_property
    def _apps(self) -> Any:
        from kubernetes import client

        return client.AppsV1Api(self._api)

    def _call(self, request: Any) -> Any:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return request()
        except ApiException as error:
            said = f"{error.status} {error.reason}"
            if error.status and error.status < 500 and error.status not in (408, 429):
                raise Refused(
                    f"the DR cluster's API says no in namespace {self.namespace}: {said}",
                    next_step="check the credentials of the kubeconfig and your access to the namespace",
                ) from None
            raise Unreachable(f"the DR cluster's API failed: {said}") from None
        except (HTTPError, OSError) as error:
            raise Unreachable(
                f"the DR cluster's API does not answer: {error}", next_step="check the network path to the cluster"
            ) from None


def _state(deployment: Any, pods: list[Any]) -> DeploymentState:
    wanted, ready = deployment.spec.replicas or 0, deployment.status.ready_replicas or 0
    problems: list[str] = []
    if ready < wanted:
        labels = deployment.spec.selector.match_labels or {}
        mine = [pod for pod in pods if labels.items() <= (pod.metadata.labels or {}).items()]
        problems = [word for pod in mine for word in _pod_problems(pod)] + [
            f"{condition.reason}: {condition.message}"
            for condition in deployment.status.conditions or []
            if condition.type == "ReplicaFailure" and condition.status == "True"
        ]
    return DeploymentState(
        name=deployment.metadata.name, wanted=wanted, ready=ready, problems=tuple(dict.fromkeys(problems))
    )


def _pod_problems(pod: Any) -> list[str]:
    """Why a Pod does not run: not scheduled, image not there, crashing."""
    found: list[str] = []
    for condition in pod.status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            found.append(f"Pending: {condition.message or condition.reason}")
    for status in pod.status.container_statuses or []:
        waiting = status.state.waiting if status.state else None
        if waiting and waiting.reason not in (None, "ContainerCreating", "PodInitializing"):
            found.append(f"{waiting.reason}: {waiting.message or pod.metadata.name}")
    return found


def replicas(states: Mapping[str, DeploymentState]) -> dict[str, int]:
    """Ready replicas by name."""
    return {name: state.ready for name, state in states.items()}
