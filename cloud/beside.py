"""The restored server beside the standby, in the DR cluster: its Deployment, the ConfigMap with its order, its Pods."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from cloud.cluster_room import read_bytes
from cloud.kubernetes_api import KubernetesApi
from recovery.copies.beside import BesideOrder, BesidePod, BesideState
from recovery.errors import Refused
from recovery.names import BESIDE, BESIDE_LABEL

_WAITS = ("ContainerCreating", "PodInitializing", "CrashLoopBackOff")
_LINES = 6


class KubernetesBeside:
    """`recovery.copies.beside.BesideCluster`. Every method raises Unreachable, and Refused when the API says no."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._namespace = namespace
        self._call = KubernetesApi(kubeconfig, namespace).call

    def identity(self) -> dict[str, str]:
        return self._call("GET", f"/api/v1/namespaces/{self._namespace}")["metadata"].get("annotations") or {}

    def state(self) -> BesideState:
        deployments = self._call("GET", f"{self._apps}/deployments")["items"]
        mine = [each for each in deployments if each["metadata"]["name"] == BESIDE]
        if not mine:
            raise Refused(
                f"there is no Deployment {BESIDE} in namespace {self._namespace}",
                next_step="`pulumi up` on the dr stack declares it",
            )
        order = self._call("GET", self._order)
        pods = self._call("GET", f"/api/v1/namespaces/{self._namespace}/pods")["items"]
        (label,) = BESIDE_LABEL.items()
        return BesideState(
            order=_read_order(order.get("data") or {}),
            version=order["metadata"]["resourceVersion"],
            wanted=mine[0]["spec"].get("replicas") or 0,
            disk_bytes=_disk_bytes(mine[0]),
            pods=[_read_pod(each) for each in pods if label in (each["metadata"].get("labels") or {}).items()],
        )

    def write_order(self, order: BesideOrder | None, *, version: str) -> None:
        # With the version that was read, the API server refuses what would overwrite somebody else's.
        # https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
        data = None if order is None else _written(order)
        self._call("PATCH", self._order, {"metadata": {"resourceVersion": version}, "data": data})

    def scale(self, replicas: int) -> None:
        self._call("PATCH", f"{self._apps}/deployments/{BESIDE}/scale", {"spec": {"replicas": replicas}})

    @property
    def _apps(self) -> str:
        return f"/apis/apps/v1/namespaces/{self._namespace}"

    @property
    def _order(self) -> str:
        return f"/api/v1/namespaces/{self._namespace}/configmaps/{BESIDE}"


def _written(order: BesideOrder) -> dict[str, str]:
    written = {"to": order.to, "asked": order.asked, "at": order.at.isoformat()}
    return written | ({"accept_incrementals_of": order.accepts} if order.accepts else {})


def _read_order(data: Mapping[str, str]) -> BesideOrder | None:
    """Raises Refused for what this program did not write."""
    if not data:
        return None
    try:
        at = datetime.fromisoformat(data["at"])
        accepts = data.get("accept_incrementals_of", "")
        return BesideOrder(asked=data["asked"], to=data["to"], at=at, accepts=accepts)
    except (KeyError, ValueError):
        raise Refused(
            f"ConfigMap {BESIDE} says something else than `dr` writes there: {', '.join(sorted(data))}",
            next_step=f"find out who wrote it; to go on: scale Deployment {BESIDE} to 0 and take its data away",
        ) from None


def _disk_bytes(deployment: Mapping[str, Any]) -> int:
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    (claim,) = [each["ephemeral"]["volumeClaimTemplate"]["spec"] for each in volumes if "ephemeral" in each]
    return read_bytes(claim["resources"]["requests"]["storage"])


def _read_pod(pod: Mapping[str, Any]) -> BesidePod:
    status = pod.get("status", {})
    if "deletionTimestamp" in pod["metadata"] or status.get("phase") in ("Failed", "Succeeded"):
        return BesidePod(stage="ending")
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    if conditions.get("PodScheduled", {}).get("status") == "False":
        return BesidePod(stage="waiting", problem=conditions["PodScheduled"].get("message", ""))
    if conditions.get("Ready", {}).get("status") == "True":
        return BesidePod(stage="ready", address=status.get("podIP", ""))
    (restore,) = status.get("initContainerStatuses") or [{}]
    (server,) = status.get("containerStatuses") or [{}]
    restored = (restore.get("state") or {}).get("terminated", {}).get("exitCode") == 0
    container = server if restored else restore
    if problem := _waits(container):
        return BesidePod(stage="waiting", problem=problem)
    problem = _failure(container)
    stage = "starting" if restored else "restoring" if _has_run(restore) else "waiting"
    return BesidePod(stage=stage, problem=problem, failed=bool(problem))


def _waits(container: Mapping[str, Any]) -> str:
    """Why it cannot be started."""
    waiting = (container.get("state") or {}).get("waiting") or {}
    if waiting.get("reason") in (None, *_WAITS):
        return ""
    return f"{waiting['reason']}: {waiting.get('message', '')}"


def _failure(container: Mapping[str, Any]) -> str:
    """The end of what it wrote before it failed last, which the cluster keeps in its status."""
    for name in ("state", "lastState"):
        ended = (container.get(name) or {}).get("terminated") or {}
        if ended.get("exitCode"):
            lines = (ended.get("message") or ended.get("reason") or "").strip().splitlines()[-_LINES:]
            return "\n".join(f"  {line}" for line in lines or [f"exit code {ended['exitCode']}"])
    return ""


def _has_run(container: Mapping[str, Any]) -> bool:
    return bool(container.get("lastState")) or bool((container.get("state") or {}).keys() - {"waiting"})
