"""What follows the log at both sites: one Pod, at the primary, under its own role, through its own doors."""

from typing import Any

import pytest

from recovery.names import COMPONENT
from tests.support.pods import declared, pods
from tests.support.project import in_the_project as in_the_project  # a fixture

SHIPPER = "postgres-log-shipper-deployment"


def spec(stack: str, name: str) -> Any:
    (found,) = [each.inputs["spec"] for each in declared(stack) if each.name == name]
    return found


@pytest.mark.parametrize(
    ("stack", "host"), [("prod", "postgres-primary.ultramarket.internal"), ("dr", "$(POSTGRES_STANDBY_SERVICE_HOST)")]
)
def test_one_pod_follows_the_site_s_primary_and_no_replica(stack: str, host: str) -> None:
    deployment = spec(stack, SHIPPER)
    assert deployment["replicas"] == 1
    assert deployment["strategy"] == {"type": "Recreate"}, "two would wait for one slot"
    pod = pods(stack)[SHIPPER]
    (container,) = pod["containers"]
    assert container["command"] == ["dr", "ship-log", "postgres"]
    env = {each["name"]: each.get("value") for each in container["env"]}
    assert (env["DR_SITE"], env["PGUSER"]) == (stack, "dr_replication")
    assert env["PGHOST"] == host
    assert pod["serviceAccountName"] == "dr-shipper"
    assert pod["restartPolicy"] == "Always"
    assert pod["terminationGracePeriodSeconds"] >= 30


@pytest.mark.parametrize("stack", ["prod", "dr"])
def test_its_role_is_the_shipper_s(stack: str) -> None:
    (made,) = [each for each in declared(stack) if each.name == "postgres-log-shipper-identity"]
    assert made.inputs["roleArn"].endswith("role/ultramarket-dr-shipper")


def test_at_the_dr_site_it_reaches_the_database_and_aws_and_nothing_else() -> None:
    label = {COMPONENT: "log-shipper"}
    egress = spec("dr", "default-deny-log-shipper")
    assert egress["podSelector"]["matchLabels"] == label
    assert [each["ports"] for each in egress["egress"]] == [[{"port": 5432, "protocol": "TCP"}]]
    aws = spec("dr", "default-deny-aws")["podSelector"]["matchExpressions"][0]["values"]
    assert "log-shipper" in aws
    database = [
        rule["from"] for rule in spec("dr", "default-deny-postgres")["ingress"] if rule["ports"][0]["port"] == 5432
    ]
    assert {"podSelector": {"matchLabels": label}} in database[0]
    runners = spec("dr", "default-deny-runners")["podSelector"]["matchExpressions"][0]["values"]
    assert "log-shipper" not in runners, "it has no business at the edges"
