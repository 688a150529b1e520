"""Copies of configuration of a real API server, and applied to one: as the command does it, with S3 and KMS."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud.cluster_objects import KubernetesObjects
from lab.kubernetes.api import Api, ApiError
from recovery.errors import Refused, Unreachable
from tests.lab.conftest import Workspace
from tests.support.cluster_objects import DR_UID
from tests.support.configuration_site import PASSWORD, ConfigurationSite, encoded

CRD: dict[str, Any] = {
    "scope": "Namespaced",
    "versions": [
        {
            "name": "v1",
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        }
    ],
}
POD = {"containers": [{"name": "c", "image": "lab.test/none@sha256:" + "0" * 64}]}


class Elsewhere(KubernetesObjects):
    """The same API server, as another cluster."""

    def uid(self) -> str:
        return DR_UID


@pytest.fixture
def kubeconfig(space: Workspace) -> Path:
    return space.cluster.kubeconfig()


@pytest.fixture
def group(space: Workspace, admin: Api) -> Iterator[str]:
    """An API group with a kind of its own, `carts`."""
    name = f"{space.name}.example"
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    names = {"plural": "carts", "singular": "cart", "kind": "Cart", "listKind": "CartList"}
    admin.create(crds, {"metadata": {"name": f"carts.{name}"}, "spec": {**CRD, "group": name, "names": names}})
    space.eventually(lambda: served(admin, name), "the kind to be served")
    yield name
    delete(admin, f"{crds}/carts.{name}")


def served(admin: Api, group: str) -> bool:
    try:
        return any(each["name"] == "carts" for each in admin.get(f"/apis/{group}/v1")["resources"])
    except ApiError:
        return False


def delete(admin: Api, path: str) -> None:
    try:
        admin.request("DELETE", path)
    except ApiError as error:
        if error.status != 404:
            raise


@pytest.fixture
def shop(space: Workspace, group: str, kubeconfig: Path) -> ConfigurationSite:
    """A namespace with something of everything, copied from."""
    labels = {"app": "order"}
    template = {"metadata": {"labels": labels}, "spec": POD}
    space.create("configmaps", "settings", data={"currency": "UZS"})
    space.create("secrets", "login", data={"password": encoded(PASSWORD)})
    space.create("serviceaccounts", "order")
    space.create("services", "order", spec={"type": "NodePort", "selector": labels, "ports": [{"port": 80}]})
    space.create("roles", "reader", group="rbac.authorization.k8s.io/v1", rules=[])
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    subject = {"kind": "ServiceAccount", "name": "order", "namespace": space.name}
    space.create("rolebindings", "reader", group="rbac.authorization.k8s.io/v1", roleRef=role, subjects=[subject])
    cart = {"apiVersion": f"{group}/v1", "kind": "Cart", "metadata": {"name": "main"}, "spec": {"size": 7}}
    space.api.create(space.path("carts", group=f"{group}/v1"), cart)
    for name in ("order", "mailer"):
        space.create(
            "deployments", name, group="apps/v1",
            spec={"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
        )  # fmt: skip
    job = {"template": {"spec": {**POD, "restartPolicy": "Never"}}}
    space.create("cronjobs", "report", group="batch/v1", spec={"schedule": "0 1 * * *", "jobTemplate": {"spec": job}})
    space.eventually(
        lambda: len(space.api.get(space.path("replicasets", group="apps/v1"))["items"]) == 2, "controllers"
    )
    return ConfigurationSite(source=KubernetesObjects(kubeconfig), namespace=space.name)


def versions(space: Workspace, namespace: str) -> dict[str, str]:
    """Of what a restore applies; controllers write status as they like."""
    found: dict[str, str] = {}
    for path in (
        f"/api/v1/namespaces/{namespace}/configmaps",
        f"/api/v1/namespaces/{namespace}/secrets",
        f"/api/v1/namespaces/{namespace}/services",
        f"/apis/batch/v1/namespaces/{namespace}/cronjobs",
        f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
    ):
        for each in space.api.get(path)["items"]:
            found[f"{path}/{each['metadata']['name']}"] = each["metadata"]["resourceVersion"]
    return found


def test_a_namespace_is_copied_and_applied_to_another_and_the_second_apply_changes_nothing(
    shop: ConfigurationSite, space: Workspace, group: str, admin: Api, kubeconfig: Path
) -> None:
    """Pitfalls 1, 2, 3, 5, 9 and 10, before a real API server."""
    made = shop.back_up()
    uid = admin.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    assert made.manifest.source.system_identifier == uid
    documents = shop.documents()
    assert {each.partition("/")[0] for each in documents}.isdisjoint(
        {"pods", "replicasets.apps", "events", "endpoints"}
    )
    assert "endpointslices.discovery.k8s.io" not in {each.partition("/")[0] for each in documents}
    assert f"customresourcedefinitions.apiextensions.k8s.io/carts.{group}" in documents
    assert "configmaps/kube-root-ca.crt" not in documents
    assert "clusterIP" not in documents["services/order"]["spec"]
    assert "nodePort" not in documents["services/order"]["spec"]["ports"][0]
    assert "UTC" not in json.dumps(documents) and "managedFields" not in json.dumps(documents)
    shop.verify()

    other = f"{space.name}-dr"
    target = Elsewhere(kubeconfig)
    try:
        order = shop.plan(target, namespace=other)
        assert not order.those("blocked"), order.those("blocked")
        with pytest.raises(ApiError, match="404"):
            admin.get(f"/api/v1/namespaces/{other}/configmaps/settings")
        done = shop.apply(target, namespace=other)
        # The definition is the same cluster's, and the namespace's own account and CA are there by themselves.
        assert done.created >= 10 and not [each for each in order.those("change") if each.document.namespace]
        secret = admin.get(f"/api/v1/namespaces/{other}/secrets/login")
        assert secret["data"] == {"password": encoded(PASSWORD)}
        deployments = admin.get(f"/apis/apps/v1/namespaces/{other}/deployments")["items"]
        assert {each["metadata"]["name"]: each["spec"]["replicas"] for each in deployments} == {"order": 1, "mailer": 2}
        assert admin.get(f"/apis/batch/v1/namespaces/{other}/cronjobs/report")["spec"]["suspend"] is True
        bound = admin.get(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{other}/rolebindings/reader")
        assert bound["subjects"][0]["namespace"] == other
        assert admin.get(f"/apis/{group}/v1/namespaces/{other}/carts/main")["spec"] == {"size": 7}

        before = versions(space, other)
        # Whoever scales has scaled, and that stays.
        admin.merge(f"/apis/apps/v1/namespaces/{other}/deployments/order/scale", {"spec": {"replicas": 3}})
        again = shop.apply(target, namespace=other)
        assert (again.created, again.changed) == (0, 0), shop.plan(target, namespace=other).those("change")
        assert versions(space, other) == before
        assert admin.get(f"/apis/apps/v1/namespaces/{other}/deployments/order")["spec"]["replicas"] == 3
    finally:
        delete(admin, f"/api/v1/namespaces/{other}")


def test_a_changed_field_of_somebody_else_s_is_told_and_not_taken(
    shop: ConfigurationSite, space: Workspace, admin: Api, kubeconfig: Path
) -> None:
    shop.back_up()
    other, target = f"{space.name}-dr", Elsewhere(kubeconfig)
    try:
        shop.apply(target, namespace=other)
        admin.request(
            "PATCH",
            f"/api/v1/namespaces/{other}/configmaps/settings",
            {"data": {"currency": "EUR"}},
            query={"fieldManager": "somebody"},
            content_type="application/merge-patch+json",
        )
        (step,) = shop.plan(target, namespace=other).those("blocked")
        assert step.document.words == "configmaps/settings" and "others own .data.currency (somebody" in step.why
        shop.apply(target, namespace=other, partial=True)
        assert admin.get(f"/api/v1/namespaces/{other}/configmaps/settings")["data"] == {"currency": "EUR"}
    finally:
        delete(admin, f"/api/v1/namespaces/{other}")


def test_its_own_cluster_is_refused_by_uid(shop: ConfigurationSite, kubeconfig: Path) -> None:
    """Pitfall 8."""
    shop.back_up()
    with pytest.raises(Refused, match="of which copies were made"):
        shop.plan(KubernetesObjects(kubeconfig), namespace="elsewhere")


def test_an_api_group_whose_server_is_gone_makes_the_copy_fail(
    shop: ConfigurationSite, space: Workspace, admin: Api
) -> None:
    """Pitfall 4: an APIService that leads nowhere, as a metrics server that died leaves it."""
    gone = f"v1.gone.{space.name}.example"
    path = "/apis/apiregistration.k8s.io/v1/apiservices"
    spec = {
        "group": gone.removeprefix("v1."), "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100,
        "service": {"name": "nobody", "namespace": space.name}, "insecureSkipTLSVerify": True,
    }  # fmt: skip
    admin.create(path, {"metadata": {"name": gone}, "spec": spec})
    try:
        space.eventually(
            lambda: any(each["name"] == spec["group"] for each in admin.get("/apis")["groups"]), "the group to be known"
        )
        with pytest.raises(Unreachable, match=f"cannot say what it serves of {spec['group']}/v1") as error:
            shop.back_up()
        assert "kubectl get apiservices" in error.value.next_step
        assert not [key for key in shop.store.objects if key.endswith("manifest.json")]
    finally:
        delete(admin, f"{path}/{gone}")
