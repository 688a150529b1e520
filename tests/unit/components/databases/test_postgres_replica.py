"""The replica in production's site: a server that follows and that backups are read of, and nothing more."""

from functools import cache
from typing import Any

from recovery.names import (
    BACKUP_LABEL,
    DISK_CLASS,
    LOG_SLOT,
    MONITOR_LABEL,
    READ_REPLICA,
    REPLICA_LABEL,
    REPLICA_SLOT,
)
from recovery.site.postgres_standby import SLOT
from tests.support import stacks
from tests.support.project import in_the_project as in_the_project  # a fixture

ON = {
    "replicaInSite": True,
    "postgresImage": f"ultramarket/postgres@sha256:{'1' * 64}",
    "postgresSettings": {"work_mem": "8MB"},
    "storageSize": "400Gi",
    "podCidrs": ["10.0.0.0/16"],
    "primaryPodLabels": {"app": "postgres"},
}


@cache
def declared() -> dict[str, dict[str, Any]]:
    return {each.name: each.inputs for each in stacks.declare("prod", ON)}


def pod() -> dict[str, Any]:
    return declared()["replica-set"]["spec"]["template"]["spec"]


def environment(container: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in container["env"]}


def backup_environments(found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    jobs = [found[f"backup-postgres-{kind}-job"]["spec"]["jobTemplate"] for kind in ("full", "incremental", "due")]
    return [environment(job["spec"]["template"]["spec"]["containers"][0]) for job in jobs]


def test_without_a_word_there_is_no_replica_and_what_it_would_be_like_may_stay_in_the_configuration() -> None:
    for changes in ({}, ON | {"replicaInSite": False}):
        found = {each.name: each.inputs for each in stacks.declare("prod", changes)}
        assert not [name for name in found if name.startswith("replica")]
        assert not [each for each in backup_environments(found) if READ_REPLICA in each]


def test_every_backup_knows_the_replica_and_its_primary() -> None:
    for each in backup_environments(declared()):
        assert each[READ_REPLICA] == "$(POSTGRES_REPLICA_SERVICE_HOST):5432"
        assert each["PGHOST"] == "postgres-primary.ultramarket.internal"


def test_the_log_is_followed_at_the_primary() -> None:
    (shipper,) = declared()["postgres-log-shipper-deployment"]["spec"]["template"]["spec"]["containers"]
    assert environment(shipper)["PGHOST"] == "postgres-primary.ultramarket.internal"


def test_it_is_one_server_that_is_nobody_to_aws_or_kubernetes() -> None:
    (container,) = pod()["containers"]
    assert container["name"] == "postgres" and "initContainers" not in pod()
    assert "serviceAccountName" not in pod() and pod()["automountServiceAccountToken"] is False
    assert {each["name"] for each in pod()["volumes"]} == {"config", "run", "shared-memory"}


def test_it_follows_over_a_slot_of_its_own_and_has_no_log_from_a_bucket() -> None:
    (container,) = pod()["containers"]
    assert environment(container)["STANDBY_SLOT"] == REPLICA_SLOT
    assert len({REPLICA_SLOT, SLOT, LOG_SLOT}) == 3
    given = dict(each.split("=", 1) for each in container["args"] if each != "-c")
    assert given == {"cluster_name": "replica", "restore_command": "", "work_mem": "8MB"}


def test_its_disk_is_encrypted_can_grow_and_nothing_of_ours_deletes_it() -> None:
    disk = declared()["replica-class"]
    assert disk["metadata"]["name"] == DISK_CLASS
    assert disk["parameters"] == {"type": "gp3", "encrypted": "true"}
    assert (disk["allowVolumeExpansion"], disk["reclaimPolicy"]) == (True, "Retain")
    spec = declared()["replica-set"]["spec"]
    assert set(spec["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == DISK_CLASS
    assert claim["spec"]["resources"]["requests"]["storage"] == "400Gi"


def test_only_backups_and_a_monitor_get_to_it_and_it_gets_to_the_primary() -> None:
    spec = declared()["replica-way"]["spec"]
    assert spec["podSelector"] == {"matchLabels": REPLICA_LABEL} and spec["policyTypes"] == ["Ingress"]
    (rule,) = spec["ingress"]
    assert [each["podSelector"]["matchLabels"] for each in rule["from"]] == [BACKUP_LABEL, MONITOR_LABEL]
    (way,) = declared()["site-guard-only-way"]["spec"]["ingress"]
    (components,) = [each["podSelector"]["matchExpressions"] for each in way["from"] if "podSelector" in each]
    assert "replica" in components[0]["values"]


def test_the_promoter_and_the_application_are_let_in_by_no_line() -> None:
    lines = [
        each.split() for each in declared()["replica-config"]["data"]["pg_hba.conf"].splitlines() if each[0] != "#"
    ]
    admitted = {name for line in lines if line[-1] != "reject" for name in line[2].split(",")}
    assert admitted == {"dr_backup", "dr_monitor", "dr_replication"}
    assert lines[0] == ["local", "all", "all", "reject"] and lines[-1] == ["host", "all", "all", "all", "reject"]
