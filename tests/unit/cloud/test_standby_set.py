"""The standby's set as the API shows it, and what is asked of the API."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cloud import standby_set
from cloud.kubernetes_api import Absent
from cloud.standby_set import KubernetesStandbySet
from recovery.copies.server_order import ServerOrder, ServerPod
from recovery.copies.standby_set import DiskClaim
from recovery.names import STANDBY, STANDBY_CLAIM, STANDBY_LABEL, STANDBY_ORDER

CORE, APPS = "/api/v1/namespaces/dr", "/apis/apps/v1/namespaces/dr"
CLAIM = f"{CORE}/persistentvolumeclaims/{STANDBY_CLAIM}"
ORDER = ServerOrder(asked="noon", to="0/3000148", at=datetime(2026, 11, 30, 12, tzinfo=UTC), replaces="claim-1")


class Api:
    """Answers by path; keeps what was asked."""

    def __init__(self, **claim: Any) -> None:
        disk = {"spec": {"resources": {"requests": {"storage": "400Gi"}}}}
        self.objects: dict[str, Any] = {
            f"{CORE}/configmaps/{STANDBY_ORDER}": {"metadata": {"name": STANDBY_ORDER, "resourceVersion": "7"}},
            f"{APPS}/statefulsets/{STANDBY}": {"spec": {"replicas": 1, "volumeClaimTemplates": [disk]}},
            f"{CORE}/pods": {
                "items": [
                    {"metadata": {"name": "a", "labels": {**STANDBY_LABEL, "more": "x"}}, "status": {}},
                    {"metadata": {"name": "b", "labels": {"app": "order"}}, "status": {}},
                ]
            },
            "/api/v1/persistentvolumes/pv-1": {"spec": {"persistentVolumeReclaimPolicy": "Retain"}},
            CLAIM: {"metadata": {"uid": "claim-1"}, "spec": {"volumeName": "pv-1"}, **claim},
        }
        self.asked: list[tuple[str, str, Any]] = []

    def __call__(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        self.asked.append((method, path, body))
        if method == "GET" and path not in self.objects:
            raise Absent(f"the DR cluster has no {path}")
        return self.objects.get(path)


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def seen(api: Api, monkeypatch: pytest.MonkeyPatch) -> KubernetesStandbySet:
    monkeypatch.setattr(standby_set.KubernetesApi, "call", staticmethod(api))
    return KubernetesStandbySet(Path("kubeconfig"), "dr")


def test_it_is_read_with_its_pod_and_its_claim(seen: KubernetesStandbySet) -> None:
    state = seen.state()
    assert (state.order, state.version, state.wanted, state.disk_bytes) == (None, "7", 1, 400 * 2**30)
    assert list(state.pods) == [ServerPod(stage="waiting")]
    assert state.claim == DiskClaim(uid="claim-1", volume="pv-1", retained=True)


def test_a_volume_that_goes_with_its_claim_or_cannot_be_found_is_not_retained(
    seen: KubernetesStandbySet, api: Api
) -> None:
    api.objects["/api/v1/persistentvolumes/pv-1"]["spec"]["persistentVolumeReclaimPolicy"] = "Delete"
    assert (claim := seen.state().claim) and not claim.retained
    del api.objects["/api/v1/persistentvolumes/pv-1"]
    assert (claim := seen.state().claim) and not claim.retained


def test_a_claim_may_be_absent_without_a_volume_or_leaving(seen: KubernetesStandbySet, api: Api) -> None:
    api.objects[CLAIM]["metadata"]["deletionTimestamp"] = "2026-11-30T12:00:00Z"
    assert (claim := seen.state().claim) and claim.leaving
    api.objects[CLAIM] = {"metadata": {"uid": "claim-2"}, "spec": {}}
    assert seen.state().claim == DiskClaim(uid="claim-2", volume="", retained=True)
    del api.objects[CLAIM]
    assert seen.state().claim is None


def test_what_is_asked_names_exactly_what_was_seen(seen: KubernetesStandbySet, api: Api) -> None:
    seen.write_order(ORDER, version="7")
    seen.scale(0)
    seen.release(DiskClaim(uid="claim-1", volume="pv-1", retained=True))
    (_, where, patch), (_, scale, size), deletion = api.asked
    assert where.endswith(f"/configmaps/{STANDBY_ORDER}") and patch["metadata"] == {"resourceVersion": "7"}
    assert patch["data"]["to"] == "0/3000148" and patch["data"]["replaces"] == "claim-1"
    assert (scale, size) == (f"{APPS}/statefulsets/{STANDBY}/scale", {"spec": {"replicas": 0}})
    assert deletion == ("DELETE", CLAIM, {"preconditions": {"uid": "claim-1"}})
