"""The plan in a cluster: one ConfigMap, and who is restarted when it changes."""

from pathlib import Path
from typing import Any

import pytest

from recovery.names import PLAN_MAP
from tests.support import stacks
from tests.support.plans import edited, plan


def resources(stack: str, folder: Path, *edits: tuple[str, str]) -> dict[str, Any]:
    """What the stack declares by name, under the plan with edits."""
    path = folder / "recovery.yaml"
    path.write_text(edited(*edits))
    return {each.name: each.inputs for each in stacks.declare(stack, {"plan": str(path)} if edits else {})}


def changed(stack: str, folder: Path, old: str, new: str) -> set[str]:
    before, after = resources(stack, folder), resources(stack, folder, (old, new))
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


@pytest.mark.parametrize(("stack", "all_of_it"), [("prod", {"plan"}), ("dr", {"plan", "recovery-bundle-object"})])
def test_a_retention_number_restarts_nothing(stack: str, all_of_it: set[str], tmp_path: Path) -> None:
    assert changed(stack, tmp_path, "cloud: 30d", "cloud: 31d") == all_of_it


@pytest.mark.parametrize(("stack", "runs"), [("prod", "site-guard-guard"), ("dr", "postgres-set")])
def test_a_lease_that_changes_restarts_its_guard(stack: str, runs: str, tmp_path: Path) -> None:
    assert {"plan", runs} <= changed(stack, tmp_path, "renewal: 5s", "renewal: 4s")


@pytest.mark.parametrize("stack", ["prod", "dr"])
def test_the_map_keeps_its_name_and_changes_in_place(stack: str, tmp_path: Path) -> None:
    """A primary's Pod that is not ours mounts it by this name: with another one for each plan, its next start would
    wait for a map that is gone."""
    found = resources(stack, tmp_path)
    assert found["plan"]["metadata"]["name"] == PLAN_MAP
    assert not found["plan"].get("immutable")
    assert found["kubernetes"]["enableConfigMapMutable"] in (True, "true")


def test_part_of_a_plan_that_no_plan_has_is_an_error() -> None:
    with pytest.raises(KeyError):
        plan().digest_of("lease.colour")
