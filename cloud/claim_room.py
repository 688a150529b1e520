"""The DR cluster's namespace for restores into claims: claims, Jobs, their Pods."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloud.cluster_room import read_bytes
from cloud.kubernetes_api import Absent, KubernetesApi
from cloud.server_order import last_words, waits
from recovery.copies.claim_restore import Claim, ClaimJob
from recovery.errors import Refused
from recovery.names import DISK_CLASS, RESTORE_NAMESPACE, RESTORE_TEMPLATE
from recovery.site.claim_restore import ASKED, TO, job_name

_WRITABLE = {"ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"}
_OVER = ("Succeeded", "Failed")


class KubernetesClaimRoom:
    """`recovery.copies.claim_restore.ClaimRoom`."""

    def __init__(self, kubeconfig: Path) -> None:
        self._call = KubernetesApi(kubeconfig, RESTORE_NAMESPACE).call

    def identity(self) -> dict[str, str]:
        try:
            found = self._call("GET", f"/api/v1/namespaces/{RESTORE_NAMESPACE}")
        except Absent:
            raise Refused(
                f"there is no namespace {RESTORE_NAMESPACE}", next_step="`pulumi up` on the dr stack declares it"
            ) from None
        return found["metadata"].get("annotations") or {}

    def claim(self, name: str) -> Claim:
        try:
            found = self._call("GET", _core("persistentvolumeclaims", name))
        except Absent:
            raise Refused(
                f"there is no claim {name} in namespace {RESTORE_NAMESPACE}",
                next_step=f"make one there (kubectl apply), of StorageClass {DISK_CLASS}",
            ) from None
        users = [each["metadata"]["name"] for each in self._pods() if _mounts(each, name) and not _of(each, name)]
        status, spec = found.get("status") or {}, found["spec"]
        size = (status.get("capacity") or {}).get("storage") or spec["resources"]["requests"]["storage"]
        return Claim(name=name, bytes=read_bytes(size), problem=_problem(found), users=tuple(sorted(users)))

    def job(self, claim: str) -> ClaimJob | None:
        try:
            found = self._call("GET", _jobs(job_name(claim)))
        except Absent:
            return None
        if "deletionTimestamp" in found["metadata"]:
            return None
        annotations = found["metadata"].get("annotations") or {}
        if ASKED not in annotations or TO not in annotations:
            name = job_name(claim)
            raise Refused(
                f"Job {name} was made by somebody else than `dr`: it does not say what it restores",
                next_step=f"find out who; to go on: kubectl delete job --namespace {RESTORE_NAMESPACE} {name}",
            )
        read = {"asked": annotations[ASKED], "to": annotations[TO]}
        ends = {
            each["type"] for each in (found.get("status") or {}).get("conditions") or [] if each["status"] == "True"
        }
        pods = sorted((each for each in self._pods() if _of(each, claim)), key=_made)
        if "Complete" in ends:
            return ClaimJob(stage="done", **read)
        if "Failed" in ends:
            return ClaimJob(stage="failed", words=_failure(pods) or _reason(found), **read)
        status = (pods[-1].get("status") or {}) if pods else {}
        running = status.get("phase") == "Running"
        return ClaimJob(stage="restoring" if running else "waiting", words=_waiting(status), **read)

    def template(self) -> Mapping[str, Any]:
        path = f"/apis/batch/v1/namespaces/{RESTORE_NAMESPACE}/cronjobs/{RESTORE_TEMPLATE}"
        return self._call("GET", path)

    def create(self, job: Mapping[str, Any]) -> None:
        self._call("POST", _jobs(), job)

    def delete(self, claim: str) -> None:
        try:
            self._call("DELETE", _jobs(job_name(claim)), {"propagationPolicy": "Foreground"})
        except Absent:
            return

    def gone(self, claim: str) -> bool:
        try:
            self._call("GET", _jobs(job_name(claim)))
        except Absent:
            return not [each for each in self._pods() if _of(each, claim)]
        return False

    def _pods(self) -> list[Mapping[str, Any]]:
        return self._call("GET", _core("pods"))["items"]


def _core(kind: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{RESTORE_NAMESPACE}/{kind}" + (f"/{name}" if name else "")


def _jobs(name: str = "") -> str:
    return f"/apis/batch/v1/namespaces/{RESTORE_NAMESPACE}/jobs" + (f"/{name}" if name else "")


def _problem(claim: Mapping[str, Any]) -> str:
    if "deletionTimestamp" in claim["metadata"]:
        return "is on its way out"
    if claim["spec"].get("volumeMode") == "Block":
        return "is a block device"
    if not _WRITABLE & set(claim["spec"].get("accessModes") or []):
        return "can only be read"
    return "has lost its disk" if (claim.get("status") or {}).get("phase") == "Lost" else ""


def _mounts(pod: Mapping[str, Any], claim: str) -> bool:
    volumes = pod["spec"].get("volumes") or []
    uses = claim in [(each.get("persistentVolumeClaim") or {}).get("claimName") for each in volumes]
    return uses and (pod.get("status") or {}).get("phase") not in _OVER


def _of(pod: Mapping[str, Any], claim: str) -> bool:
    owners = pod["metadata"].get("ownerReferences") or []
    return any(each["kind"] == "Job" and each["name"] == job_name(claim) for each in owners)


def _made(pod: Mapping[str, Any]) -> str:
    return pod["metadata"]["creationTimestamp"]


def _waiting(status: Mapping[str, Any]) -> str:
    """Why it does not run yet."""
    for each in status.get("conditions") or []:
        if each["type"] == "PodScheduled" and each["status"] == "False":
            return each.get("message", "")
    return next((words for each in status.get("containerStatuses") or [] if (words := waits(each))), "")


def _failure(pods: list[Mapping[str, Any]]) -> str:
    """The last words of the last Pod that said some."""
    found = [last_words(each) for pod in pods for each in (pod.get("status") or {}).get("containerStatuses") or []]
    return next((words for words in reversed(found) if words), "")


def _reason(job: Mapping[str, Any]) -> str:
    """Kubernetes' own words, when no Pod is left to ask."""
    return next(
        f"  {each.get('reason', '')}: {each.get('message', '')}"
        for each in job["status"]["conditions"]
        if each["type"] == "Failed"
    )
