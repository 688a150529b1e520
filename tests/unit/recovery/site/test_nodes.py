"""Whether the declared nodes hold full size."""

from dataclasses import replace

import pytest

from recovery.site.capacity import POSTGRES
from recovery.site.nodes import Nodes, node_room, shortage
from tests.support.promotion import PLAN

FIVE = Nodes(count=5, types=("m7i.large",))


def test_full_size_fits_on_four_nodes_and_so_five_are_declared() -> None:
    assert shortage(PLAN, POSTGRES, FIVE) == ""
    short = shortage(PLAN, POSTGRES, replace(FIVE, count=4))
    assert "3 nodes, which are left while one is replaced, have 1,750m and 6,978 MiB each" in short
    assert short.endswith("Pods find no place")


def test_a_larger_database_needs_larger_nodes() -> None:
    large = replace(POSTGRES, millicores=3000)
    assert "1 Pods find no place" in shortage(PLAN, large, FIVE)
    assert shortage(PLAN, large, replace(FIVE, types=("m7i.xlarge",))) == ""


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
