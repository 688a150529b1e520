"""Whether the declared nodes hold full size."""

import re
from dataclasses import replace

import pytest

from recovery.site.capacity import POSTGRES
from recovery.site.nodes import ONCE, Nodes, node_room, shortage
from tests.support import stacks
from tests.support.project import in_the_project as in_the_project  # a fixture
from tests.support.promotion import PLAN

SEVEN = Nodes(count=7, types=("m7i.large",))


def test_full_size_fits_on_six_nodes_and_so_seven_are_declared() -> None:
    assert shortage(PLAN, POSTGRES, SEVEN) == ""
    short = shortage(PLAN, POSTGRES, replace(SEVEN, count=6))
    assert "5 nodes, which are left while one is replaced, have 1,750m and 6,978 MiB each" in short
    assert short.endswith("Pods find no place")


def test_whatever_always_runs_at_the_site_is_counted() -> None:
    """All Deployments and StatefulSets, services at full size; and a Job of each kind that comes every few minutes."""
    asked = 0
    for each in stacks.declare("dr"):
        spec, kind = each.inputs.get("spec") or {}, each.type.rpartition(":")[2]
        count = spec.get("replicas", 1)
        if kind == "CronJob":
            count, spec = int(spec["schedule"].startswith("*/")), spec["jobTemplate"]["spec"]
        elif kind not in ("Deployment", "StatefulSet"):
            continue
        name = each.inputs["metadata"]["name"]
        count = PLAN.services[name].full if name in PLAN.services else count
        containers = spec["template"]["spec"]["containers"]
        asked += int(count) * sum(int(one["resources"]["requests"]["cpu"].removesuffix("m")) for one in containers)
    short = shortage(PLAN, POSTGRES, Nodes(count=1, types=("m7i.large",)))
    (counted,) = re.findall(r"full size needs ([\d,]+)m CPU", short)
    assert int(counted.replace(",", "")) == asked + sum(pod.millicores for pod in ONCE)


def test_a_larger_database_needs_larger_nodes() -> None:
    large = replace(POSTGRES, millicores=3000)
    assert "1 Pods find no place" in shortage(PLAN, large, SEVEN)
    assert shortage(PLAN, large, replace(SEVEN, types=("m7i.xlarge",))) == ""


def test_the_smallest_of_several_types_counts() -> None:
    assert shortage(PLAN, POSTGRES, Nodes(count=4, types=("m7i.xlarge", "m7i.large")))
    assert not shortage(PLAN, POSTGRES, Nodes(count=4, types=("m7i.xlarge",)))


def test_a_type_that_is_not_known_is_not_judged() -> None:
    assert node_room("t3.medium") is None
    assert shortage(PLAN, POSTGRES, Nodes(count=1, types=("t3.medium",))) == ""


@pytest.mark.parametrize(
    ("instance_type", "millicores"), [("m7i.large", 1930), ("c7i.xlarge", 3920), ("r6i.2xlarge", 7910)]
)
def test_the_cpu_of_a_node_is_what_eks_leaves(instance_type: str, millicores: int) -> None:
    """As `kubectl describe node` shows them, less what the add-ons ask for on each node."""
    room = node_room(instance_type)
    assert room and room.millicores == millicores - 180
