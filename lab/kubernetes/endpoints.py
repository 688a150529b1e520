"""Which Pods stand behind a Service. The API refuses loopback addresses in EndpointSlices, so it is worked out here."""

from collections.abc import Iterable

from lab.kubernetes.api import Object

Target = tuple[str, int]
"""Address and port of a Pod."""


def backends(service: Object, port: Object, pods: Iterable[Object]) -> list[Target]:
    """The ready Pods' address and target port for one port of a Service."""
    selector = service["spec"].get("selector")
    if not selector:
        return []
    found: list[Target] = []
    for pod in pods:
        if pod["metadata"]["namespace"] != service["metadata"]["namespace"] or not _matches(selector, pod):
            continue
        number = _target_port(port, pod)
        if number and takes_traffic(pod, unready=bool(service["spec"].get("publishNotReadyAddresses"))):
            found.append((pod["status"]["podIP"], number))
    return sorted(found)


def takes_traffic(pod: Object, *, unready: bool = False) -> bool:
    """Whether a Pod has an address, is ready (or `unready` will do) and is not being deleted."""
    status = pod.get("status", {})
    if not status.get("podIP") or pod["metadata"].get("deletionTimestamp"):
        return False
    if status.get("phase") in ("Succeeded", "Failed"):
        return False
    return unready or any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))


def _matches(selector: dict[str, str], pod: Object) -> bool:
    labels = pod["metadata"].get("labels", {})
    return all(labels.get(key) == value for key, value in selector.items())


def _target_port(port: Object, pod: Object) -> int | None:
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    named = (p for container in pod["spec"]["containers"] for p in container.get("ports", []))
    return next((p["containerPort"] for p in named if p.get("name") == target), None)
