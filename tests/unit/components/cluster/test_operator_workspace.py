"""The operator workspace: what is in it, who enters it, and that nothing of it hangs on production's region."""

import json
from functools import cache
from typing import Any

from recovery.names import Names
from recovery.plan.loading import load_plan
from recovery.plan.strategy import strategy_config
from tests.support import stacks
from tests.support.plans import ROOT
from tests.support.project import in_the_project as in_the_project  # a fixture
from tests.support.stacks import Declared

PLAN = load_plan(ROOT / "recovery.yaml")
NAMES = Names(PLAN, "123456789012")


@cache
def declared() -> dict[str, Declared]:
    """The dr stack."""
    return {each.name: each for each in stacks.declare("dr")}


def inputs(name: str) -> dict[str, Any]:
    """Inputs of one resource."""
    return declared()[name].inputs


def pod() -> dict[str, Any]:
    """The workspace's Pod."""
    return inputs("operator-set")["spec"]["template"]["spec"]


def test_the_workspace_has_all_that_dr_promote_asks_for() -> None:
    (container,) = pod()["containers"]
    env = {each["name"]: each.get("value") for each in container["env"]}
    assert env["DR_BUNDLE"] == NAMES.bundle_url
    assert (env["DR_ACCOUNT"], env["DR_PLAN"]) == ("123456789012", "/etc/ultramarket-dr/recovery.yaml")
    assert (env["PGUSER"], env["PGDATABASE"]) == ("dr_promoter", PLAN.datasets.postgres.database)
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert env["KUBECONFIG"] == f"{mounts['access']}/kubeconfig"
    assert env["PGPASSWORD_FILE"] == f"{mounts['login']}/password"
    assert container["workingDir"] == mounts["journal"]
    assert "not-a-secret" not in json.dumps(pod())


def test_its_way_into_the_cluster_is_the_one_in_the_bundle_with_a_token_that_expires() -> None:
    config = json.loads(inputs("operator-access")["data"]["kubeconfig"])
    (cluster,), (user,) = config["clusters"], config["users"]
    assert cluster["cluster"]["server"] == "https://dr.test"
    assert user["user"] == {"tokenFile": "token"}
    (volume,) = [each for each in pod()["volumes"] if each["name"] == "access"]
    token = volume["projected"]["sources"][1]["serviceAccountToken"]
    assert token == {"path": "token", "expirationSeconds": 3600}
    assert pod()["automountServiceAccountToken"] is False


def test_its_role_is_the_promoter_s_by_pod_identity() -> None:
    association = inputs("operator-identity")
    assert association["roleArn"] == NAMES.role_arn("promoter")
    assert (
        association["serviceAccount"] == pod()["serviceAccountName"] == inputs("operator-account")["metadata"]["name"]
    )


def test_the_service_account_has_the_promoter_s_rights_and_no_others() -> None:
    bindings = [each.inputs for each in declared().values() if each.type.endswith(":RoleBinding")]
    own = [each for each in bindings if {"dr-operator"} == {subject["name"] for subject in each["subjects"]}]
    assert [each["roleRef"]["name"] for each in own] == [inputs("services-promoter-role")["metadata"]["name"]]


def test_promoters_enter_this_pod_and_no_other() -> None:
    (rule,) = inputs("operator-entering")["rules"]
    assert rule == {
        "apiGroups": [""],
        "resources": ["pods/exec"],
        "resourceNames": ["dr-operator-0"],
        "verbs": ["create", "get"],
    }
    (subject,) = inputs("operator-people")["subjects"]
    assert (subject["kind"], subject["name"]) == ("Group", "ultramarket:promoter")


def test_its_journal_outlives_the_pod() -> None:
    spec = inputs("operator-set")["spec"]
    assert set(spec["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}
    assert spec["volumeClaimTemplates"][0]["metadata"]["name"] == "journal"


def test_it_has_room_to_unpack_a_copy_when_that_is_asked_for_and_says_how_little_it_has_otherwise() -> None:
    (container,) = pod()["containers"]
    env = {each["name"]: each.get("value") for each in container["env"]}
    (scratch,) = [each for each in pod()["volumes"] if each["name"] == "scratch"]
    assert (env["DR_TMP_BYTES"], scratch["emptyDir"]["sizeLimit"]) == (str(2**30), "1Gi")
    assert "DR_SCRATCH" not in env
    large = {each.name: each for each in stacks.declare("dr", {"operatorScratch": "300Gi"})}
    spec = large["operator-set"].inputs["spec"]["template"]["spec"]
    env = {each["name"]: each.get("value") for each in spec["containers"][0]["env"]}
    mounts = {each["name"]: each["mountPath"] for each in spec["containers"][0]["volumeMounts"]}
    (volume,) = [each for each in spec["volumes"] if each["name"] == "large"]
    claim = volume["ephemeral"]["volumeClaimTemplate"]["spec"]
    assert claim["resources"]["requests"]["storage"] == "300Gi"
    assert env["DR_SCRATCH"] == mounts["large"]


def test_it_can_be_put_to_sleep_or_left_out() -> None:
    asleep = {each.name: each for each in stacks.declare("dr", {"operatorReplicas": 0})}
    assert asleep["operator-set"].inputs["spec"]["replicas"] == 0
    without = [each.name for each in stacks.declare("dr", {"promoterPassword": None})]
    assert not [name for name in without if name.startswith("operator")]


def test_break_glass_enters_the_cluster_by_an_entry_that_is_there_beforehand() -> None:
    entry, rights = inputs("warm-cluster-break-glass-access"), inputs("warm-cluster-break-glass-rights")
    assert entry["principalArn"] == rights["principalArn"] == NAMES.role_arn("break-glass")
    assert rights["policyArn"].endswith("/AmazonEKSClusterAdminPolicy")


def test_the_cluster_says_which_strategy_it_is_prepared_for() -> None:
    config = inputs("strategy-map")
    assert (config["metadata"]["name"], config["data"]) == ("dr-config", strategy_config(PLAN))
    assert config["data"]["strategy"] == "warm"
