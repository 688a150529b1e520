"""What of an object is the cluster's own and goes; what no copy keeps at all."""

from typing import Any

import pytest

from engines.configuration.cleaning import clean, why_left
from tests.support.cluster_objects import kind

CONFIG_MAP, SECRET, SERVICE = kind("configmaps", "ConfigMap"), kind("secrets", "Secret"), kind("services", "Service")


def found(**body: Any) -> dict[str, Any]:
    own = {
        "name": "x",
        "namespace": "shop",
        "uid": "1",
        "resourceVersion": "2",
        "generation": 3,
        "creationTimestamp": "2026-11-30T00:00:00Z",
        "managedFields": [{}],
        "selfLink": "/x",
        "labels": {"app": "order"},
    }
    return {"metadata": {**own, **body.pop("metadata", {})}, **body}


def test_status_uid_version_managed_fields_and_times_go(  # pitfall 1
) -> None:
    made = clean(CONFIG_MAP, found(data={"a": "b"}, status={"x": 1}))
    assert made == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x", "namespace": "shop", "labels": {"app": "order"}},
        "data": {"a": "b"},
    }


def test_what_was_applied_is_not_kept_once_more_in_an_annotation() -> None:
    last = {"kubectl.kubernetes.io/last-applied-configuration": '{"data":{"password":"c2VzYW1l"}}'}
    assert "annotations" not in clean(SECRET, found(metadata={"annotations": last}))["metadata"]
    kept = clean(SECRET, found(metadata={"annotations": {**last, "owner": "shop"}}))["metadata"]["annotations"]
    assert kept == {"owner": "shop"}


def test_addresses_and_node_ports_of_a_service_go(  # pitfall 1
) -> None:
    spec = {
        "clusterIP": "10.0.0.1",
        "clusterIPs": ["10.0.0.1"],
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "healthCheckNodePort": 31000,
        "ports": [{"port": 80, "nodePort": 30080, "name": "http"}],
        "selector": {"app": "order"},
    }
    made = clean(SERVICE, found(spec=spec, status={"loadBalancer": {}}))
    assert made["spec"] == {"ports": [{"port": 80, "name": "http"}], "selector": {"app": "order"}}
    assert spec["clusterIP"] == "10.0.0.1", "what was found is left as it is"


def test_a_headless_service_stays_headless() -> None:
    spec = {"clusterIP": "None", "clusterIPs": ["None"]}
    assert clean(SERVICE, found(spec=spec))["spec"] == spec


def test_a_claim_forgets_its_volume_and_an_account_its_tokens() -> None:
    notes = {"pv.kubernetes.io/bind-completed": "yes", "volume.kubernetes.io/selected-node": "n"}
    claim = clean(
        kind("persistentvolumeclaims", "PersistentVolumeClaim"),
        found(
            metadata={"annotations": notes, "finalizers": ["kubernetes.io/pvc-protection"]},
            spec={"volumeName": "pv-1", "storageClassName": "gp3"},
        ),
    )
    assert claim["spec"] == {"storageClassName": "gp3"}
    assert claim["metadata"].keys() == {"name", "namespace", "labels"}
    account = clean(
        kind("serviceaccounts", "ServiceAccount"),
        found(secrets=[{"name": "x-token"}], imagePullSecrets=[{"name": "p"}]),
    )
    assert "secrets" not in account and account["imagePullSecrets"] == [{"name": "p"}]


def test_a_job_forgets_by_what_its_controller_knew_its_pods() -> None:
    labels = {"controller-uid": "1", "batch.kubernetes.io/controller-uid": "1", "job-name": "x", "app": "order"}
    spec = {
        "selector": {"matchLabels": {"controller-uid": "1"}},
        "template": {"metadata": {"labels": labels}, "spec": {}},
    }
    made = clean(kind("jobs.batch", "Job"), found(metadata={"labels": labels}, spec=spec))
    assert made["spec"] == {"template": {"metadata": {"labels": {"app": "order"}}, "spec": {}}}
    assert made["metadata"]["labels"] == {"app": "order"}


def test_a_pod_forgets_its_node_and_its_token() -> None:
    token = "kube-api-access-7"
    spec = {
        "nodeName": "n",
        "volumes": [{"name": token}, {"name": "data"}],
        "containers": [{"name": "c", "volumeMounts": [{"name": token}, {"name": "data"}]}],
    }
    made = clean(kind("pods", "Pod"), found(spec=spec))["spec"]
    assert "nodeName" not in made and made["volumes"] == [{"name": "data"}]
    assert made["containers"] == [{"name": "c", "volumeMounts": [{"name": "data"}]}]


def test_owner_references_are_dropped_since_their_uids_are_of_this_cluster(  # pitfall 2
) -> None:
    owners = [{"kind": "Shop", "name": "main", "uid": "7"}]
    assert "ownerReferences" not in clean(CONFIG_MAP, found(metadata={"ownerReferences": owners}))["metadata"]


OWNED = {"ownerReferences": [{"kind": "ReplicaSet", "name": "x", "uid": "7", "controller": True}]}


@pytest.mark.parametrize(
    ("of", "body", "why"),
    [
        (kind("pods", "Pod"), {"metadata": OWNED}, "its ReplicaSet makes it"),  # pitfall 2
        (kind("endpointslices.discovery.k8s.io", "EndpointSlice"), {"metadata": OWNED}, "its ReplicaSet makes it"),
        (SECRET, {"type": "kubernetes.io/service-account-token"}, "a token of this cluster alone"),  # pitfall 7
        (CONFIG_MAP, {"metadata": {"name": "kube-root-ca.crt"}}, "every cluster makes its own"),
        (
            CONFIG_MAP,
            {"metadata": {"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}},
            "who leads at this moment",
        ),
        (CONFIG_MAP, {"metadata": {"deletionTimestamp": "2026-11-30T00:00:00Z"}}, "it is being deleted"),
        (
            kind("endpointslices.discovery.k8s.io", "EndpointSlice"),
            {
                "metadata": {
                    "labels": {"endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io"}
                }
            },
            "its Service makes it",
        ),
        (kind("endpoints", "Endpoints"), {}, "its Service makes it"),
    ],
)
def test_what_a_controller_or_the_cluster_makes_is_not_stored(of: Any, body: dict[str, Any], why: str) -> None:
    assert why_left(of, found(**body)) == why


@pytest.mark.parametrize(
    ("of", "body"),
    [
        (SECRET, {"type": "Opaque"}),
        (CONFIG_MAP, {"metadata": {"ownerReferences": [{"kind": "Shop", "name": "main", "uid": "7"}]}}),
        (kind("endpoints", "Endpoints"), {"subsets": [{"addresses": [{"ip": "192.0.2.1"}]}]}),
        (kind("endpointslices.discovery.k8s.io", "EndpointSlice"), {}),
    ],
)
def test_all_else_is(of: Any, body: dict[str, Any]) -> None:
    assert why_left(of, found(**body)) == ""
