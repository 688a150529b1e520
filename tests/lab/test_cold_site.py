"""`strategy: cold` on the real engine and real control planes: declared whole, and nothing of it runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.kubernetes.api import Api
from recovery.names import STANDBY, STANDBY_CLAIM
from tests.support.lab_stacks import Base, configure, stacks_up

_APPS = "/apis/apps/v1/namespaces/ultramarket-dr"


def _cold(project: Path) -> None:
    """Redis keeps its objective without a replica only when its snapshots go straight to the DR bucket."""
    plan = project / "recovery.yaml"
    text = plan.read_text().replace("strategy: warm", "strategy: cold", 1).replace("to: local", "to: cloud")
    plan.write_text(text.replace("{warm: 1", "{warm: 0"))


@pytest.fixture(scope="module")
def site() -> Iterator[Base]:
    yield from stacks_up(_cold)


def dr(site: Base) -> Api:
    return site.world.dr.api()


def test_nothing_of_a_cold_site_runs_and_a_second_preview_is_empty(site: Base) -> None:
    database = standby(site)
    assert (database["spec"]["replicas"], database["status"].get("replicas", 0)) == (0, 0)
    deployments = {each["metadata"]["name"]: each for each in dr(site).get(f"{_APPS}/deployments")["items"]}
    assert {deployments[name]["spec"]["replicas"] for name in site.world.plan.services} == {0}
    pods, claims = (named(site, kind) for kind in ("pods", "persistentvolumeclaims"))
    assert not [pod for pod in pods for name in (STANDBY, *site.world.plan.services) if pod.startswith(f"{name}-")]
    assert STANDBY_CLAIM not in claims
    assert site.world.engine.preview("dr").must().changes == 0


def test_what_a_promotion_has_scaled_no_later_update_scales_back(site: Base) -> None:
    for path in (f"statefulsets/{STANDBY}", "deployments/order"):
        dr(site).merge(f"{_APPS}/{path}/scale", {"spec": {"replicas": 1}})
    configure(site.project, {"dr:postgresSettings": {"work_mem": "8MB"}, "dr:nodes": 7})
    site.world.engine.up("dr").must()
    assert "work_mem=8MB" in str(standby(site)["spec"]["template"])
    assert standby(site)["spec"]["replicas"] == 1
    assert dr(site).get(f"{_APPS}/deployments/order")["spec"]["replicas"] == 1


def named(site: Base, kind: str) -> list[str]:
    """What there is of a kind."""
    return [each["metadata"]["name"] for each in dr(site).get(f"/api/v1/namespaces/ultramarket-dr/{kind}")["items"]]


def standby(site: Base) -> dict[str, Any]:
    return dr(site).get(f"{_APPS}/statefulsets/{STANDBY}")
