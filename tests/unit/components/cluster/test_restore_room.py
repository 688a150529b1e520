"""The namespace for restores into somebody's claims: one account that reads, one template that never runs."""

from functools import cache
from typing import Any

from recovery.names import RESTORE_LABEL, RESTORE_NAMESPACE, RESTORER_ACCOUNT
from recovery.site.claim_restore import FOLDER, filled
from tests.support import stacks
from tests.support.project import in_the_project as in_the_project  # a fixture
from tests.support.stacks import Declared


@cache
def declared() -> dict[str, Declared]:
    return {each.name: each for each in stacks.declare("dr")}


def spec(name: str) -> dict[str, Any]:
    return declared()[name].inputs["spec"]


def template() -> dict[str, Any]:
    return spec("restore-template")["jobTemplate"]["spec"]["template"]["spec"]


def test_the_namespace_is_restricted_says_its_site_and_outlives_the_stack() -> None:
    namespace = declared()["restore-namespace"]
    metadata = namespace.inputs["metadata"]
    assert metadata["name"] == RESTORE_NAMESPACE and namespace.kept_on_delete and namespace.protected
    assert metadata["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert metadata["annotations"]["dr.ultramarket.com/site"] == "dr"


def test_everything_is_denied_but_names_and_aws_for_the_restore_s_own_pods() -> None:
    assert spec("restore-default-deny") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    aws = spec("restore-aws")
    assert aws["podSelector"] == {"matchLabels": RESTORE_LABEL} and aws["policyTypes"] == ["Egress"]
    assert {port["port"] for rule in aws["egress"] for port in rule["ports"]} == {53, 80, 443}
    ours = [each for each in declared().values() if each.type.endswith(":NetworkPolicy")]
    here = [each.name for each in ours if each.inputs["metadata"]["namespace"] == RESTORE_NAMESPACE]
    assert sorted(here) == ["restore-aws", "restore-default-deny"]


def test_the_only_account_there_reads_copies() -> None:
    association = declared()["restore-identity"].inputs
    assert (association["namespace"], association["serviceAccount"]) == (RESTORE_NAMESPACE, RESTORER_ACCOUNT)
    assert association["roleArn"].endswith(":role/ultramarket-dr-restorer")
    accounts = [each for each in declared().values() if each.type.endswith(":ServiceAccount")]
    here = [each.name for each in accounts if each.inputs["metadata"]["namespace"] == RESTORE_NAMESPACE]
    assert here == ["restore-account"]


def test_the_template_never_runs_and_needs_no_plan() -> None:
    assert spec("restore-template")["suspend"] is True
    (container,) = template()["containers"]
    said = " ".join(container["command"])
    assert said == (
        "dr restore postgres --to $(RESTORE_TO) --bucket ultramarket-backups-123456789012-us-west-2 "
        "--region us-west-2 --into /restore/data --execute"
    )
    assert "DR_PLAN" not in {each["name"] for each in container["env"]}
    assert {each["name"] for each in template()["volumes"]} == {"target", "scratch", "eks-pod-identity-token"}


def test_the_promoter_may_make_jobs_and_look_and_nothing_more() -> None:
    rules = declared()["restore-role"].inputs["rules"]
    assert {(what, verb) for rule in rules for what in rule["resources"] for verb in rule["verbs"]} == {
        ("jobs", "create"),
        ("jobs", "get"),
        ("jobs", "delete"),
        ("cronjobs", "get"),
        ("pods", "get"),
        ("pods", "list"),
        ("namespaces", "get"),
        ("persistentvolumeclaims", "get"),
    }
    subjects = declared()["restore-binding"].inputs["subjects"]
    assert [(each["kind"], each.get("namespace")) for each in subjects] == [
        ("Group", None),
        ("ServiceAccount", "ultramarket-dr"),
    ]


def test_a_job_is_the_template_with_claim_and_point_filled_in() -> None:
    whole = {"metadata": declared()["restore-template"].inputs["metadata"], "spec": spec("restore-template")}
    job = filled(whole, "theirs", asked="noon", to="0/3000148", accepts="18.6")
    pod = job["spec"]["template"]["spec"]
    assert job["metadata"]["name"] == "restore-postgres-theirs"
    (claim,) = [each["persistentVolumeClaim"] for each in pod["volumes"] if "persistentVolumeClaim" in each]
    assert claim["claimName"] == "theirs"
    (container,) = pod["containers"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    assert (environment["RESTORE_TO"], environment["DR_ACCEPT_INCREMENTALS_OF"]) == ("0/3000148", "18.6")
    assert FOLDER in [each["mountPath"] for each in container["volumeMounts"]]
    before = template()["containers"][0]["env"]
    assert {each["name"]: each["value"] for each in before}["RESTORE_TO"] == "", "the template itself was changed"
