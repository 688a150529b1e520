"""The server beside the standby, as it is declared: not running, of nobody's Service, and in nobody's hands."""

from functools import cache
from typing import Any

from recovery.names import BESIDE, BESIDE_LABEL, GATE_FOLDER, OPERATOR_ACCOUNT, SCRATCH_DISK_CLASS
from tests.support import stacks
from tests.support.project import in_the_project as in_the_project  # a fixture
from tests.support.stacks import Declared


@cache
def declared() -> dict[str, Declared]:
    """The dr stack."""
    return {each.name: each for each in stacks.declare("dr")}


def inputs(name: str) -> dict[str, Any]:
    """Inputs of one resource."""
    return declared()[name].inputs


def pod() -> dict[str, Any]:
    return inputs("postgres-beside-deployment")["spec"]["template"]["spec"]


def test_no_pod_of_it_runs_until_somebody_asks_and_says_for_what() -> None:
    assert inputs("postgres-beside-deployment")["spec"]["replicas"] == 0
    assert "data" not in inputs("postgres-beside-order")
    (restore,) = pod()["initContainers"]
    asked = {each["name"]: each.get("valueFrom", {}).get("configMapKeyRef") for each in restore["env"]}
    assert (asked["BESIDE_TO"]["name"], asked["BESIDE_TO"]["key"]) == (BESIDE, "to")
    assert not asked["BESIDE_TO"]["optional"], "without a moment no container starts"


def test_neither_a_service_nor_the_standby_s_set_selects_it() -> None:
    labels = inputs("postgres-beside-deployment")["spec"]["template"]["metadata"]["labels"]
    assert labels.items() >= BESIDE_LABEL.items()
    for each in declared().values():
        if each.type.endswith(":Service"):
            assert not each.inputs["spec"]["selector"].items() <= labels.items(), each.name
    set_labels = inputs("postgres-set")["spec"]["selector"]["matchLabels"]
    assert not set_labels.items() <= labels.items()
    assert GATE_FOLDER not in str(pod())


def test_it_is_the_standby_s_database_and_disk_and_goes_with_its_pod() -> None:
    standby = inputs("postgres-set")["spec"]
    (server,), (restore,) = pod()["containers"], pod()["initContainers"]
    assert server["image"] == standby["template"]["spec"]["containers"][0]["image"]
    assert server["resources"] == restore["resources"]
    (disk,) = [each["ephemeral"]["volumeClaimTemplate"]["spec"] for each in pod()["volumes"] if "ephemeral" in each]
    assert disk["resources"] == standby["volumeClaimTemplates"][0]["spec"]["resources"]
    assert disk["storageClassName"] == SCRATCH_DISK_CLASS


def test_its_disk_grows_by_a_value_of_its_own_since_the_standby_s_claim_template_cannot_change() -> None:
    grown = {each.name: each.inputs for each in stacks.declare("dr", {"besideSize": "800Gi"})}
    volumes = grown["postgres-beside-deployment"]["spec"]["template"]["spec"]["volumes"]
    (disk,) = [each["ephemeral"]["volumeClaimTemplate"]["spec"] for each in volumes if "ephemeral" in each]
    assert disk["resources"]["requests"]["storage"] == "800Gi"
    assert grown["postgres-set"] == inputs("postgres-set")


def test_its_server_has_no_login_to_aws_or_the_cluster() -> None:
    (server,) = pod()["containers"]
    assert pod()["automountServiceAccountToken"] is False and pod()["serviceAccountName"] == "dr-restorer"
    assert {each["name"] for each in server["volumeMounts"]} == {"data", "config"}
    metadata = inputs("postgres-beside-deployment")["spec"]["template"]["metadata"]
    assert metadata["annotations"] == {"eks.amazonaws.com/skip-containers": server["name"]}
    assert not [each for each in server["env"] if "secretKeyRef" in each.get("valueFrom", {})]


def test_only_the_operator_s_login_gets_in_and_only_to_look() -> None:
    files = inputs("postgres-beside-config")["data"]
    lines = [line for line in files["pg_hba.conf"].splitlines() if not line.startswith("#")]
    assert lines == ["host all dr_promoter 10.1.0.0/16 scram-sha-256", "host all all all reject"]
    settings = dict(line.split(" = ") for line in files["postgresql.conf"].splitlines())
    wanted = {
        "archive_mode": "off",
        "primary_conninfo": "",
        "primary_slot_name": "",
        "max_logical_replication_workers": "0",
        "shared_preload_libraries": "",
        "default_transaction_read_only": "on",
        "unix_socket_directories": "",
    }
    assert settings.items() >= {name: f"'{value}'" for name, value in wanted.items()}.items()
    assert "standby.signal" in files["start.sh"]


def test_the_operator_may_say_what_is_restored_and_nothing_more() -> None:
    assert inputs("postgres-beside-role")["rules"] == [
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [BESIDE], "verbs": ["get", "patch"]}
    ]
    subjects = {(each["kind"], each["name"]) for each in inputs("postgres-beside-binding")["subjects"]}
    assert subjects == {("Group", "ultramarket:promoter"), ("ServiceAccount", OPERATOR_ACCOUNT)}
