"""What a cluster's nodes still have for new Pods, from the API's own objects: allocatable less what Pods ask for."""

from collections.abc import Iterable, Mapping
from typing import Any

from recovery.errors import Unreachable
from recovery.ports.cluster import ClusterRoom, Room

_GONE = ("Succeeded", "Failed")
_MEBIBYTE = 2**20
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_UNITS = {
    **{"m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12},
    **{"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40},
}


def read_room(nodes: Iterable[Any], pods: Iterable[Any], deployments: Iterable[Any], namespace: str) -> ClusterRoom:
    """`pods` are of all namespaces, `deployments` of `namespace`. Raises Unreachable for what cannot be read."""
    try:
        return _room(list(nodes), list(pods), list(deployments), namespace)
    except (KeyError, TypeError, ValueError) as error:
        raise Unreachable(f"the cluster's nodes and Pods cannot be understood: {error!r}") from None


def read_bytes(quantity: object) -> int:
    """A size as Kubernetes writes it. Raises Unreachable for what is none."""
    try:
        return int(_number(quantity))
    except (KeyError, ValueError):
        raise Unreachable(f"the cluster says a size that cannot be understood: {quantity!r}") from None


def _room(nodes: list[Any], pods: list[Any], deployments: list[Any], namespace: str) -> ClusterRoom:
    closed = {node["metadata"]["name"]: why for node in nodes if (why := _closed(node))}
    free = {
        node["metadata"]["name"]: _resources(node["status"]["allocatable"])
        for node in nodes
        if node["metadata"]["name"] not in closed
    }
    running = [pod for pod in pods if pod.get("status", {}).get("phase") not in _GONE and _node(pod) in free]
    for pod in running:
        had, asked = free[_node(pod)], _asked(pod["spec"])
        free[_node(pod)] = Room(
            millicores=had.millicores - asked.millicores,
            mebibytes=had.mebibytes - asked.mebibytes,
            pods=had.pods - 1,
        )
    placed: dict[str, int] = {}
    for each in deployments:
        labels = (each["spec"]["selector"].get("matchLabels") or {}).items()
        placed[each["metadata"]["name"]] = sum(
            pod["metadata"].get("namespace") == namespace and labels <= (pod["metadata"].get("labels") or {}).items()
            for pod in running
        )
    sizes = {each["metadata"]["name"]: _asked(each["spec"]["template"]["spec"]) for each in deployments}
    return ClusterRoom(free=free, closed=closed, placed=placed, sizes=sizes)


def _node(pod: Mapping[str, Any]) -> str:
    return str(pod["spec"].get("nodeName") or "")


def _closed(node: Mapping[str, Any]) -> str:
    """Why it takes no new Pods; empty when it does."""
    conditions = {each["type"]: each["status"] for each in node.get("status", {}).get("conditions") or []}
    if conditions.get("Ready") != "True":
        return "not ready"
    if node.get("spec", {}).get("unschedulable"):
        return "cordoned"
    taints = [
        taint["key"] for taint in node.get("spec", {}).get("taints") or [] if taint["effect"] != "PreferNoSchedule"
    ]
    return f"tainted {', '.join(taints)}" if taints else ""


def _resources(found: Mapping[str, Any]) -> Room:
    return Room(
        millicores=int(_number(found.get("cpu", "0")) * 1000),
        mebibytes=int(_number(found.get("memory", "0")) / _MEBIBYTE),
        pods=int(_number(found.get("pods", "0"))),
    )


def _asked(spec: Mapping[str, Any]) -> Room:
    """What the scheduler counts: all containers and sidecars together, or the largest init container if that is more.

    https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
    """
    inits = spec.get("initContainers") or []
    sidecars = [each for each in inits if each.get("restartPolicy") == "Always"]
    together = [_request(each) for each in [*(spec.get("containers") or []), *sidecars]]
    alone = [_request(each) for each in inits if each not in sidecars]
    overhead = _resources(spec.get("overhead") or {})
    return Room(
        millicores=max(sum(r.millicores for r in together), *(r.millicores for r in alone), 0) + overhead.millicores,
        mebibytes=max(sum(r.mebibytes for r in together), *(r.mebibytes for r in alone), 0) + overhead.mebibytes,
        pods=1,
    )


def _request(container: Mapping[str, Any]) -> Room:
    return _resources((container.get("resources") or {}).get("requests") or {})


def _number(text: object) -> float:
    """A quantity. Raises ValueError, KeyError."""
    value = str(text)
    digits = value.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return float(digits) * _UNITS[value[len(digits) :]]
