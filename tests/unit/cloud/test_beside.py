"""The restored server's Pod as Kubernetes writes it."""

from typing import Any

import pytest

from cloud.beside import _read_order, _read_pod  # pyright: ignore[reportPrivateUsage]
from recovery.copies.beside import BesidePod
from recovery.errors import Refused

WAITS = {"waiting": {"reason": "PodInitializing"}}
RUNS = {"running": {"startedAt": "2026-11-30T12:00:00Z"}}
DONE = {"terminated": {"exitCode": 0, "reason": "Completed"}}
READY = {"conditions": [{"type": "Ready", "status": "True"}], "podIP": "10.1.0.7"}


def failed(message: str = "", reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": 1, "reason": reason, "message": message}}


def pod(restore: dict[str, Any] | None, server: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    """With the states of both containers."""
    found: dict[str, Any] = dict(status)
    if restore is not None:
        found["initContainerStatuses"] = [{"name": "restore", **restore}]
        found["containerStatuses"] = [{"name": "postgres", **(server or {"state": WAITS})}]
    return {"metadata": {"name": "p"}, "status": found}


BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
PULL = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}


@pytest.mark.parametrize(
    ("seen", "meant"),
    [
        (pod(None), BesidePod(stage="waiting")),
        (
            pod(None, conditions=[{"type": "PodScheduled", "status": "False", "message": "0/5 nodes: cpu"}]),
            BesidePod(stage="waiting", problem="0/5 nodes: cpu"),
        ),
        (pod({"state": WAITS}), BesidePod(stage="waiting")),
        (pod({"state": PULL}), BesidePod(stage="waiting", problem="ErrImagePull: no such image")),
        (pod({"state": RUNS}), BesidePod(stage="restoring")),
        (
            pod({"state": BACK_OFF, "lastState": failed("unpack and check\ndr: damaged")}),
            BesidePod(stage="restoring", problem="  unpack and check\n  dr: damaged", failed=True),
        ),
        (
            pod({"state": RUNS, "lastState": failed(reason="OOMKilled")}),
            BesidePod(stage="restoring", problem="  OOMKilled", failed=True),
        ),
        (pod({"state": DONE}, {"state": RUNS}), BesidePod(stage="starting")),
        (
            pod({"state": DONE}, {"state": BACK_OFF, "lastState": failed("FATAL: no")}),
            BesidePod(stage="starting", problem="  FATAL: no", failed=True),
        ),
        (pod({"state": DONE}, {"state": RUNS}, **READY), BesidePod(stage="ready", address="10.1.0.7")),
        (pod({"state": DONE}, {"state": RUNS}, phase="Failed", reason="Evicted"), BesidePod(stage="ending")),
    ],
)
def test_a_pod_is_as_far_as_its_containers_say(seen: dict[str, Any], meant: BesidePod) -> None:
    assert _read_pod(seen) == meant


def test_a_pod_on_its_way_out_serves_nobody() -> None:
    leaving = pod({"state": DONE}, {"state": RUNS}, **READY)
    leaving["metadata"]["deletionTimestamp"] = "2026-11-30T12:00:00Z"
    assert _read_pod(leaving) == BesidePod(stage="ending")


def test_an_order_that_somebody_else_wrote_is_refused() -> None:
    assert _read_order({}) is None
    with pytest.raises(Refused, match="something else than `dr` writes there: to"):
        _read_order({"to": "latest"})
