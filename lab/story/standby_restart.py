"""The DR site's database Pod is deleted once, as when its node is replaced: a second start on the same volume."""

import time
from typing import Any

import psycopg

from lab.kubernetes.api import ApiError, Object
from lab.machine.processes import wait_until
from lab.story import observers
from lab.world import World

POD = "postgres-standby-0"
_SECONDS = 60


def run(world: World) -> dict[str, Any]:
    """Delete the Pod and wait for the next one: whether it streams again, after how many seconds, or why not."""
    path = f"/api/v1/namespaces/{world.plan.sites.dr.namespace}/pods/{POD}"
    first, began = _pod(world, path)["metadata"]["uid"], time.monotonic()
    world.dr.api().request("DELETE", path)

    def streams() -> bool:
        pod = _pod(world, path)
        try:
            return bool(pod) and pod["metadata"]["uid"] != first and observers.standby_streams(world)
        except psycopg.Error:  # not up yet
            return False

    try:
        wait_until(streams, timeout=_SECONDS, what="the DR standby to stream again", interval=0.1)
    except TimeoutError as error:
        return {"streams": False, "seconds": _SECONDS, "why": f"{error} {_last_words(world)}".strip()}
    return {"streams": True, "seconds": round(time.monotonic() - began, 2), "why": ""}


def _pod(world: World, path: str) -> Object:
    """Empty while there is none."""
    try:
        return world.dr.api().get(path)
    except ApiError as error:
        if error.status != 404:
            raise
        return {}


def _last_words(world: World) -> str:
    """The end of what the container wrote."""
    lines = (world.dr.pod_logs / f"{POD}.postgres.log").read_text(errors="replace").splitlines()
    return lines[-1] if lines else ""
