"""foundation with the DR region's copies in an account of their own."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from recovery.errors import PlanError
from tests.support import stacks
from tests.support.plans import edited, with_account
from tests.support.project import in_the_project as in_the_project  # a fixture
from tests.support.stacks import Declared

COPIES = "210987654321"
ROLE = f"arn:aws:iam::{COPIES}:role/dr-foundation"


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed plan, with such an account."""
    path = tmp_path_factory.mktemp("plan") / "recovery.yaml"
    path.write_text(edited(with_account(COPIES)))
    return path


@cache
def declared(plan: Path) -> dict[str, Declared]:
    """By name."""
    changes: dict[str, Any] = {"plan": str(plan), "backupAccountRole": ROLE, "assetsBucket": "ultramarket-static"}
    return {each.name: each for each in stacks.declare("foundation", changes)}


def test_the_other_account_s_provider_works_nowhere_else(plan: Path) -> None:
    inputs = declared(plan)["aws-copies"].inputs
    assert json.loads(inputs["allowedAccountIds"]) == [COPIES]
    (role,) = json.loads(inputs["assumeRoles"])
    assert role["roleArn"] == ROLE


def test_what_holds_copies_is_there_and_what_moves_the_business_is_not(plan: Path) -> None:
    found = declared(plan)
    apart = {name for name, each in found.items() if "::aws-copies::" in each.provider}
    for stem in ("backups-dr", "backup-key-dr", "static-assets-copy", "alarms-copies-dr", "tampering-copies-prod"):
        assert [name for name in apart if name.startswith(f"{stem}-")], stem
    assert "role-copies-break-glass-role" in apart
    stays = ("backups-prod", "backup-key-prod", "control", "failover", "role-writer", "role-break-glass", "alarms-prod")
    assert [name for name in apart if name.startswith(stays)] == []
    assert "backup-replication-rule" not in apart and "static-assets-replication-rule" not in apart


def test_everything_there_is_as_protected_as_with_one_account(plan: Path) -> None:
    found = declared(plan)
    assert [name for name, each in found.items() if "::aws-copies::" in each.provider and not each.protected] == []
    for what in ("bucket", "versioning", "encryption", "lifecycle", "policy"):
        assert found[f"backups-dr-{what}"].kept_on_delete


def test_its_break_glass_is_for_its_own_people(plan: Path) -> None:
    (statement,) = json.loads(declared(plan)["role-copies-break-glass-role"].inputs["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"AWS": [f"arn:aws:iam::{COPIES}:root"]}
    assert statement["Condition"]["Bool"] == {"aws:MultiFactorAuthPresent": "true"}
    policy = json.loads(declared(plan)["backups-dr-policy"].inputs["policy"])
    keep = next(each for each in policy["Statement"] if each["Sid"] == "KeepVersions")
    assert keep["Condition"]["ArnNotEquals"]["aws:PrincipalArn"].startswith(f"arn:aws:iam::{COPIES}:role/")


@pytest.mark.parametrize("change", [("local: 7d", "local: 8d"), ("cloud: 30d", "cloud: 31d")])
def test_one_retention_number_changes_three_resources_at_most(
    plan: Path, tmp_path: Path, change: tuple[str, str]
) -> None:
    other = tmp_path / "recovery.yaml"
    other.write_text(plan.read_text().replace(*change, 1))
    before, after = declared(plan), declared(other)
    assert before.keys() == after.keys()
    changed = [name for name in before if before[name].inputs != after[name].inputs]
    assert 1 <= len(changed) <= 3, changed


def test_without_such_an_account_nothing_of_it_is_declared() -> None:
    found = stacks.declare("foundation")
    assert [each.name for each in found if "copies" in each.name] == []


@pytest.mark.parametrize(
    ("account", "role", "said"),
    [
        (COPIES, None, "ultramarket-dr:backupAccountRole: missing; expected the ARN of a role in the backup account"),
        (COPIES, "arn:aws:iam::123456789012:role/x", "expected the ARN of a role in the backup account"),
        ("123456789012", "arn:aws:iam::123456789012:role/x", "backup_account: 123456789012 is production's own"),
        ("٢١٠٩٨٧٦٥٤٣٢١", ROLE, "expected the 12 digits of an AWS account in quotes"),
        (None, ROLE, "backupAccountRole: recovery.yaml names no backup_account, so the copies in us-west-2 stay in"),
    ],
)
def test_half_of_it_is_refused(tmp_path: Path, account: str | None, role: str | None, said: str) -> None:
    from infra.settings.foundation import foundation_settings

    path = tmp_path / "recovery.yaml"
    path.write_text(edited(with_account(account)) if account else edited())
    stacks.configure("foundation", {"plan": str(path), "backupAccountRole": role})
    with pytest.raises(PlanError, match=said):
        foundation_settings()


def test_an_account_that_is_production_s_own_is_one_problem(tmp_path: Path) -> None:
    from infra.settings.foundation import foundation_settings

    path = tmp_path / "recovery.yaml"
    path.write_text(edited(with_account("123456789012")))
    for role in (None, ROLE):
        stacks.configure("foundation", {"plan": str(path), "backupAccountRole": role})
        with pytest.raises(PlanError) as refused:
            foundation_settings()
        assert len(refused.value.problems) == 1


def test_a_plan_that_cannot_be_read_does_not_make_its_role_an_unknown_key(tmp_path: Path) -> None:
    from infra.settings.foundation import foundation_settings

    path = tmp_path / "recovery.yaml"
    path.write_text("objectives: 3\n")
    stacks.configure("foundation", {"plan": str(path), "backupAccountRole": ROLE, "zoneId": "?"})
    with pytest.raises(PlanError) as refused:
        foundation_settings()
    assert "zoneId" in str(refused.value) and "backupAccountRole" not in str(refused.value)
