"""The copier of configuration with the rights that a stack declares, and no others, before a real API server."""

import json
from pathlib import Path
from typing import Any

import pytest

from cloud.cluster_objects import KubernetesObjects
from cloud.kubernetes_api import KubernetesApi
from recovery.errors import Refused
from recovery.names import EXPORTER_ACCOUNT
from recovery.site.kubeconfig import token_kubeconfig
from tests.lab.conftest import Object, Workspace
from tests.support import stacks
from tests.support.configuration_site import ConfigurationSite, encoded
from tests.support.plans import ROOT, plan

RBAC = "rbac.authorization.k8s.io/v1"


@pytest.fixture
def own(space: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A kubeconfig of the exporter's account, with role and cluster role as prod declares them, in this namespace."""
    monkeypatch.chdir(ROOT)
    declared: dict[str, Object] = {each.name: each.inputs for each in stacks.declare("prod")}
    space.create("serviceaccounts", EXPORTER_ACCOUNT)
    account = {"kind": "ServiceAccount", "name": EXPORTER_ACCOUNT, "namespace": space.name}
    group = RBAC.partition("/")[0]
    space.create("roles", "exporter", group=RBAC, rules=declared["configuration-export-role"]["rules"])
    role = {"apiGroup": group, "kind": "Role", "name": "exporter"}
    space.create("rolebindings", "exporter", group=RBAC, roleRef=role, subjects=[account])
    text = json.dumps(declared["configuration-export-cluster-role"]["rules"])
    rules: Any = json.loads(text.replace(f'"{plan().sites.prod.namespace}"', f'"{space.name}"'))
    name = f"exporter-{space.name}"
    space.api.create(f"/apis/{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": rules})
    bound = {"apiGroup": group, "kind": "ClusterRole", "name": name}
    space.api.create(
        f"/apis/{RBAC}/clusterrolebindings", {"metadata": {"name": name}, "roleRef": bound, "subjects": [account]}
    )
    asked: Object = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = space.path("serviceaccounts", f"{EXPORTER_ACCOUNT}/token")
    (tmp_path / "token").write_text(space.api.create(path, asked)["status"]["token"])
    (tmp_path / "kubeconfig").write_text(
        token_kubeconfig(
            name="prod",
            endpoint=space.cluster.endpoint,
            ca_data=space.cluster.ca_data,
            token_file=str(tmp_path / "token"),
        )
    )
    return tmp_path / "kubeconfig"


def test_its_rights_are_enough_for_a_copy_with_secrets_and_for_nothing_more(space: Workspace, own: Path) -> None:
    space.create("configmaps", "settings", data={"currency": "UZS"})
    space.create("secrets", "login", data={"password": encoded("sesame")})
    site = ConfigurationSite(source=KubernetesObjects(own), namespace=space.name)
    site.back_up()
    assert {"configmaps/settings", "secrets/login", f"namespaces/{space.name}"} <= set(site.documents())

    api = KubernetesApi(own, space.name)
    for method, path in (
        ("GET", space.path("secrets", "login")),  # it lists; what has subresources is got
        ("GET", space.path("pods", "x/log")),
        ("GET", space.path("pods", "x/exec")),
        ("GET", "/api/v1/namespaces/default/secrets"),
        ("GET", "/api/v1/secrets"),
        ("GET", "/api/v1/namespaces"),
        ("GET", "/api/v1/nodes"),
        ("DELETE", space.path("configmaps", "settings")),
    ):
        with pytest.raises(Refused, match="403"):
            api.call(method, path)
    with pytest.raises(Refused, match="403"):
        api.call("POST", space.path("configmaps"), {"metadata": {"name": "mine"}})
