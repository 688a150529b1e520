"""A copy's objects into another cluster: shown first, applied in order, twice without effect, never into production."""

import copy

import pytest

from engines.configuration.into_cluster import ClusterOrder
from recovery.errors import Failed, Refused
from tests.support.cluster_objects import CUSTOM, DR_UID, NAMESPACE, PROD_UID, FakeObjects
from tests.support.configuration_site import PASSWORD, ConfigurationSite, encoded, shop, with_definition

DR = "ultramarket-dr"


def empty() -> FakeObjects:
    """Another cluster, whose namespace for it is there."""
    return FakeObjects(DR_UID, namespace=DR)


def told(order: ClusterOrder) -> dict[str, str]:
    return {each.document.words: each.what + (f": {each.why}" if each.why else "") for each in order.steps}


@pytest.fixture
def site() -> ConfigurationSite:
    site = shop()
    site.back_up()
    return site


def test_it_is_shown_first_and_nothing_is_changed(site: ConfigurationSite) -> None:
    target = empty()
    before = copy.deepcopy(target.objects)
    order = site.plan(target, namespace=DR)
    found = told(order)
    assert found.pop(f"namespaces/{NAMESPACE}") == "same", "it is there, by its other name"
    assert set(found.values()) == {"create"} and len(found) == 7
    assert target.objects == before and target.applied == []
    assert (order.cluster, order.namespace) == (DR_UID, DR)


def test_applied_twice_the_second_changes_nothing(site: ConfigurationSite) -> None:
    """Pitfall 5."""
    target = empty()
    done = site.apply(target, namespace=DR)
    assert (done.created, done.changed) == (7, 0)
    applied = list(target.applied)
    again = site.apply(target, namespace=DR)
    assert (again.created, again.changed) == (0, 0) and target.applied == applied


def test_the_order_is_rights_configuration_secrets_services_workloads(site: ConfigurationSite) -> None:
    """Pitfall 3."""
    target = empty()
    site.apply(target, namespace=DR)
    assert target.applied == [
        "serviceaccounts/order",
        "configmaps/order-settings",
        "secrets/order-login",
        "services/order",
        "deployments.apps/mailer",
        "deployments.apps/order",
        "cronjobs.batch/report",
    ]


def test_its_own_namespace_is_made_where_there_is_none(site: ConfigurationSite) -> None:
    target = FakeObjects(DR_UID, namespace="default")
    site.apply(target)
    assert target.applied[0] == f"namespaces/{NAMESPACE}"
    assert ("configmaps", NAMESPACE, "order-settings") in target.objects


def test_replicas_of_the_services_are_left_to_promotion_and_cron_jobs_wait(site: ConfigurationSite) -> None:
    """Pitfalls 9 and 10."""
    target = empty()
    place = {"name": "order", "namespace": DR}
    target.objects["deployments.apps", DR, "order"] = {"metadata": place, "spec": {"replicas": 1}}
    site.apply(target, namespace=DR)
    assert target.objects["deployments.apps", DR, "order"]["spec"]["replicas"] == 1
    assert target.objects["deployments.apps", DR, "mailer"]["spec"]["replicas"] == 2
    assert target.objects["cronjobs.batch", DR, "report"]["spec"]["suspend"] is True
    assert target.objects["secrets", DR, "order-login"]["data"] == {"password": encoded(PASSWORD)}


def test_production_s_cluster_is_refused_by_its_uid_whatever_it_is_called(site: ConfigurationSite) -> None:
    """Pitfall 8."""
    for namespace in ("", DR):
        with pytest.raises(Refused, match=f"is {PROD_UID}, of which copies were made"):
            site.plan(FakeObjects(PROD_UID), namespace=namespace)
    # A copy that the DR site made goes into neither.
    site.source = shop().source
    site.source._uid = DR_UID
    site.back_up()
    assert site.contents().index.cluster == DR_UID
    for uid in (PROD_UID, DR_UID):
        with pytest.raises(Refused, match=f"is {uid}, of which"):
            site.plan(FakeObjects(uid))


def test_definitions_are_established_before_what_they_define(site: ConfigurationSite) -> None:
    """Pitfall 3."""
    site.source.served.append(CUSTOM)
    with_definition(site.source)
    site.source.add(CUSTOM.resource, "main", spec={"city": "Tashkent"})
    site.back_up()
    target = empty()
    site.apply(target, namespace=DR)
    assert target.applied[0] == "customresourcedefinitions.apiextensions.k8s.io/shops.ultramarket.example"
    assert f"{CUSTOM.resource}/main" in target.applied
    assert (CUSTOM.resource, DR, "main") in target.objects


def test_a_kind_that_the_target_does_not_serve_is_told_before_the_first_apply(site: ConfigurationSite) -> None:
    """Pitfall 4."""
    target = empty()
    target.served = [each for each in target.served if each.plural != "cronjobs"]
    found = told(site.plan(target, namespace=DR))
    assert found["cronjobs.batch/report"] == "blocked: this cluster does not serve batch/v1 CronJob"
    with pytest.raises(Refused, match=r"1 objects cannot be applied, and nothing was: cronjobs.batch/report") as error:
        site.apply(target, namespace=DR)
    assert target.applied == [] and "--partial" in error.value.next_step
    done = site.apply(target, namespace=DR, partial=True)
    assert done.created == 6


def test_what_others_own_is_never_taken_from_them(site: ConfigurationSite) -> None:
    target = empty()
    target.owned = {"services/order": ".spec.ports (pulumi-kubernetes)"}
    with pytest.raises(Refused, match=r"services/order: others own .spec.ports \(pulumi-kubernetes\)"):
        site.apply(target, namespace=DR)
    site.apply(target, namespace=DR, partial=True)
    assert "services/order" not in target.applied and "cronjobs.batch/report" in target.applied


def test_without_secrets_no_key_is_asked(site: ConfigurationSite) -> None:
    target = empty()
    site.keys.usable = set()
    with pytest.raises(Refused, match="Decrypt"):
        site.plan(target, namespace=DR)
    order = site.plan(target, namespace=DR, with_secrets=False)
    assert told(order)["secrets/order-login"] == "leave: Secrets were not asked for"
    site.apply(target, namespace=DR, with_secrets=False)
    assert "secrets/order-login" not in target.applied and len(target.applied) == 6


def test_what_the_cluster_takes_no_more_stops_it_and_it_goes_on_from_there(
    site: ConfigurationSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = empty()
    apply = target.apply

    def refuses(kind: object, document: object, *, trial: bool) -> object:
        if not trial and document["metadata"]["name"] == "mailer":  # type: ignore[index]
            raise Refused("the cluster does not take Deployment mailer: 403 Forbidden: quota")
        return apply(kind, document, trial=trial)  # type: ignore[arg-type]

    monkeypatch.setattr(target, "apply", refuses)
    with pytest.raises(Failed, match=r"stopped at deployments.apps/mailer: .*quota; what was applied before it stays"):
        site.apply(target, namespace=DR)
    assert len(target.applied) == 4
    monkeypatch.undo()
    done = site.apply(target, namespace=DR)
    assert (done.created, len(target.applied)) == (3, 7)


def test_while_the_copy_lies_in_an_archive_it_is_shown_without_steps(site: ConfigurationSite) -> None:
    site.store.storage = {key: "GLACIER" for key in site.store.objects if "manifest" not in key}
    order = site.plan(empty(), namespace=DR)
    assert order.steps == () and order.archived
