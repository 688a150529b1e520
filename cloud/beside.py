"""The restored server beside the standby, in the DR cluster: its Deployment, the ConfigMap with its order, its Pods."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloud.cluster_room import read_bytes
from cloud.kubernetes_api import KubernetesApi
from cloud.server_order import change, read_order, read_pod
from recovery.copies.beside import BesideState
from recovery.copies.server_order import ServerOrder
from recovery.errors import Refused
from recovery.names import BESIDE, BESIDE_LABEL


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
            order=read_order(order, f"scale Deployment {BESIDE} to 0 and take its data away"),
            version=order["metadata"]["resourceVersion"],
            wanted=mine[0]["spec"].get("replicas") or 0,
            disk_bytes=_disk_bytes(mine[0]),
            pods=[read_pod(each) for each in pods if label in (each["metadata"].get("labels") or {}).items()],
        )

    def write_order(self, order: ServerOrder | None, *, version: str) -> None:
        self._call("PATCH", self._order, change(order, version))

    def scale(self, replicas: int) -> None:
        self._call("PATCH", f"{self._apps}/deployments/{BESIDE}/scale", {"spec": {"replicas": replicas}})

    @property
    def _apps(self) -> str:
        return f"/apis/apps/v1/namespaces/{self._namespace}"

    @property
    def _order(self) -> str:
        return f"/api/v1/namespaces/{self._namespace}/configmaps/{BESIDE}"


def _disk_bytes(deployment: Mapping[str, Any]) -> int:
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    (claim,) = [each["ephemeral"]["volumeClaimTemplate"]["spec"] for each in volumes if "ephemeral" in each]
    return read_bytes(claim["resources"]["requests"]["storage"])
