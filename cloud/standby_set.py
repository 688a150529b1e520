"""The standby's StatefulSet in the DR cluster: the ConfigMap with its order, its Pod, and the claim of its disk."""

from pathlib import Path
from typing import Any

from cloud.cluster_room import read_bytes
from cloud.kubernetes_api import Absent, KubernetesApi
from cloud.server_order import change, read_order, read_pod
from recovery.copies.server_order import ServerOrder
from recovery.copies.standby_set import DiskClaim, StandbySetState
from recovery.names import STANDBY, STANDBY_CLAIM, STANDBY_LABEL, STANDBY_ORDER


class KubernetesStandbySet:
    """`recovery.copies.standby_set.StandbySet`. Every method raises Unreachable, and Refused when the API says no."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._core = f"/api/v1/namespaces/{namespace}"
        self._set = f"/apis/apps/v1/namespaces/{namespace}/statefulsets/{STANDBY}"
        self._order = f"{self._core}/configmaps/{STANDBY_ORDER}"
        self._claim = f"{self._core}/persistentvolumeclaims/{STANDBY_CLAIM}"
        self._call = KubernetesApi(kubeconfig, namespace).call

    def state(self) -> StandbySetState:
        order, declared = self._call("GET", self._order), self._call("GET", self._set)
        pods = self._call("GET", f"{self._core}/pods")["items"]
        (label,) = STANDBY_LABEL.items()
        (disk,) = declared["spec"]["volumeClaimTemplates"]
        return StandbySetState(
            order=read_order(order, "take its data away: docs/runbooks/corruption.md"),
            version=order["metadata"]["resourceVersion"],
            wanted=declared["spec"].get("replicas") or 0,
            disk_bytes=read_bytes(disk["spec"]["resources"]["requests"]["storage"]),
            pods=[read_pod(each) for each in pods if label in (each["metadata"].get("labels") or {}).items()],
            claim=self._claimed(),
        )

    def write_order(self, order: ServerOrder | None, *, version: str) -> None:
        self._call("PATCH", self._order, change(order, version))

    def scale(self, replicas: int) -> None:
        self._call("PATCH", f"{self._set}/scale", {"spec": {"replicas": replicas}})

    def release(self, claim: DiskClaim) -> None:
        # https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/delete-options/
        self._call("DELETE", self._claim, {"preconditions": {"uid": claim.uid}})

    def _claimed(self) -> DiskClaim | None:
        try:
            found = self._call("GET", self._claim)
        except Absent:
            return None
        volume = found["spec"].get("volumeName") or ""
        return DiskClaim(
            uid=found["metadata"]["uid"],
            volume=volume,
            retained=not volume or self._is_retained(volume),
            leaving="deletionTimestamp" in found["metadata"],
        )

    def _is_retained(self, volume: str) -> bool:
        """https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming"""
        try:
            found: Any = self._call("GET", f"/api/v1/persistentvolumes/{volume}")
        except Absent:
            return False
        return found["spec"].get("persistentVolumeReclaimPolicy") == "Retain"
