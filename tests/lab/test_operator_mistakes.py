"""What must survive an operator's hand on the stacks: the lease, the copies, and where the public name points.

On the real engine with the lab's AWS and control planes; no Pod has to run for it.
"""

from typing import Any

import pytest

from lab.story import observers
from lab.world import World
from tests.support.lab_stacks import Base


@pytest.fixture
def world(base: Base) -> World:
    """With a backup in production's bucket."""
    world = base.world
    _s3(world).put_object(Bucket=world.names.backup_bucket("prod"), Key="postgres/full/x/manifest.json", Body=b"{}")
    return world


def test_destroying_a_site_harms_neither_lease_copies_nor_the_public_name(world: World) -> None:  # fault 72
    before = state(world)
    world.engine.destroy("prod").must()
    assert state(world) == before
    world.engine.up("prod").must()


def test_destroying_foundation_is_refused_with_nothing_gone(world: World) -> None:  # fault 72
    before = state(world)
    refused = world.engine.destroy("foundation")
    assert not refused.ok
    assert "protect" in refused.tail(400)
    assert state(world) == before


def test_a_recreated_health_check_moves_no_traffic(world: World) -> None:  # fault 71
    """Another interval replaces the check, and a new inverted check counts as unhealthy until it has data."""
    plan = world.engine.project_dir / "recovery.yaml"
    text = plan.read_text()
    before = state(world)
    try:
        plan.write_text(text.replace("interval: 10s", "interval: 30s"))
        up = world.engine.up("foundation")
    finally:
        plan.write_text(text)
    assert not up.ok
    assert "protect" in up.tail(400), up.tail(400)
    assert state(world) == before


def state(world: World) -> dict[str, Any]:
    """Lease, copies, and the address of the public name."""
    found = _s3(world).list_objects_v2(Bucket=world.names.backup_bucket("prod")).get("Contents", [])
    return {
        "lease": {key: observers.lease_item(world)[key] for key in ("site", "epoch", "state")},
        "copies": [each["Key"] for each in found],
        "address": observers.address_of_the_name(world),
    }


def _s3(world: World) -> Any:
    return world.cloud("s3", world.plan.sites.prod.region)
