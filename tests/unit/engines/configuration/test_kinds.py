"""The order in which objects are put back."""

from engines.configuration.kinds import STAGES, in_order, preferred, stage_of
from tests.support.cluster_objects import CUSTOM, KINDS, kind


def test_definitions_come_first_then_namespaces_rights_configuration_services_workloads_and_webhooks_last() -> None:
    """Pitfall 3."""
    hooks = kind("validatingwebhookconfigurations.admissionregistration.k8s.io", "V", namespaced=False)
    found = [each.resource for each in in_order([hooks, CUSTOM, *KINDS])]
    places = [
        found.index(each)
        for each in (
            "customresourcedefinitions.apiextensions.k8s.io",
            "namespaces",
            "serviceaccounts",
            "rolebindings.rbac.authorization.k8s.io",
            "storageclasses.storage.k8s.io",
            "configmaps",
            "services",
            CUSTOM.resource,
            "deployments.apps",
            "cronjobs.batch",
            "pods",
            hooks.resource,
        )
    ]
    assert places == sorted(places)
    assert found[-1] == hooks.resource


def test_every_stage_has_a_kind() -> None:
    known = {stage_of(each.group, each.plural) for each in (*KINDS, CUSTOM)}
    assert known == {*STAGES} - {"webhooks"}


def test_a_kind_is_taken_once_in_the_version_that_its_server_prefers() -> None:
    new, old = kind("shops.x", "Shop", version="v2"), kind("shops.x", "Shop", version="v1")
    beta = kind("carts.x", "Cart", version="v1beta1")
    assert preferred([new, old, beta]) == [new, beta]
