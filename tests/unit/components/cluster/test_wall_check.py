"""What tries production's wall: as far from the database as an application, with one right."""

from functools import cache
from typing import Any

from recovery.lease.wall import OLDEST, SCHEDULE, TIME_LIMIT
from recovery.names import COMPONENT, Names
from recovery.plan.loading import load_plan
from recovery.plan.schedules import longest_gap
from tests.support import stacks
from tests.support.flows import selects
from tests.support.plans import ROOT
from tests.support.project import in_the_project as in_the_project  # a fixture
from tests.support.stacks import Declared

NAMES = Names(load_plan(ROOT / "recovery.yaml"), "123456789012")


@cache
def declared() -> dict[str, Declared]:
    """prod, with a network policy in front of the primary."""
    return {each.name: each for each in stacks.declare("prod", {"primaryPodLabels": {"app": "postgres"}})}


def inputs(name: str) -> dict[str, Any]:
    return declared()[name].inputs


def template() -> dict[str, Any]:
    return inputs("wall-job")["spec"]["jobTemplate"]["spec"]["template"]


def test_it_asks_the_primary_s_own_address_as_the_site_s_wall_without_any_login() -> None:
    (container,) = template()["spec"]["containers"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert container["command"] == ["dr", "check", "wall", "--inside"]
    assert (environment["DR_SITE"], environment["DR_DATABASE"]) == (
        "prod",
        "postgres-primary.ultramarket.internal:5432",
    )
    assert "PGPASSWORD" not in environment and "wall-login" not in declared()


def test_its_role_is_its_own() -> None:
    association = inputs("wall-identity")
    assert association["roleArn"] == NAMES.role_arn("wall")
    assert association["serviceAccount"] == template()["spec"]["serviceAccountName"] == "dr-wall"


def test_no_policy_lets_it_through_that_keeps_applications_out() -> None:
    (rule,) = inputs("site-guard-only-way")["spec"]["ingress"]
    admitted = [each["podSelector"] for each in rule["from"] if "podSelector" in each]
    assert admitted
    assert not any(selects(each, template()["metadata"]["labels"]) for each in admitted)
    assert COMPONENT in template()["metadata"]["labels"]


def test_some_runs_may_be_missed_before_the_last_check_is_too_old() -> None:
    assert longest_gap((SCHEDULE,)) * 3 + TIME_LIMIT < OLDEST
