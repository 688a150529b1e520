"""The standby's Pod as it is declared: what fills its volume, as whom, and with which rights."""

from functools import cache
from typing import Any

from recovery.names import ACCEPTED_INCREMENTALS, STANDBY_ORDER
from recovery.site.standby_fill import FILL_SCRIPT
from tests.support import stacks
from tests.support.project import in_the_project as in_the_project  # a fixture
from tests.support.stacks import Declared


@cache
def declared() -> dict[str, Declared]:
    """The dr stack."""
    return {each.name: each for each in stacks.declare("dr")}


def template() -> dict[str, Any]:
    return declared()["postgres-set"].inputs["spec"]["template"]


def fill() -> dict[str, Any]:
    (container,) = template()["spec"]["initContainers"]
    return container


def server() -> dict[str, Any]:
    (container,) = [each for each in template()["spec"]["containers"] if each["name"] == "postgres"]
    return container


def variables(container: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in container["env"]}


def test_an_empty_volume_is_filled_before_the_server_and_the_gate_start() -> None:
    assert fill()["command"] == ["bash", "/etc/postgres-standby/fill.sh"]
    assert declared()["postgres-config"].inputs["data"]["fill.sh"] == FILL_SCRIPT
    assert (
        fill()["image"]
        == declared()["monitor-job"].inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["image"]
    ), "the runner, which has `dr` and PostgreSQL's programs"
    shared = ("PGDATA", "PGUSER", "PRIMARY_HOST", "PRIMARY_PORT", "STANDBY_FOLLOWS", "STANDBY_SLOT", "PGSSLMODE")
    assert {name: variables(fill())[name] for name in shared} == {name: variables(server())[name] for name in shared}
    mounts = {each["name"]: each for each in fill()["volumeMounts"]}
    assert [mounts[name] for name in ("data", "config")] == server()["volumeMounts"][:2]


def test_it_writes_as_the_server_s_user_and_has_credentials_of_aws_which_the_server_has_not() -> None:
    assert "runAsUser" not in fill()["securityContext"] and "runAsUser" not in server()["securityContext"]
    assert template()["spec"]["securityContext"]["runAsUser"] == 999
    assert template()["metadata"]["annotations"]["eks.amazonaws.com/skip-containers"] == "postgres"
    assert "eks-pod-identity-token" in [each["name"] for each in fill()["volumeMounts"]]
    assert variables(fill())["AWS_REGION"] == "us-west-2"


def test_what_a_promotion_asks_for_reaches_it_and_without_an_order_it_starts_all_the_same() -> None:
    ordered = [each for each in fill()["env"] if "configMapKeyRef" in each.get("valueFrom", {})]
    assert {each["name"]: each["valueFrom"]["configMapKeyRef"] for each in ordered} == {
        variable: {"name": STANDBY_ORDER, "key": key, "optional": True}
        for variable, key in (
            ("ORDER_ASKED", "asked"),
            ("ORDER_TO", "to"),
            (ACCEPTED_INCREMENTALS, "accept_incrementals_of"),
        )
    }
    assert declared()["postgres-order"].inputs["metadata"]["name"] == STANDBY_ORDER


def test_the_pod_asks_for_no_more_room_by_it() -> None:
    """Kubernetes counts the larger of what init containers ask for and what the others do together."""
    assert fill()["resources"] == server()["resources"]
