"""What starts work in another cluster waits there."""

from typing import Any

from engines.configuration.index import Document
from engines.configuration.prepared import prepared, why_not_here


def given(api_version: str, plural: str, found: dict[str, Any]) -> dict[str, Any]:
    own = {"name": "order", "namespace": "prod", **found.pop("metadata", {})}
    entry = Document(part="p", api_version=api_version, kind="K", plural=plural, name="order")
    whole = {"apiVersion": api_version, "kind": "K", "metadata": own, **found}
    return prepared(entry, whole, source="prod", target="dr", services=["order"])


def test_replicas_of_a_service_are_left_to_promotion_and_others_are_not() -> None:
    """Pitfall 9."""
    assert given("apps/v1", "deployments", {"spec": {"replicas": 3, "paused": False}})["spec"] == {"paused": False}
    other = given("apps/v1", "deployments", {"metadata": {"name": "mailer"}, "spec": {"replicas": 2}})
    assert other["spec"] == {"replicas": 2}


def test_cron_jobs_and_jobs_come_suspended() -> None:
    """Pitfall 10."""
    assert given("batch/v1", "cronjobs", {"spec": {"suspend": False}})["spec"] == {"suspend": True}
    assert given("batch/v1", "jobs", {"spec": {}})["spec"] == {"suspend": True}


def test_a_pod_without_a_controller_is_nobody_s_to_start() -> None:
    pod = Document(part="p", api_version="v1", kind="Pod", plural="pods", namespace="prod", name="x")
    assert "start it yourself" in why_not_here(pod)
    assert why_not_here(pod.model_copy(update={"plural": "services"})) == ""


def test_another_namespace_is_meant_wherever_it_is_named() -> None:
    assert given("v1", "configmaps", {})["metadata"]["namespace"] == "dr"
    space = given("v1", "namespaces", {"metadata": {"name": "prod", "labels": {"kubernetes.io/metadata.name": "prod"}}})
    assert space["metadata"] == {"name": "dr"}, "whether it is production's, its own annotations say"
    subjects = [{"kind": "ServiceAccount", "name": "a", "namespace": "prod"}, {"kind": "User", "name": "b"}]
    bound = given("rbac.authorization.k8s.io/v1", "rolebindings", {"subjects": subjects})
    assert bound["subjects"] == [{"kind": "ServiceAccount", "name": "a", "namespace": "dr"}, subjects[1]]
    hooks = [{"clientConfig": {"service": {"namespace": "prod", "name": "x"}}}, {"clientConfig": {"url": "https://x"}}]
    hooked = given("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", {"webhooks": hooks})
    assert hooked["webhooks"][0]["clientConfig"]["service"]["namespace"] == "dr"
    assert hooked["webhooks"][1] == hooks[1]
    api = given("apiregistration.k8s.io/v1", "apiservices", {"spec": {"service": {"namespace": "prod", "name": "x"}}})
    assert api["spec"]["service"]["namespace"] == "dr"
