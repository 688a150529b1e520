"""What holds for everything in the DR namespace: who may talk to whom, how much it may take, what may be disrupted."""

import json
import math
from functools import cache
from typing import Any

import pytest

from recovery.names import (
    BACKUP_LABEL,
    BESIDE_LABEL,
    GATE_PORT,
    MONITOR_LABEL,
    OPERATOR_LABEL,
    REDIS_BACKUP_LABEL,
    REDIS_GATE_PORT,
    RESTORE_NAMESPACE,
)
from recovery.plan.loading import load_plan
from recovery.site.capacity import RUNNERS, full_quota
from tests.support import stacks
from tests.support.flows import End, passes, selects
from tests.support.plans import ROOT
from tests.support.project import in_the_project as in_the_project  # a fixture
from tests.support.stacks import Declared

PLAN = load_plan(ROOT / "recovery.yaml")
NAME, COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"
ORDER, CART = End({NAME: "order"}), End({NAME: "cart"})
POSTGRES, REDIS = End({COMPONENT: "postgres"}), End({COMPONENT: "redis"})
OPERATOR, BACKUP, BESIDE = End(OPERATOR_LABEL), End(BACKUP_LABEL), End(BESIDE_LABEL)
MONITOR, COPIES = End(MONITOR_LABEL), End(REDIS_BACKUP_LABEL)
STRANGER = End({NAME: "something-else"})
KUBE_DNS = End({"k8s-app": "kube-dns"}, namespace="kube-system")
OTHER_DNS = End({"k8s-app": "kube-dns"}, namespace="default")
AGENT, METADATA = End(address="169.254.170.23"), End(address="169.254.169.254")
INTERNET = End(address="203.0.113.9")


@cache
def declared() -> list[Declared]:
    """The dr stack."""
    return stacks.declare("dr")


def specs(kind: str) -> list[dict[str, Any]]:
    """The specifications of every object of a kind in the site's own namespace."""
    here = [each for each in declared() if each.type.endswith(f":{kind}")]
    elsewhere = [each for each in here if each.inputs["metadata"].get("namespace") == RESTORE_NAMESPACE]
    return [each.inputs["spec"] for each in here if each not in elsewhere]


@pytest.mark.parametrize(
    ("start", "end", "port", "protocol"),
    [
        *[(pod, KUBE_DNS, 53, protocol) for pod in (ORDER, POSTGRES, OPERATOR) for protocol in ("TCP", "UDP")],
        *[(pod, AGENT, 80, "TCP") for pod in (POSTGRES, OPERATOR, BACKUP)],
        *[(pod, INTERNET, 443, "TCP") for pod in (POSTGRES, OPERATOR, BACKUP, ORDER)],
        (INTERNET, ORDER, 8080, "TCP"),
        (ORDER, CART, 8080, "TCP"),
        (ORDER, POSTGRES, GATE_PORT, "TCP"),
        (POSTGRES, INTERNET, 5432, "TCP"),
        (OPERATOR, POSTGRES, GATE_PORT, "TCP"),
        (OPERATOR, POSTGRES, 5432, "TCP"),
        (OPERATOR, INTERNET, 5432, "TCP"),
        (OPERATOR, INTERNET, 53, "UDP"),
        (BACKUP, POSTGRES, 5432, "TCP"),
        (OPERATOR, BESIDE, 5432, "TCP"),
        (BESIDE, AGENT, 80, "TCP"),
        (BESIDE, INTERNET, 443, "TCP"),
        (ORDER, POSTGRES, REDIS_GATE_PORT, "TCP"),
        *[(pod, REDIS, 6379, "TCP") for pod in (POSTGRES, OPERATOR, COPIES, MONITOR)],
        (COPIES, AGENT, 80, "TCP"),
        (COPIES, INTERNET, 443, "TCP"),
        (REDIS, INTERNET, 6379, "TCP"),
        (REDIS, KUBE_DNS, 53, "UDP"),
    ],
)
def test_what_the_site_needs_passes(start: End, end: End, port: int, protocol: str) -> None:
    assert passes(specs("NetworkPolicy"), start, end, port, protocol)


@pytest.mark.parametrize(
    ("start", "end", "port"),
    [
        (ORDER, POSTGRES, 5432),
        (STRANGER, POSTGRES, 5432),
        (STRANGER, POSTGRES, GATE_PORT),
        (STRANGER, INTERNET, 443),
        (STRANGER, ORDER, 9090),
        (INTERNET, POSTGRES, GATE_PORT),
        (INTERNET, POSTGRES, 5432),
        (INTERNET, OPERATOR, 22),
        (ORDER, AGENT, 80),
        (ORDER, METADATA, 80),
        (OPERATOR, METADATA, 80),
        (ORDER, INTERNET, 5432),
        (ORDER, OTHER_DNS, 53),
        (POSTGRES, ORDER, 8080),
        *[(pod, BESIDE, 5432) for pod in (ORDER, BACKUP, POSTGRES, STRANGER, INTERNET)],
        *[(BESIDE, INTERNET, port) for port in (5432, 22, 8080)],
        (BESIDE, POSTGRES, 5432),
        (BESIDE, POSTGRES, GATE_PORT),
        *[(pod, REDIS, 6379) for pod in (ORDER, CART, BACKUP, BESIDE, STRANGER, INTERNET)],
        (COPIES, POSTGRES, 5432),
        (STRANGER, POSTGRES, REDIS_GATE_PORT),
        (REDIS, INTERNET, 443),
        (REDIS, POSTGRES, 5432),
    ],
)
def test_what_it_does_not_need_does_not(start: End, end: End, port: int) -> None:
    assert not passes(specs("NetworkPolicy"), start, end, port)


