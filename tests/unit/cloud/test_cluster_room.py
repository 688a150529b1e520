"""What nodes have left for Pods, from the API's objects."""

from typing import Any

import pytest

from cloud.cluster_room import read_room
from recovery.errors import Unreachable
from recovery.ports.cluster import Room

NAMESPACE = "ultramarket-dr"


def node(name: str, cpu: str = "1930m", memory: str = "7244720Ki", ready: str = "True", **spec: Any) -> dict[str, Any]:
    allocatable = {"cpu": cpu, "memory": memory, "pods": "29", "ephemeral-storage": "18242267924"}
    conditions = [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready}]
    return {"metadata": {"name": name}, "spec": spec, "status": {"allocatable": allocatable, "conditions": conditions}}


def container(cpu: str = "", memory: str = "", **more: Any) -> dict[str, Any]:
    requests = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value}
    return {"name": "c", "resources": {"requests": requests}, **more}


def pod(on: str, *containers: Any, app: str = "x", phase: str = "Running", **more: Any) -> dict[str, Any]:
    where = more.pop("namespace", NAMESPACE)
    spec = {"containers": list(containers), **more} | ({"nodeName": on} if on else {})
    return {"metadata": {"namespace": where, "labels": {"app": app}}, "spec": spec, "status": {"phase": phase}}


def deployment(name: str, *containers: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": list(containers)}}
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"app": name}}, "template": template}}


def test_what_every_pod_on_a_node_asks_for_is_taken_from_what_it_has() -> None:
    pods = [
        pod("a", container("100m", "128Mi"), container("0.5", "1Gi"), namespace="kube-system"),
        pod("a", container(), container("50m", "134217728")),  # asks for no CPU at all; bytes
    ]
    found = read_room([node("a"), node("b", cpu="2", memory="8G")], pods, [], NAMESPACE)
    assert found.free == {
        "a": Room(millicores=1930 - 650, mebibytes=7074 - 128 - 1024 - 128, pods=27),
        "b": Room(millicores=2000, mebibytes=7629, pods=29),
    }


def test_ended_pods_and_those_without_a_node_take_nothing() -> None:
    pods = [
        pod("a", container("1"), phase="Succeeded"),
        pod("a", container("1"), phase="Failed"),
        pod("", container("1")),
    ]
    assert read_room([node("a")], pods, [], NAMESPACE).free["a"].millicores == 1930


def test_an_init_container_counts_when_it_asks_for_more_than_the_others_and_a_sidecar_beside_them() -> None:
    first, sidecar = container("900m"), container("50m", restartPolicy="Always")
    pods = [pod("a", container("100m"), initContainers=[first, sidecar])]
    assert read_room([node("a")], pods, [], NAMESPACE).free["a"].millicores == 1930 - 900


def test_a_node_that_takes_no_pods_is_named_and_not_counted() -> None:
    taint = [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]
    soft = [{"key": "prefer-not", "effect": "PreferNoSchedule"}]
    nodes = [
        node("gone", ready="Unknown"),
        node("old", unschedulable=True),
        node("kept", taints=taint),
        node("soft", taints=soft),
    ]
    found = read_room(
        nodes, [pod("gone", container("1"), app="cart")], [deployment("cart", container("250m"))], NAMESPACE
    )
    assert found.closed == {
        "gone": "not ready",
        "old": "cordoned",
        "kept": "tainted node.kubernetes.io/unreachable",
    }
    assert list(found.free) == ["soft"]
    assert found.placed == {"cart": 0}  # where its Pod is, it will not stay


def test_a_deployment_s_pods_are_counted_in_its_namespace_and_its_size_is_its_template_s() -> None:
    pods = [pod("a", container("250m"), app="cart"), pod("a", container("250m"), app="cart", namespace="other")]
    found = read_room([node("a")], pods, [deployment("cart", container("250m", "512Mi"))], NAMESPACE)
    assert found.placed == {"cart": 1}
    assert found.sizes == {"cart": Room(millicores=250, mebibytes=512, pods=1)}


def test_what_cannot_be_understood_is_unknown_and_never_a_traceback() -> None:
    with pytest.raises(Unreachable, match="cannot be understood"):
        read_room([node("a", cpu="a lot")], [], [], NAMESPACE)
