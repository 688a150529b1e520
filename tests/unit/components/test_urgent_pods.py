"""What must not wait, guard, database and the log's shipper, leaves a dead node soon and finds room elsewhere."""

import pytest

from tests.support.pods import declared, pods
from tests.support.project import in_the_project as in_the_project  # a fixture

GUARDED = {
    "prod": {"site-guard-guard", "postgres-log-shipper-deployment"},
    "dr": {"site-guard-guard", "postgres-set", "redis-set", "postgres-log-shipper-deployment"},
}


@pytest.mark.parametrize("stack", ["prod", "dr"])
def test_guard_database_and_shipper_leave_a_dead_node_after_seconds_and_come_before_others(stack: str) -> None:
    (urgent,) = [each.inputs for each in declared(stack) if each.type.endswith(":PriorityClass")]
    assert urgent["value"] > 0 and urgent["globalDefault"] is False
    for name, pod in pods(stack).items():
        if name not in GUARDED[stack]:
            assert "priorityClassName" not in pod
            continue
        assert pod["priorityClassName"] == urgent["metadata"]["name"]
        assert {each["key"]: (each["effect"], each["tolerationSeconds"]) for each in pod["tolerations"]} == {
            "node.kubernetes.io/not-ready": ("NoExecute", 5),
            "node.kubernetes.io/unreachable": ("NoExecute", 5),
        }
