"""What a container needs to know of its Pod."""

from collections.abc import Callable
from dataclasses import dataclass

from lab.kubernetes.api import ApiError, Object
from lab.kubernetes.node import Node
from lab.kubernetes.volumes import PodVolumes

DEFAULT_GRACE_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class PodContext:
    """One Pod on this node. `changed` is called whenever something in its status may have changed."""

    node: Node
    pod: Object
    address: str
    volumes: PodVolumes
    changed: Callable[[], None]

    @property
    def name(self) -> str:
        return self.pod["metadata"]["name"]

    @property
    def namespace(self) -> str:
        return self.pod["metadata"]["namespace"]

    @property
    def uid(self) -> str:
        return self.pod["metadata"]["uid"]

    @property
    def path(self) -> str:
        """Its address in the API."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"

    @property
    def grace_seconds(self) -> float:
        return float(self.pod["spec"].get("terminationGracePeriodSeconds", DEFAULT_GRACE_SECONDS))

    def fetch(self, kind: str, name: str) -> Object:
        """Read an object of the Pod's namespace. Raises ApiError."""
        return self.node.api.get(f"/api/v1/namespaces/{self.namespace}/{kind}/{name}")

    def token(self, wanted: Object) -> str:
        """A service account token for a projected volume, worth something while the Pod is there. Raises ApiError."""
        account = self.pod["spec"].get("serviceAccountName", "default")
        spec: Object = {
            "expirationSeconds": wanted.get("expirationSeconds", 3600),
            "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": self.name, "uid": self.uid},
        }
        if wanted.get("audience"):
            spec["audiences"] = [wanted["audience"]]
        answer = self.node.api.create(
            f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{account}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec},
        )
        return answer["status"]["token"]

    def bind_claims(self) -> None:
        """Give each of the Pod's claims its volume, a directory here, and mark it as Bound. Raises ApiError."""
        for volume in self.pod["spec"].get("volumes", []):
            if "persistentVolumeClaim" not in volume:
                continue
            name = volume["persistentVolumeClaim"]["claimName"]
            claim = self.fetch("persistentvolumeclaims", name)
            self.volumes.claimed(name, claim["metadata"]["uid"])
            if claim.get("status", {}).get("phase") != "Bound":
                self._provision(claim)
                bound = {
                    "phase": "Bound",
                    "accessModes": claim["spec"].get("accessModes", []),
                    "capacity": claim["spec"].get("resources", {}).get("requests", {}),
                }
                path = f"/api/v1/namespaces/{self.namespace}/persistentvolumeclaims/{name}/status"
                self.node.api.merge(path, {"status": bound})

    def _provision(self, claim: Object) -> None:
        """The volume's object, as a driver makes it: what becomes of it without its claim, its class says. Nothing here
        deletes one."""
        meta, spec = claim["metadata"], claim["spec"]
        volume, named = f"pvc-{meta['uid']}", spec.get("storageClassName") or ""
        if spec.get("volumeName"):
            return
        made: Object = {
            "capacity": spec.get("resources", {}).get("requests", {}),
            "accessModes": spec.get("accessModes", []),
            "persistentVolumeReclaimPolicy": self._reclaims(named),
            "storageClassName": named,
            "claimRef": {"kind": "PersistentVolumeClaim", "namespace": self.namespace, "name": meta["name"]},
            "hostPath": {"path": "/lab"},
        }
        made["claimRef"]["uid"] = meta["uid"]
        try:
            self.node.api.create("/api/v1/persistentvolumes", {"metadata": {"name": volume}, "spec": made})
        except ApiError as error:
            if error.status != 409:
                raise
        path = f"/api/v1/namespaces/{self.namespace}/persistentvolumeclaims/{meta['name']}"
        self.node.api.merge(path, {"spec": {"volumeName": volume}})

    def _reclaims(self, storage_class: str) -> str:
        """https://kubernetes.io/docs/concepts/storage/storage-classes/#reclaim-policy"""
        try:
            found = self.node.api.get(f"/apis/storage.k8s.io/v1/storageclasses/{storage_class}")
        except ApiError as error:
            if error.status != 404:
                raise
            return "Delete"
        return found.get("reclaimPolicy") or "Delete"
