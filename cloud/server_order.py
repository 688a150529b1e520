"""A server that is restored in the DR cluster: the ConfigMap with its order, and its Pod."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from recovery.copies.server_order import ServerOrder, ServerPod
from recovery.errors import Refused

_WAITS = ("ContainerCreating", "PodInitializing", "CrashLoopBackOff")
_LINES = 6
_SERVER = "postgres"


def change(order: ServerOrder | None, version: str) -> dict[str, Any]:
    """The patch that makes the ConfigMap say so. With the version that was read, the API server refuses what would
    overwrite somebody else's: https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply"""
    return {"metadata": {"resourceVersion": version}, "data": None if order is None else _written(order)}


def _written(order: ServerOrder) -> dict[str, str]:
    more = {"to": order.to, "accept_incrementals_of": order.accepts, "replaces": order.replaces}
    return {"asked": order.asked, "at": order.at.isoformat()} | {key: value for key, value in more.items() if value}


def read_order(config_map: Mapping[str, Any], advice: str) -> ServerOrder | None:
    """None where nothing is asked for. Raises Refused, with `advice`, for what this program did not write."""
    data: Mapping[str, str] = config_map.get("data") or {}
    if not data:
        return None
    try:
        return ServerOrder(
            asked=data["asked"],
            to=data.get("to", ""),
            at=datetime.fromisoformat(data["at"]),
            accepts=data.get("accept_incrementals_of", ""),
            replaces=data.get("replaces", ""),
        )
    except (KeyError, ValueError):
        name = config_map["metadata"]["name"]
        raise Refused(
            f"ConfigMap {name} says something else than `dr` writes there: {', '.join(sorted(data))}",
            next_step=f"find out who wrote it; to go on: {advice}",
        ) from None


def read_pod(pod: Mapping[str, Any]) -> ServerPod:
    """How far it is: an init container restores, then the server starts."""
    status = pod.get("status", {})
    if "deletionTimestamp" in pod["metadata"] or status.get("phase") in ("Failed", "Succeeded"):
        return ServerPod(stage="ending")
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    if conditions.get("PodScheduled", {}).get("status") == "False":
        return ServerPod(stage="waiting", problem=conditions["PodScheduled"].get("message", ""))
    if conditions.get("Ready", {}).get("status") == "True":
        return ServerPod(stage="ready", address=status.get("podIP", ""))
    (restore,) = status.get("initContainerStatuses") or [{}]
    server = next((each for each in status.get("containerStatuses") or [] if each.get("name") == _SERVER), {})
    restored = (restore.get("state") or {}).get("terminated", {}).get("exitCode") == 0
    container = server if restored else restore
    if problem := waits(container):
        return ServerPod(stage="waiting", problem=problem)
    problem = last_words(container)
    stage = "starting" if restored else "restoring" if _has_run(restore) else "waiting"
    return ServerPod(stage=stage, problem=problem, failed=bool(problem))


def waits(container: Mapping[str, Any]) -> str:
    """Why it cannot be started."""
    waiting = (container.get("state") or {}).get("waiting") or {}
    if waiting.get("reason") in (None, *_WAITS):
        return ""
    return f"{waiting['reason']}: {waiting.get('message', '')}"


def last_words(container: Mapping[str, Any]) -> str:
    """The end of what it wrote before it failed last, which the cluster keeps in its status."""
    for name in ("state", "lastState"):
        ended = (container.get(name) or {}).get("terminated") or {}
        if ended.get("exitCode"):
            lines = (ended.get("message") or ended.get("reason") or "").strip().splitlines()[-_LINES:]
            return "\n".join(f"  {line}" for line in lines or [f"exit code {ended['exitCode']}"])
    return ""


def _has_run(container: Mapping[str, Any]) -> bool:
    return bool(container.get("lastState")) or bool((container.get("state") or {}).keys() - {"waiting"})
