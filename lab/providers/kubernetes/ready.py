"""Waiting until what was applied works, as the real provider does, with an end after a minute and a diagnosis."""

import time
from typing import Any

from lab.providers.base import Inputs
from lab.providers.kubernetes.cluster import Cluster, Refused

WAIT_SECONDS = 60.0
"""The real provider waits 10 minutes; nothing in the lab takes a tenth of that."""
POLL_SECONDS = 0.2


class NotReady(Exception):
    """Raised when the time is over or the object says that it failed."""


def wait_until_ready(cluster: Cluster, path: str, applied: Inputs, seconds: float) -> None:
    """Return when the object is ready; at once for kinds that have nothing to wait for. Raises NotReady."""
    check = _CHECKS.get(applied["kind"])
    if check is None:
        return
    deadline = time.monotonic() + seconds
    while True:
        live = cluster.get(path)
        lacking = "it was deleted" if live is None else check(live)
        if not lacking:
            return
        if time.monotonic() >= deadline:
            raise NotReady(f"not ready after {seconds:g} s: {lacking}{_diagnosis(cluster, path, applied)}")
        time.sleep(POLL_SECONDS)


def wait_until_gone(cluster: Cluster, path: str, uid: str, seconds: float = WAIT_SECONDS) -> None:
    """Return when the object is gone or another one has its name. Raises NotReady."""
    deadline = time.monotonic() + seconds
    while True:
        live = cluster.get(path)
        if live is None or live["metadata"]["uid"] != uid:
            return
        if time.monotonic() >= deadline:
            held = ", ".join(live["metadata"].get("finalizers") or []) or "nothing that it tells"
            raise NotReady(f"still there {seconds:g} s after its deletion, held by {held}")
        time.sleep(POLL_SECONDS)


def _deployment(live: Inputs) -> str:
    wanted, status = live["spec"].get("replicas", 1), live.get("status", {})
    for condition in status.get("conditions", []):
        if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            raise NotReady(condition.get("message", "progress deadline exceeded"))
    return _replicas(live, wanted, status.get("updatedReplicas", 0), status.get("availableReplicas", 0))


def _stateful_set(live: Inputs) -> str:
    wanted, status = live["spec"].get("replicas", 1), live.get("status", {})
    same = status.get("currentRevision") == status.get("updateRevision")
    updated = status.get("replicas", 0) if same else status.get("updatedReplicas", 0)
    return _replicas(live, wanted, updated, status.get("readyReplicas", 0))


def _replicas(live: Inputs, wanted: int, updated: int, ready: int) -> str:
    status = live.get("status", {})
    if status.get("observedGeneration", 0) < live["metadata"]["generation"]:
        return "its controller has not seen it yet"
    if min(updated, ready) < wanted or status.get("replicas", 0) > max(wanted, updated):
        return f"{ready} of {wanted} replicas ready, {updated} up to date"
    return ""


def _job(live: Inputs) -> str:
    for condition in live.get("status", {}).get("conditions", []):
        if condition["status"] == "True" and condition["type"] == "Failed":
            raise NotReady(f"the job failed: {condition.get('message', '')}")
        if condition["status"] == "True" and condition["type"] in ("Complete", "SuccessCriteriaMet"):
            return ""
    return "the job is not complete"


def _namespace(live: Inputs) -> str:
    phase = live.get("status", {}).get("phase")
    return "" if phase in (None, "Active") else f"its phase is {phase}"


_CHECKS: dict[str, Any] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "Job": _job,
    "Namespace": _namespace,
}


def _diagnosis(cluster: Cluster, path: str, applied: Inputs) -> str:
    """What its Pods say, at most three of them."""
    labels = applied.get("spec", {}).get("selector", {}).get("matchLabels")
    if not labels or "/namespaces/" not in path:
        return ""
    namespace = path.split("/namespaces/")[1].split("/")[0]
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    try:
        pods = cluster.request("GET", f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)["items"]
    except Refused:
        return ""
    said = [f"{pod['metadata']['name']}: {_pod(pod)}" for pod in pods[:3]]
    return "; " + ("; ".join(said) if said else "it has no Pods")


def _pod(pod: Inputs) -> str:
    status = pod.get("status", {})
    for container in status.get("containerStatuses", []):
        waiting = container.get("state", {}).get("waiting")
        if waiting:
            return f"{waiting.get('reason')} {waiting.get('message', '')}".strip()
    return status.get("phase", "no phase")
