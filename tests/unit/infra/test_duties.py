"""foundation's roles: whose Pods and which people may take each."""

import json
from pathlib import Path

import pytest

from tests.support import stacks

DUTIES = {
    "writer": "dr-backup",
    "exporter": "dr-exporter",
    "shipper": "dr-shipper",
    "restorer": "dr-restorer",
    "monitor": "dr-monitor",
    "pruner": "dr-pruner",
    "guard": "dr-guard",
    "wall": "dr-wall",
    "promoter": "dr-operator",
}


@pytest.fixture(scope="module")
def trusts() -> dict[str, str]:
    """The trust policy of every duty's role."""
    before = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(stacks.ROOT)
        found = stacks.declare("foundation")
    assert Path.cwd() == before
    return {
        each.name.removeprefix("role-").removesuffix("-role"): each.inputs["assumeRolePolicy"]
        for each in found
        if each.type == "aws:iam/role:Role" and each.name.startswith("role-")
    }


def test_a_role_is_for_the_pods_of_one_service_account_or_for_people(trusts: dict[str, str]) -> None:
    assert set(trusts) == {*DUTIES, "break-glass"}
    for duty, account in DUTIES.items():
        conditions = [one["Condition"]["StringEquals"] for one in json.loads(trusts[duty])["Statement"]]
        assert {each["aws:RequestTag/kubernetes-service-account"] for each in conditions} == {account}, duty
        sites = {each["aws:RequestTag/kubernetes-namespace"] for each in conditions}
        both = {"ultramarket-production", "ultramarket-dr"}
        others = {
            "promoter": {"ultramarket-dr"},
            "wall": {"ultramarket-production"},
            "restorer": both | {"ultramarket-restore"},
        }
        assert sites == others.get(duty, both)


def test_break_glass_is_for_people_with_mfa_alone(trusts: dict[str, str]) -> None:
    (statement,) = json.loads(trusts["break-glass"])["Statement"]
    assert statement["Condition"]["Bool"] == {"aws:MultiFactorAuthPresent": "true"}
    assert "Service" not in statement["Principal"]