def test_a_promotion_may_ask_both_edges_at_whatever_port_they_listen_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stacks.PROD_OUTPUTS, "edge", "edge.test:8443")
    found = stacks.declare("dr", {"edge": "edge-dr.test:9443"})
    policies = [each.inputs["spec"] for each in found if each.type.endswith(":NetworkPolicy")]
    assert all(passes(policies, OPERATOR, INTERNET, port) for port in (8443, 9443))
    assert not any(passes(policies, ORDER, INTERNET, port) for port in (8443, 9443))
    (runners,) = [each["egress"] for each in specs("NetworkPolicy") if "egress" in each and _ports_of(each, 53, 5432)]
    assert [each["port"] for each in runners[2]["ports"]].count(443) == 1  # both edges at one port


def _ports_of(spec: dict[str, Any], *ports: int) -> bool:
    return any({*ports} <= {each["port"] for each in rule["ports"]} for rule in spec["egress"])


def test_policies_are_switched_on_in_the_cni_and_need_nothing_that_its_agent_gets_wrong() -> None:
    (cni,) = [each for each in declared() if each.inputs.get("addonName") == "vpc-cni"]
    assert json.loads(cni.inputs["configurationValues"])["enableNetworkPolicy"] == "true"
    assert "except" not in json.dumps(specs("NetworkPolicy"))


def test_every_pod_of_the_stack_is_in_some_policy_besides_the_default() -> None:
    for workload in (*specs("Deployment"), *specs("StatefulSet")):
        pod = End(workload["template"]["metadata"]["labels"])
        assert passes(specs("NetworkPolicy"), pod, KUBE_DNS, 53, "UDP")
        others = [each for each in specs("NetworkPolicy") if each["podSelector"]]
        assert any(selects(each["podSelector"], pod.labels) for each in others), pod


def test_one_service_pod_may_be_disrupted_at_a_time_and_a_lone_one_never_blocks_a_node() -> None:
    budgets = specs("PodDisruptionBudget")
    assert {each["selector"]["matchLabels"][NAME] for each in budgets} == set(PLAN.services)
    assert {each["maxUnavailable"] for each in budgets} == {1}
    assert not [each for each in budgets if "minAvailable" in each]


def test_the_quota_admits_every_service_at_full_size_with_what_runs_beside_it() -> None:
    (hard,) = [each["hard"] for each in specs("ResourceQuota")]
    services = {each["template"]["metadata"]["labels"][NAME]: each for each in specs("Deployment") if NAME in _of(each)}
    surges = {name: 2 * math.ceil(each.full / 4) for name, each in PLAN.services.items()}
    pods = [(services[name], each.full + surges[name]) for name, each in PLAN.services.items()]
    pods += [(each, 1) for each in specs("StatefulSet")]
    pods += [(each, 1) for each in specs("Deployment") if NAME not in _of(each)]
    jobs = [each["jobTemplate"]["spec"] for each in specs("CronJob")]
    spare = RUNNERS - len(jobs) - 1  # the workspace is a runner
    assert spare >= 0
    pods += [*((each, 1) for each in jobs), (jobs[0], spare)]
    assert int(hard["pods"]) == sum(count for _, count in pods)
    wanted = [(resources, count) for pod, count in pods for resources in _of_containers(pod)]
    for key, part in (("cpu", "requests"), ("memory", "requests"), ("memory", "limits")):
        needed = sum(_number(resources[part][key]) * count for resources, count in wanted)
        assert _number(hard[f"{part}.{key}"]) == pytest.approx(needed), key


def test_the_quota_grows_with_the_plan() -> None:
    services = {name: each.model_copy(update={"full": 10 * each.full}) for name, each in PLAN.services.items()}
    larger = full_quota(PLAN.model_copy(update={"services": services}))
    assert larger.pods > 5 * full_quota(PLAN).pods


def test_a_container_that_names_no_size_gets_one_since_the_quota_would_refuse_it() -> None:
    (limits,) = [each["limits"] for each in specs("LimitRange")]
    (limit,) = limits
    assert limit["type"] == "Container"
    assert limit["defaultRequest"]["cpu"] and limit["defaultRequest"]["memory"] and limit["default"]["memory"]


def _of(workload: dict[str, Any]) -> dict[str, str]:
    return workload["template"]["metadata"]["labels"]


def _of_containers(workload: dict[str, Any]) -> list[dict[str, Any]]:
    return [container["resources"] for container in workload["template"]["spec"]["containers"]]


def _number(text: str) -> float:
    """Cores, or MiB."""
    if text.endswith("m"):
        return float(text[:-1]) / 1000
    return float(text.removesuffix("Mi")) if text.endswith("Mi") else float(text)
