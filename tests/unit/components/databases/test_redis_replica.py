"""The DR site's Redis as it is declared, and how both sites copy theirs."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra.redis import require_certificate
from lab.previews import PRIMARY_CA
from recovery.errors import PlanError
from recovery.names import REDIS_GATE_PORT, ROLE_BACKUP, ROLE_MONITOR, ROLE_PROMOTER, ROLE_REPLICATION
from recovery.plan.loading import load_plan
from recovery.site.capacity import least_redis_disk_gibibytes, redis_size
from recovery.site.redis_replica import BASE_FILE, START_SCRIPT, link, users
from tests.support import stacks
from tests.support.plans import ROOT, edited
from tests.support.pods import declared
from tests.support.project import in_the_project as in_the_project  # a fixture

PLAN = load_plan(ROOT / "recovery.yaml")
ENVIRONMENT = dict[str, Any]


@cache
def resources(stack: str) -> dict[str, Any]:
    return {each.name: each for each in declared(stack)}


def pod() -> dict[str, Any]:
    return resources("dr")["redis-set"].inputs["spec"]["template"]["spec"]


def environment(container: dict[str, Any]) -> ENVIRONMENT:
    return {each["name"]: each.get("value") for each in container["env"]}


def backup(stack: str, kind: str) -> dict[str, Any]:
    job = resources(stack)[f"backup-redis-{kind}-job"].inputs["spec"]
    return {**job, "pod": job["jobTemplate"]["spec"]["template"]["spec"]}


def test_it_is_one_server_that_is_nobody_to_aws_or_kubernetes_and_writes_its_volume_alone() -> None:
    (container,) = pod()["containers"]
    assert "serviceAccountName" not in pod() and pod()["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    writable = [each["name"] for each in container["volumeMounts"] if not each.get("readOnly")]
    assert writable == ["data"] and "@sha256:" in container["image"]
    assert pod()["priorityClassName"] and container["resources"]["limits"] == {"memory": redis_size(PLAN).memory}


def test_its_volume_outlives_it_and_has_room_for_its_data_twice_over() -> None:
    found = resources("dr")["redis-set"]
    assert found.protected and found.ignored == ("spec.replicas",)
    spec = found.inputs["spec"]
    assert set(spec["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == f"{least_redis_disk_gibibytes(PLAN)}Gi"


def test_it_follows_production_as_the_prod_stack_says() -> None:
    (container,) = pod()["containers"]
    assert container["command"] == ["sh", "/etc/redis-replica/start.sh"]
    found = environment(container)
    assert (found["PRIMARY_HOST"], found["PRIMARY_PORT"], found["PRIMARY_TLS"]) == ("redis.test", "6379", "yes")
    assert not [each for each in container["env"] if "valueFrom" in each and "secretKeyRef" in each["valueFrom"]]


def test_production_that_speaks_tls_needs_a_certificate_here() -> None:
    with pytest.raises(pulumi.RunError, match="redisCertificate"):
        require_certificate("yes", given=False)
    assert [require_certificate("yes", given=True), require_certificate("no", given=False)] == ["yes", "no"]


def test_at_a_cold_site_none_runs_and_no_promotion_looks_for_it(tmp_path: Path) -> None:
    path = tmp_path / "recovery.yaml"
    path.write_text(edited(("strategy: warm", "strategy: cold"), ("to: local", "to: cloud")))
    found = {each.name: each.inputs for each in stacks.declare("dr", {"plan": str(path)})}
    assert found["redis-set"]["spec"]["replicas"] == 0
    assert '"redis": ""' in found["recovery-bundle-object"]["content"]
    assert '"redis": "10.100.0.7:6379"' in resources("dr")["recovery-bundle-object"].inputs["content"]


@pytest.mark.parametrize("stack", ["prod", "dr"])
def test_applications_come_through_the_site_s_gate_which_knows_when(stack: str) -> None:
    name = {"prod": "site-guard-guard", "dr": "postgres-set"}[stack]
    containers = resources(stack)[name].inputs["spec"]["template"]["spec"]["containers"]
    (guard,) = [each for each in containers if each["name"] == "guard"]
    upstream = {
        "prod": "redis-primary.ultramarket.internal:6379",
        "dr": "$(REDIS_REPLICA_SERVICE_HOST):6379",
    }[stack]
    assert f"$(POD_IP):{REDIS_GATE_PORT}={upstream}" in guard["command"]
    (gate,) = [each for each in resources(stack) if each.endswith("-redis-gate")]
    (port,) = resources(stack)[gate].inputs["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (6379, REDIS_GATE_PORT)
    labels = resources(stack)[name].inputs["spec"]["template"]["metadata"]["labels"]
    assert resources(stack)[gate].inputs["spec"]["selector"].items() <= labels.items()


def test_services_at_dr_are_given_the_gate_and_never_the_server() -> None:
    (container,) = resources("dr")["services-cart-deployment"].inputs["spec"]["template"]["spec"]["containers"]
    found = environment(container)
    assert found["REDIS_HOST"] == "$(REDIS_GATE_SERVICE_HOST)"
    assert found["REDIS_USER"] == PLAN.datasets.redis.application_user


@pytest.mark.parametrize("stack", ["prod", "dr"])
def test_snapshots_are_made_by_the_plan_at_both_sites_where_the_lease_is(stack: str) -> None:
    snapshot, plan = backup(stack, "snapshot"), PLAN.datasets.redis.snapshot
    assert (snapshot["schedule"], snapshot["timeZone"]) == ("*/5 * * * *", "Asia/Tashkent")
    assert snapshot["startingDeadlineSeconds"] == plan.start_deadline.total_seconds()
    assert snapshot["jobTemplate"]["spec"]["activeDeadlineSeconds"] == plan.time_limit.total_seconds()
    (container,) = snapshot["pod"]["containers"]
    assert container["command"] == ["dr", "backup", "redis", "snapshot", "--if-active"]
    assert environment(container)["REDIS_USER"] == ROLE_BACKUP
    host = {"prod": "redis-primary.ultramarket.internal", "dr": "$(REDIS_REPLICA_SERVICE_HOST)"}[stack]
    assert environment(container)["REDIS_HOST"] == host
    assert environment(container)["REDIS_TLS"] == {"prod": "yes", "dr": "no"}[stack]


def test_snapshots_are_read_of_a_replica_where_one_is_named_and_its_authority_is_a_file() -> None:
    found = {
        each.name: each for each in stacks.declare("prod", {"redisBackupHost": "copy.test", "redisCa": PRIMARY_CA})
    }
    job = found["backup-redis-snapshot-job"].inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = job["containers"]
    assert environment(container)["REDIS_HOST"] == "copy.test"
    assert environment(container)["REDIS_CA"] == "/etc/redis-ca/redis-ca.pem"
    assert [each["name"] for each in job["volumes"]].count("redis-ca") == 1


@pytest.mark.parametrize(
    ("stack", "changes", "said"),
    [
        ("prod", {"redisHost": None}, "redisHost"),
        ("prod", {"redisTls": "perhaps"}, "redisTls"),
        ("prod", {"redisCa": "no certificate"}, "redisCa"),
        ("prod", {"redisCa": PRIMARY_CA, "redisTls": "no"}, "redisTls: expected yes"),
        ("dr", {"redisImage": "valkey:9"}, "redisImage"),
        ("dr", {"redisMemory": "1Gi"}, "redisMemory: expected at least"),
        ("dr", {"redisStorageSize": "5Gi"}, "redisStorageSize: expected at least"),
        ("dr", {"redisPromoterPassword": None}, "redisPromoterPassword"),
    ],
)
def test_what_cannot_be_right_is_said_before_anything_is_made(stack: str, changes: dict[str, Any], said: str) -> None:
    with pytest.raises((PlanError, SystemExit, pulumi.RunError), match=said):
        stacks.declare(stack, changes)


def test_the_file_of_users_has_no_password_and_nobody_but_those_named() -> None:
    made = users("app", {"app": "hunter2", ROLE_PROMOTER: "other"})
    assert "hunter2" not in made and "other" not in made
    assert f"user app on #{hashlib.sha256(b'hunter2').hexdigest()} ~* &* +@all -@admin -@dangerous +info\n" in made
    assert made.startswith("user default off\n") and ROLE_MONITOR not in made


@pytest.mark.parametrize(
    ("password", "written"),
    [("simple", '"simple"'), ('a"b\\c', '"a\\x22b\\x5cc"'), ("a b\n", '"a b\\x0a"'), ("ü", '"\\xc3\\xbc"')],
)
def test_its_own_password_is_written_so_that_redis_reads_the_same(password: str, written: str) -> None:
    assert link(password) == f"masteruser {ROLE_REPLICATION}\nmasterauth {written}\n"


def test_what_is_on_disk_is_replaced_only_by_all_of_production_s_and_every_rdb_has_a_checksum() -> None:
    assert "\nrepl-diskless-load disabled\n" in BASE_FILE and "\nrdbchecksum yes\n" in BASE_FILE
    assert "umask 077" in START_SCRIPT
