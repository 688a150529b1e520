"""A restored server's order and Pod as Kubernetes keeps them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cloud.server_order import change, read_order, read_pod
from recovery.copies.server_order import ServerOrder, ServerPod
from recovery.errors import Refused

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
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
        (pod(None), ServerPod(stage="waiting")),
        (
            pod(None, conditions=[{"type": "PodScheduled", "status": "False", "message": "0/5 nodes: cpu"}]),
            ServerPod(stage="waiting", problem="0/5 nodes: cpu"),
        ),
        (pod({"state": WAITS}), ServerPod(stage="waiting")),
        (pod({"state": PULL}), ServerPod(stage="waiting", problem="ErrImagePull: no such image")),
        (pod({"state": RUNS}), ServerPod(stage="restoring")),
        (
            pod({"state": BACK_OFF, "lastState": failed("unpack and check\ndr: damaged")}),
            ServerPod(stage="restoring", problem="  unpack and check\n  dr: damaged", failed=True),
        ),
        (
            pod({"state": RUNS, "lastState": failed(reason="OOMKilled")}),
            ServerPod(stage="restoring", problem="  OOMKilled", failed=True),
        ),
        (pod({"state": DONE}, {"state": RUNS}), ServerPod(stage="starting")),
        (
            pod({"state": DONE}, {"state": BACK_OFF, "lastState": failed("FATAL: no")}),
            ServerPod(stage="starting", problem="  FATAL: no", failed=True),
        ),
        (pod({"state": DONE}, {"state": RUNS}, **READY), ServerPod(stage="ready", address="10.1.0.7")),
        (pod({"state": DONE}, {"state": RUNS}, phase="Failed", reason="Evicted"), ServerPod(stage="ending")),
    ],
)
def test_a_pod_is_as_far_as_its_containers_say(seen: dict[str, Any], meant: ServerPod) -> None:
    assert read_pod(seen) == meant


def test_a_pod_on_its_way_out_serves_nobody() -> None:
    leaving = pod({"state": DONE}, {"state": RUNS}, **READY)
    leaving["metadata"]["deletionTimestamp"] = "2026-11-30T12:00:00Z"
    assert read_pod(leaving) == ServerPod(stage="ending")


def test_what_is_asked_for_is_read_as_it_was_written() -> None:
    full = ServerOrder(asked="noon", to="0/3000148", at=AT, accepts="18.6", replaces="claim-1")
    for order in (full, ServerOrder(asked="latest", to="", at=AT)):
        written = change(order, "7")
        assert written["metadata"] == {"resourceVersion": "7"}
        assert all(written["data"].values()), "an empty value would be one"
        assert read_order({"data": written["data"]}, "") == order
    assert change(None, "8")["data"] is None


def test_an_order_that_somebody_else_wrote_is_refused() -> None:
    assert read_order({}, "") is None
    with pytest.raises(Refused, match="ConfigMap c says something else than `dr` writes there: to") as refused:
        read_order({"metadata": {"name": "c"}, "data": {"to": "latest"}}, "scale it to 0")
    assert "scale it to 0" in refused.value.next_step


def test_a_server_with_others_in_its_pod_is_known_by_its_name() -> None:
    seen = pod({"state": DONE}, {"state": RUNS})
    broken = {"name": "guard", "state": BACK_OFF, "lastState": failed("no lease")}
    seen["status"]["containerStatuses"].insert(0, broken)
    assert read_pod(seen) == ServerPod(stage="starting")
