"""What each stack declares, seen through Pulumi's mocks."""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from components.workload import plan_text
from lab.previews import PRIMARY_CA
from recovery.failover.bundle import read_bundle
from recovery.names import (
    BUNDLE_KEY,
    DISK_CLASS,
    GATE_FOLDER,
    GATE_SERVICE,
    PLAN_FILE,
    STANDBY,
    STANDBY_CLAIM,
    STANDBY_ORDER,
    Names,
    backup_cron_job,
)
from recovery.plan.datasets import SCHEDULED_TODAY, SHIPPED_TODAY
from recovery.plan.loading import load_plan, parse_plan
from recovery.plan.strategy import consequences
from recovery.site.edge import NODE_PORTS
from recovery.site.fetch_log import FETCH_SCRIPT
from recovery.site.kubeconfig import kubeconfig
from recovery.site.public_name import PublicName
from tests.support import stacks
from tests.support.plans import ROOT
from tests.support.project import in_the_project as in_the_project  # a fixture
from tests.support.stacks import Declared

PLAN = load_plan(ROOT / "recovery.yaml")
STATIC_KEYS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
NAMES = Names(PLAN, "123456789012")
ARMED = {
    "failoverArmed": True,
    "drLoadBalancer": "ultramarket-dr-edge-1234567890.us-west-2.elb.amazonaws.com",
}
WORKLOADS = ("Deployment", "StatefulSet", "CronJob")


@cache
def declared(stack: str) -> list[Declared]:
    """The stack with its committed configuration."""
    return stacks.declare(stack)


def one(found: list[Declared], name: str) -> dict[str, Any]:
    """Inputs of the only resource called `name`."""
    (resource,) = [each for each in found if each.name == name]
    return resource.inputs


def pods(found: list[Declared]) -> dict[str, dict[str, Any]]:
    """The Pod template of every workload."""
    templates: dict[str, dict[str, Any]] = {}
    for each in found:
        kind = each.type.rsplit(":", 1)[-1]
        if kind == "CronJob":
            templates[each.name] = each.inputs["spec"]["jobTemplate"]["spec"]["template"]
        elif kind in WORKLOADS:
            templates[each.name] = each.inputs["spec"]["template"]
    return templates


@pytest.mark.parametrize(
    ("stack", "components"),
    [
        (
            "foundation",
            {
                "ControlTable": 1,
                "BackupKey": 2,
                "BackupBucket": 2,
                "BackupReplication": 1,
                "AlarmTopic": 2,
                "TamperAlarm": 2,
                "MetricAlarms": 1,
                "FailoverRecord": 1,
                "DutyRole": 10,
                "ClusterRoles": 1,
            },
        ),
        (
            "prod",
            {
                "SiteGuard": 1,
                "BackupCronJobs": 3,
                "ConfigurationExport": 1,
                "LogShipper": 1,
                "Pruner": 1,
                "WallCheck": 1,
            },
        ),
        (
            "dr",
            {
                "WarmCluster": 1,
                "SiteCapacity": 1,
                "SiteEdge": 1,
                "DefaultDeny": 1,
                "StrategyConfig": 1,
                "BackupCronJobs": 3,
                "ConfigurationExport": 1,
                "LogShipper": 1,
                "Pruner": 1,
                "OperatorWorkspace": 1,
                "Monitor": 1,
                "EncryptedDisks": 1,
                "OnlySite": 1,
                "PostgresStandby": 1,
                "RedisReplica": 1,
                "PostgresBeside": 1,
                "RestoreRoom": 1,
                "WarmServices": 1,
                "RecoveryBundle": 1,
            },
        ),
    ],
)
def test_a_stack_is_made_of_components_a_reviewer_recognises(stack: str, components: dict[str, int]) -> None:
    found = Counter(each.type.rsplit(":", 1)[-1] for each in declared(stack) if each.type.startswith("ultramarket:dr:"))
    assert found == components


def test_every_disk_is_encrypted_can_grow_and_stays_when_its_claim_goes() -> None:
    found = declared("dr")
    disk_class = one(found, "disks-class")
    assert disk_class["parameters"] == {"type": "gp3", "encrypted": "true"}
    assert (disk_class["allowVolumeExpansion"], disk_class["reclaimPolicy"]) == (True, "Retain")
    for name in ("postgres-set", "redis-set", "operator-set"):
        (claim,) = one(found, name)["spec"]["volumeClaimTemplates"]
        assert claim["spec"]["storageClassName"] == disk_class["metadata"]["name"] == DISK_CLASS


def test_what_goes_with_its_pod_leaves_no_disk_behind() -> None:
    found = declared("dr")
    scratch = one(found, "disks-scratch-class")
    assert (scratch["parameters"]["encrypted"], scratch["reclaimPolicy"]) == ("true", "Delete")
    stacks_with_scratch = stacks.declare("dr", {"operatorScratch": "10Gi"})
    for name, volume in (("postgres-beside-deployment", "data"), ("operator-set", "large")):
        volumes = one(stacks_with_scratch, name)["spec"]["template"]["spec"]["volumes"]
        (claim,) = [each["ephemeral"]["volumeClaimTemplate"]["spec"] for each in volumes if each["name"] == volume]
        assert claim["storageClassName"] == scratch["metadata"]["name"]


@pytest.mark.parametrize("stack", ["foundation", "prod", "dr"])
def test_no_two_resources_of_a_stack_share_type_and_name(stack: str) -> None:
    """Pulumi's mocks would not notice."""
    assert [
        key for key, count in Counter((each.type, each.name) for each in declared(stack)).items() if count > 1
    ] == []


def test_everything_in_foundation_is_protected_and_what_holds_data_stays_even_when_let_go() -> None:
    own = [each for each in declared("foundation") if each.type.startswith("aws:")]
    assert [each.name for each in own if not each.protected] == []
    data = ("aws:s3/", "aws:kms/", "aws:dynamodb/", "aws:route53/")
    assert [each.name for each in own if each.type.startswith(data) and not each.kept_on_delete] == []


def test_destroying_the_dr_site_keeps_the_bundle_the_namespace_of_the_database_and_what_others_rely_on() -> None:
    kept = {each.name for each in declared("dr") if each.kept_on_delete}
    assert kept == {
        "recovery-bundle-object",
        "namespace",
        "restore-namespace",
        "warm-cluster-secrets-key",
        "warm-cluster-logs",
        "warm-cluster-disks",
    }
    claims = one(declared("dr"), "postgres-set")["spec"]["persistentVolumeClaimRetentionPolicy"]
    assert set(claims.values()) == {"Retain"}


@pytest.mark.parametrize("stack", ["foundation", "prod", "dr"])
def test_providers_refuse_any_other_account(stack: str) -> None:
    assert json.loads(one(declared(stack), "aws")["allowedAccountIds"]) == ["123456789012"]


def test_the_control_table_lives_in_three_regions_with_its_home_in_dr() -> None:
    table = one(declared("foundation"), "control-table")
    assert table["region"] == "us-west-2"
    (replica,) = table["replicas"]
    assert (replica["regionName"], replica["consistencyMode"]) == ("us-east-1", "STRONG")
    assert table["globalTableWitness"] == {"regionName": "us-east-2"}
    assert table["deletionProtectionEnabled"] and replica["deletionProtectionEnabled"]
    assert table["pointInTimeRecovery"] == {"enabled": True}


@pytest.mark.parametrize(("name", "region"), [("backups-prod", "us-east-1"), ("backups-dr", "us-west-2")])
def test_a_backup_bucket_has_every_protection(name: str, region: str) -> None:
    found = declared("foundation")
    assert one(found, f"{name}-bucket")["objectLockEnabled"] is True
    assert one(found, f"{name}-versioning")["versioningConfiguration"] == {"status": "Enabled"}
    (rule,) = one(found, f"{name}-encryption")["rules"]
    assert rule["bucketKeyEnabled"] and rule["blockedEncryptionTypes"] == ["SSE-C"]
    assert rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "aws:kms"
    block = one(found, f"{name}-public-access")
    assert all(
        block[each] for each in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    )
    assert one(found, f"{name}-ownership")["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    key = f"arn:aws:test:::backup-key-{name.removeprefix('backups-')}-key"
    assert key in one(found, f"{name}-policy")["policy"]
    assert {each.inputs["region"] for each in found if each.name.startswith(f"{name}-")} == {region}


def test_lifecycle_filters_are_key_prefixes_never_the_bucket_s_name() -> None:
    for site in ("prod", "dr"):
        for rule in one(declared("foundation"), f"backups-{site}-lifecycle")["rules"]:
            prefix = rule["filter"].get("prefix", rule["filter"].get("and", {}).get("prefix"))
            assert not prefix.startswith(("ultramarket", "/"))
            assert "expiration" not in rule or rule["expiration"] == {"expiredObjectDeleteMarker": True}


def test_replication_carries_no_deletion_and_says_within_which_time() -> None:
    (rule,) = one(declared("foundation"), "backup-replication-rule")["rules"]
    assert rule["deleteMarkerReplication"] == {"status": "Disabled"}
    assert rule["filter"] == {} and rule["priority"] == 1
    assert rule["destination"]["replicationTime"]["time"]["minutes"] == 15
    assert rule["destination"]["encryptionConfiguration"]["replicaKmsKeyId"].endswith("backup-key-dr-key")


def test_the_policy_that_denies_replication_s_setting_comes_after_the_rule_and_the_rule_after_versioning() -> None:
    foundation = declared("foundation")
    by_name = {each.name: each for each in foundation}
    rule, policy = by_name["backup-replication-rule"], by_name["backups-prod-policy"]
    assert rule.urn in policy.after
    before = {"backups-prod-versioning", "backups-prod-encryption", "backups-dr-versioning"}
    assert {by_name[name].urn for name in before} <= _all_before(foundation, rule)
    assert policy.urn not in _all_before(foundation, rule)
    assert "::ultramarket:dr:BackupBucket$aws:s3/bucketPolicy:BucketPolicy::backups-prod-policy" in policy.urn
    assert "::ultramarket:dr:BackupReplication$aws:s3/" in rule.urn


def _all_before(stack: list[Declared], resource: Declared) -> set[str]:
    """URNs of everything that is there before `resource` is: what it or its component waits for, and so on."""
    parents = {each.urn: each.parent for each in stack}
    known = {each.urn: each.after for each in stack}
    found: set[str] = set()
    waiting = [resource.urn]
    while waiting:
        urn = waiting.pop()
        following = {*known.get(urn, ()), *([parents[urn]] if parents.get(urn) else [])} - found
        found |= following
        waiting += following
    return found


def test_the_record_refers_to_the_new_check_only_in_the_second_apply() -> None:
    before, after = declared("foundation"), stacks.declare("foundation", ARMED)
    assert "healthCheckId" not in one(before, "failover-primary")
    assert one(after, "failover-primary")["healthCheckId"] == "failover-marker-check-id"
    for found in (before, after):
        assert "healthCheckId" not in one(found, "failover-secondary")
        assert one(found, "failover-marker-check")["invertHealthcheck"] is True
        assert one(found, "failover-canary-check")["invertHealthcheck"] is False


def test_the_dr_edge_s_own_name_leads_to_its_load_balancer_once_that_is_known() -> None:
    record = one(stacks.declare("foundation", ARMED), "failover-dr-edge")
    assert (record["name"], record["type"]) == ("edge-dr.ultramarket.com", "CNAME")
    assert record["records"] == [ARMED["drLoadBalancer"]]
    assert not [each for each in declared("foundation") if each.name == "failover-dr-edge"]


def test_the_pair_that_a_name_in_use_is_given_is_the_one_that_is_declared() -> None:
    edges = {"prod": "edge-prod.ultramarket.com", "dr": "edge-dr.ultramarket.com"}
    wanted = PublicName(name=PLAN.dns.name, zone=PLAN.dns.zone, ttl=10, edges=edges)  # type: ignore[arg-type]
    for record, name in zip(wanted.pair(), ("failover-primary", "failover-secondary"), strict=True):
        inputs = one(declared("foundation"), name)
        assert (inputs["name"] + ".", inputs["type"], inputs["ttl"]) == (record["Name"], record["Type"], record["TTL"])
        assert [{"Value": each} for each in inputs["records"]] == record["ResourceRecords"]
        assert inputs["setIdentifier"] == record["SetIdentifier"]
        assert inputs["failoverRoutingPolicies"] == [{"type": record["Failover"]}]


def test_the_dr_edge_sends_each_path_to_its_service_s_port_on_every_node() -> None:
    found = declared("dr")
    for service in PLAN.services:
        rule, group = one(found, f"edge-{service}-rule"), one(found, f"edge-{service}")
        assert rule["conditions"] == [{"pathPattern": {"values": [f"/v2/{service}", f"/v2/{service}/*"]}}]
        assert rule["actions"][0]["targetGroupArn"] == f"arn:aws:test:::edge-{service}"
        (port,) = one(found, f"services-{service}-service")["spec"]["ports"]
        assert group["port"] == port["nodePort"]
        assert one(found, f"edge-{service}-nodes")["autoscalingGroupName"] == "eks-nodes"
    priorities = [one(found, f"edge-{service}-rule")["priority"] for service in PLAN.services]
    assert len(set(priorities)) == len(priorities)


def test_the_dr_edge_stands_in_the_public_subnets_with_the_certificate_and_is_let_in_by_the_nodes() -> None:
    found = declared("dr")
    balancer = one(found, "edge-load-balancer")
    assert balancer["subnets"] == ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    assert balancer["internal"] is False
    listener = one(found, "edge-https")
    assert (listener["port"], listener["protocol"]) == (443, "HTTPS")
    configured = "arn:aws:acm:us-west-2:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    assert listener["certificateArn"] == configured
    assert listener["defaultActions"][0]["fixedResponse"]["statusCode"] == "404"
    ports = (min(NODE_PORTS.values()), max(NODE_PORTS.values()))
    let_in = one(found, "edge-to-nodes")
    assert (let_in["securityGroupId"], let_in["referencedSecurityGroupId"]) == ("sg-nodes", "edge-security-group-id")
    (let_out,) = one(found, "edge-security-group")["egress"]
    assert (let_in["fromPort"], let_in["toPort"]) == (let_out["fromPort"], let_out["toPort"]) == ports


def test_node_ports_stay_what_they_are() -> None:
    """A load balancer's target group with another port is another one."""
    expected = {"auth": 30080, "user": 30081, "product": 30082, "order": 30083, "payment": 30084, "cart": 30085}
    assert expected == NODE_PORTS


def test_the_records_are_plain_cnames_with_the_plan_s_ttl() -> None:
    for name, role in (("failover-primary", "PRIMARY"), ("failover-secondary", "SECONDARY")):
        record = one(declared("foundation"), name)
        assert (record["type"], record["ttl"], "aliases" in record) == ("CNAME", 10, False)
        assert record["failoverRoutingPolicies"] == [{"type": role}]


def test_the_marker_is_not_declared() -> None:
    keys = [each.inputs["key"] for each in declared("foundation") if each.type.startswith("aws:s3/bucketObject")]
    assert keys == ["failover/canary"]


@pytest.mark.parametrize("stack", ["prod", "dr"])
def test_every_pod_is_restricted_and_every_image_pinned(stack: str) -> None:
    templates = pods(declared(stack))
    assert templates
    for name, template in templates.items():
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"] and spec["automountServiceAccountToken"] is False, name
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            assert re.fullmatch(r".+@sha256:[0-9a-f]{64}", container["image"]), name
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] and security["capabilities"] == {"drop": ["ALL"]}, name
            assert security["allowPrivilegeEscalation"] is False, name
            assert container["resources"]["limits"]["memory"], name


@pytest.mark.parametrize("stack", ["prod", "dr"])
def test_no_password_stands_in_an_argument_or_a_plain_variable(stack: str) -> None:
    for name, template in pods(declared(stack)).items():
        assert "not-a-secret" not in json.dumps(template), name
        for container in [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]:
            for variable in container["env"]:
                assert variable["name"] not in STATIC_KEYS, name
                if variable["name"].endswith("PASSWORD"):
                    assert variable["valueFrom"]["secretKeyRef"]["key"] == "password", name


def test_the_backup_runs_on_the_plan_s_schedule_in_its_time_zone_and_never_twice_at_once() -> None:
    spec = one(declared("prod"), "backup-postgres-full-job")["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("0 2 * * *", "Asia/Tashkent", "Forbid")
    assert spec["startingDeadlineSeconds"] == 1800
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 7200
    (container,) = spec["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["dr", "backup", "postgres", "full", "--if-active"]


def test_the_same_backups_are_declared_at_both_sites_each_from_its_own_database_into_its_own_bucket() -> None:
    jobs = {stack: one(declared(stack), "backup-postgres-full-job") for stack in ("prod", "dr")}
    containers = {}
    for stack, job in jobs.items():
        (containers[stack],) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    environments = {stack: {each["name"]: each.get("value") for each in containers[stack]["env"]} for stack in jobs}
    assert {stack: each.pop("DR_SITE") for stack, each in environments.items()} == {"prod": "prod", "dr": "dr"}
    assert environments["dr"].pop("PGHOST") == "$(POSTGRES_STANDBY_SERVICE_HOST)"
    for stack, region in (("prod", "us-east-1"), ("dr", "us-west-2")):
        assert environments[stack].pop("AWS_REGION") == environments[stack].pop("AWS_DEFAULT_REGION") == region
    del environments["prod"]["PGHOST"]
    # The standby beside offers no TLS (recovery/site/inherited_settings.py): that way stays inside the DR network.
    del environments["prod"]["PGSSLMODE"], environments["prod"]["PGSSLROOTCERT"]
    assert environments["prod"] == environments["dr"]
    assert containers["prod"]["command"] == containers["dr"]["command"]
    assert {key: value for key, value in jobs["prod"]["spec"].items() if key != "jobTemplate"} == {
        key: value for key, value in jobs["dr"]["spec"].items() if key != "jobTemplate"
    }
    assert jobs["prod"]["metadata"]["name"] == jobs["dr"]["metadata"]["name"] == backup_cron_job("postgres", "full")


@pytest.mark.parametrize("stack", ["prod", "dr"])
def test_between_the_scheduled_ones_a_full_backup_is_made_only_where_one_is_due(stack: str) -> None:
    spec = one(declared(stack), "backup-postgres-due-job")["spec"]
    assert spec["schedule"] == "*/5 * * * *"
    (container,) = spec["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["dr", "backup", "postgres", "full", "--if-active", "--if-due"]


@pytest.mark.parametrize(("stack", "workload"), [("prod", "site-guard-guard"), ("dr", "postgres-set")])
def test_a_site_has_one_guard_and_the_gate_is_ready_only_while_it_is_open(stack: str, workload: str) -> None:
    found = declared(stack)
    spec = one(found, workload)["spec"]
    assert spec["replicas"] == 1
    guard = _containers(spec["template"])["guard"]
    port, _ = [int(each["containerPort"]) for each in guard["ports"]]
    assert guard["command"][:4] == ["dr", "guard", "--listen", f"$(POD_IP):{port}"]
    assert guard["command"][-2:] == ["--mode", "enforce"]
    assert guard["readinessProbe"]["tcpSocket"] == {"port": port}
    (gate,) = [each.inputs for each in found if each.name.endswith("-gate") and not each.name.endswith("-redis-gate")]
    assert gate["metadata"]["name"] == GATE_SERVICE and "publishNotReadyAddresses" not in gate["spec"]
    assert gate["spec"]["selector"].items() <= spec["template"]["metadata"]["labels"].items()
    assert gate["spec"]["ports"] == [{"name": "postgres", "port": 5432, "targetPort": port}]


@pytest.mark.parametrize("workload", ["site-guard-guard", "backup-postgres-full-job"])
def test_production_s_connections_by_the_network_verify_the_primary_with_the_ca_that_is_given(workload: str) -> None:
    plain = _connects(declared("prod"), workload)
    assert plain["PGSSLMODE"] == "require" and not plain.get("PGSSLROOTCERT")
    found = stacks.declare("prod", {"primaryCa": PRIMARY_CA})
    verifying = _connects(found, workload)
    assert verifying["PGSSLMODE"] == "verify-full"
    template = pods(found)[workload]["spec"]
    (name,) = [each["configMap"]["name"] for each in template["volumes"] if each["name"] == "primary-ca"]
    (mount,) = [each for each in template["containers"][0]["volumeMounts"] if each["name"] == "primary-ca"]
    authority = one(found, "primary-ca")
    assert authority["metadata"]["name"] == name and mount["readOnly"]
    folder, _, file = verifying["PGSSLROOTCERT"].rpartition("/")
    assert folder == mount["mountPath"] and authority["data"][file] == PRIMARY_CA


def test_the_standby_verifies_the_primary_with_production_s_ca() -> None:
    plain = _connects(declared("dr"), "postgres-set")
    assert plain["PGSSLMODE"] == "require" and not plain.get("PGSSLROOTCERT")
    found = stacks.declare("dr", outputs={"ssl_mode": "verify-full", "primary_ca": PRIMARY_CA})
    verifying = _connects(found, "postgres-set")
    folder, _, file = verifying["PGSSLROOTCERT"].rpartition("/")
    before, after = one(declared("dr"), "postgres-config"), one(found, "postgres-config")
    assert verifying["PGSSLMODE"] == "verify-full" and folder == verifying["STANDBY_CONFIG"]
    assert after["data"][file] == PRIMARY_CA
    assert after["metadata"]["name"] != before["metadata"]["name"]  # so the Pod is rolled over to it


def test_who_reaches_its_database_by_a_socket_or_at_dr_does_not_ask_for_tls() -> None:
    """PostgreSQL offers none on a socket, and the standby none at all."""
    sidecar = stacks.declare("prod", {"gate": "sidecar", "primaryPodLabels": {"app": "db"}})
    assert "PGSSLMODE" in _connects(sidecar, "backup-postgres-full-job")
    asking = {
        (name, container["name"])
        for name, template in pods(declared("dr")).items()
        for container in template["spec"]["containers"]
        if "PGSSLMODE" in {each["name"] for each in container.get("env", [])}
    }
    assert asking == {("postgres-set", "postgres")}


def _connects(found: list[Declared], workload: str) -> dict[str, Any]:
    """The environment of its first container."""
    return {each["name"]: each.get("value") for each in pods(found)[workload]["spec"]["containers"][0]["env"]}


def test_two_guards_of_production_never_run_side_by_side() -> None:
    assert one(declared("prod"), "site-guard-guard")["spec"]["strategy"] == {"type": "Recreate"}


def test_dr_s_gate_reaches_the_database_by_a_socket_that_nothing_else_mounts() -> None:
    template = pods(declared("dr"))["postgres-set"]
    containers = _containers(template)
    assert set(containers) == {"postgres", "guard", "log"}
    (fill,) = template["spec"]["initContainers"]
    assert f"{GATE_FOLDER}:5432" in containers["guard"]["command"]
    env = {each["name"]: each.get("value") for each in containers["postgres"]["env"]}
    assert env["STANDBY_SOCKET"] == GATE_FOLDER
    (volume,) = [each for each in template["spec"]["volumes"] if each["name"] == "gate"]
    assert volume == {"name": "gate", "emptyDir": {}}
    mounts = {name: _mount(container, "gate") for name, container in containers.items()}
    assert mounts == {
        "postgres": {"name": "gate", "mountPath": GATE_FOLDER},
        "guard": {"name": "gate", "mountPath": GATE_FOLDER, "readOnly": True},  # it cannot put another in its place
        "log": None,
    }
    assert _mount(fill, "gate") is None


def test_the_log_s_server_is_reached_by_its_own_pod_alone_and_keeps_no_gate_from_opening() -> None:
    containers = _containers(pods(declared("dr"))["postgres-set"])
    log, env = containers["log"], {each["name"]: each.get("value") for each in containers["postgres"]["env"]}
    assert log["command"] == ["dr", "serve-log", "postgres", "--listen", "127.0.0.1:6433"]
    assert (env["STANDBY_LOG_HOST"], env["STANDBY_LOG_PORT"]) == ("127.0.0.1", "6433")
    assert "ports" not in log
    assert "readinessProbe" not in log, "a Pod that is not ready is behind no gate"
    assert not [each["name"] for each in log["env"] if each["name"].startswith("PG")], "no login at the database"
    assert (log["securityContext"]["runAsUser"], log["image"]) == (10001, containers["guard"]["image"])
    files = one(declared("dr"), "postgres-config")["data"]
    assert files["fetch-log.sh"] == FETCH_SCRIPT


def test_server_and_guard_run_as_different_users_and_share_the_group_of_the_socket() -> None:
    spec = pods(declared("dr"))["postgres-set"]["spec"]
    guard = _containers({"spec": spec})["guard"]["securityContext"]
    assert (guard["runAsUser"], guard["runAsGroup"]) == (10001, 10001)
    assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["fsGroup"] == 999


@pytest.mark.parametrize("stack", ["prod", "dr"])
def test_no_mount_gives_data_that_exist_to_the_group_again(stack: str) -> None:
    """PostgreSQL starts on no data that others may write."""
    contexts = {name: each["spec"]["securityContext"] for name, each in pods(declared(stack)).items()}
    grouped = {name: each["fsGroupChangePolicy"] for name, each in contexts.items() if each.get("fsGroup")}
    assert grouped and set(grouped.values()) == {"OnRootMismatch"}


def test_only_what_is_ours_beside_the_database_gets_credentials_of_aws() -> None:
    template = pods(declared("dr"))["postgres-set"]
    assert template["spec"]["serviceAccountName"] == "dr-guard"
    others = set(_containers(template)) - {"guard", "log"}
    assert template["metadata"]["annotations"] == {"eks.amazonaws.com/skip-containers": ",".join(others)}
    tokens = {each["name"] for each in template["spec"]["volumes"] if "projected" in each}
    assert not [name for name in tokens if any(_mount(_containers(template)[other], name) for other in others)]


def test_a_closed_gate_neither_hides_the_database_from_a_promotion_nor_keeps_a_change_from_its_pod() -> None:
    """The Pod is not ready while its gate is closed, which at the DR site is nearly always."""
    found = declared("dr")
    assert one(found, "postgres-service")["spec"]["publishNotReadyAddresses"] is True
    assert one(found, "postgres-set")["spec"]["podManagementPolicy"] == "Parallel"


def test_the_gate_as_production_s_sidecar_needs_no_deployment_and_no_network_policy() -> None:
    labels = {"app": "orders-db"}
    found = stacks.declare("prod", {"gate": "sidecar", "primaryPodLabels": labels})
    kinds = Counter(each.type.rsplit(":", 1)[-1] for each in found)
    deployments = [each.name for each in found if each.type.endswith(":Deployment")]
    assert deployments == ["postgres-log-shipper-deployment"]
    assert kinds["NetworkPolicy"] == kinds["SiteGuard"] == 0
    gate = one(found, "gate-gate")["spec"]
    assert (gate["selector"], gate["ports"][0]["targetPort"]) == (labels, 6432)
    assert one(found, "gate-account")["metadata"]["name"] == "dr-guard"


def _containers(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in template["spec"]["containers"]}


def _mount(container: dict[str, Any], volume: str) -> dict[str, Any] | None:
    return next((each for each in container["volumeMounts"] if each["name"] == volume), None)


def test_services_leave_their_replicas_to_promotion_and_reach_the_database_by_the_gate() -> None:
    found = declared("dr")
    page = (ROOT / "docs" / "service-contract.md").read_text().partition("## What a service is given")[2]
    told = set(re.findall(r"`([A-Z_]+)`", "".join(re.findall(r"^\| (`[A-Z_`, ]+) \|", page, re.MULTILINE))))
    for service in PLAN.services:
        spec = one(found, f"services-{service}-deployment")["spec"]
        assert "replicas" not in spec
        env = {each["name"]: each.get("value") for each in spec["template"]["spec"]["containers"][0]["env"]}
        assert env["DATABASE_HOST"] == "$(POSTGRES_GATE_SERVICE_HOST)"
        assert (env["SITE"], env["SERVICE"]) == ("dr", service)
        assert set(env) == told


def test_a_warm_floor_above_one_is_kept_by_an_autoscaler_that_never_moves_by_itself(tmp_path: Path) -> None:
    plan = tmp_path / "recovery.yaml"
    plan.write_text(plan_text(PLAN).replace("warm: 1", "warm: 2", 1))
    found = stacks.declare("dr", {"plan": str(plan)})
    spec = one(found, "services-auth-floor")["spec"]
    assert spec["minReplicas"] == 2
    assert spec["behavior"] == {side: {"selectPolicy": "Disabled"} for side in ("scaleDown", "scaleUp")}
    assert not [each for each in declared("dr") if each.name.endswith("-floor")]


def test_nothing_of_the_dr_stack_is_homed_outside_its_region() -> None:
    """IAM and Route 53 are changed in us-east-1: with that region gone, the dr stack must still be changed."""
    assert not [each.name for each in declared("dr") if each.type.startswith(("aws:iam/", "aws:route53/"))]
    regions = {each.inputs.get("region") for each in declared("dr") if each.type.startswith("aws:")}
    assert regions <= {None, "us-west-2"}


def test_the_promoter_may_scale_but_not_read_secrets() -> None:
    rules = one(declared("dr"), "services-promoter-role")["rules"]
    assert rights([rule for rule in rules if "resourceNames" not in rule]) == {
        ("deployments", "get"),
        ("deployments", "list"),
        ("deployments/scale", "get"),
        ("deployments/scale", "patch"),
        ("pods", "get"),
        ("pods", "list"),
        ("namespaces", "get"),
        ("cronjobs", "list"),
        ("jobs", "list"),
        ("persistentvolumeclaims", "get"),
    }
    assert rights(one(declared("dr"), "services-nodes-role")["rules"]) == {
        ("nodes", "list"),
        ("pods", "list"),
        ("persistentvolumes", "get"),
    }


def test_the_promoter_may_have_the_standby_made_anew_and_nothing_else() -> None:
    rules = one(declared("dr"), "services-promoter-role")["rules"]
    named = [rule for rule in rules if "resourceNames" in rule]
    assert {(*rule["resourceNames"], *rule["resources"], *rule["verbs"]) for rule in named} == {
        (STANDBY_ORDER, "configmaps", "get", "patch"),
        (STANDBY, "statefulsets", "get"),
        (STANDBY, "statefulsets/scale", "get", "patch"),
        (STANDBY_CLAIM, "persistentvolumeclaims", "delete"),
    }
    assert "data" not in one(declared("dr"), "postgres-order"), "what a promotion says there is no update's"
    database = one(declared("dr"), "postgres-set")
    (template,) = database["spec"]["volumeClaimTemplates"]
    assert f"{template['metadata']['name']}-{database['metadata']['name']}-0" == STANDBY_CLAIM


def rights(rules: list[Any]) -> set[tuple[str, str]]:
    """Of whatever name."""
    return {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}


def test_the_namespace_says_which_site_it_is_and_admits_only_restricted_pods() -> None:
    metadata = one(declared("dr"), "namespace")["metadata"]
    assert metadata["annotations"]["dr.ultramarket.com/site"] == "dr"
    assert metadata["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_bundle_reads_back_and_is_the_same_bytes_every_time() -> None:
    first, again = (one(found, "recovery-bundle-object") for found in (declared("dr"), stacks.declare("dr")))
    assert first["content"] == again["content"]
    assert first["key"] == BUNDLE_KEY and first["bucket"] == NAMES.backup_bucket("dr")
    bundle = read_bundle(first["content"].encode(), source="test")
    assert bundle.endpoints.standby == "10.100.0.7:5432"
    assert (bundle.endpoints.prod_edge, bundle.endpoints.dr_edge) == ("edge.test:443", "edge-dr.ultramarket.com:443")
    assert bundle.plan == PLAN


@pytest.mark.parametrize(("stack", "workload"), [("prod", "site-guard-guard"), ("dr", "postgres-set")])
def test_the_plan_in_the_cluster_reads_back_as_the_same_plan(stack: str, workload: str) -> None:
    config = one(declared(stack), "plan")
    (text,) = config["data"].values()
    assert parse_plan(text) == PLAN
    assert parse_plan(text).digest == PLAN.digest
    template = pods(declared(stack))[workload]
    (plan,) = [each["configMap"] for each in template["spec"]["volumes"] if each["name"] == "plan"]
    assert plan["name"] == config["metadata"]["name"]
    env = {each["name"]: each.get("value") for each in _containers(template)["guard"]["env"]}
    assert env["DR_PLAN"] == PLAN_FILE


def test_a_kubeconfig_holds_no_secret_and_fetches_a_token() -> None:
    text = kubeconfig(name="dr", endpoint="https://dr.test", ca_data="Y2E=", region="us-west-2")
    user = json.loads(text)["users"][0]["user"]
    assert set(user) == {"exec"}
    assert user["exec"]["args"][:4] == ["eks", "get-token", "--cluster-name", "dr"]


def test_at_a_cold_site_nothing_runs_before_a_promotion_and_the_database_comes_out_of_the_bucket(
    tmp_path: Path,
) -> None:
    plan = tmp_path / "recovery.yaml"
    text = (stacks.ROOT / "recovery.yaml").read_text().replace("strategy: warm", "strategy: cold", 1)
    # Without replicas Redis keeps its objective only when snapshots go straight to the DR bucket.
    plan.write_text(text.replace("to: local", "to: cloud").replace("{warm: 1", "{warm: 0"))
    cold = stacks.declare("dr", {"plan": str(plan)})
    database = one(cold, "postgres-set")["spec"]
    assert database["replicas"] == 0
    containers = [*database["template"]["spec"]["initContainers"], database["template"]["spec"]["containers"][0]]
    for container in containers:
        assert {"name": "STANDBY_FOLLOWS", "value": "bucket"} in container["env"], container["name"]
    services = [one(cold, f"services-{name}-deployment")["spec"] for name in PLAN.services]
    assert [each["replicas"] for each in services] == [0] * len(services)
    assert one(cold, "strategy-map")["data"]["restored-first"] == "postgres"


def test_what_the_strategy_says_is_promoted_has_a_server_in_the_stack_and_nothing_else_has() -> None:
    kinds = {each.type.rpartition(":")[2] for each in declared("dr") if each.type.startswith("ultramarket:")}
    follow = {"PostgresStandby": "postgres", "RedisReplica": "redis"}
    servers = {follow[each] for each in kinds if each in follow}
    assert servers == set(consequences(PLAN).promoted) == set(consequences(PLAN).standbys)


def test_a_warm_site_s_standby_follows_production_and_what_is_scaled_is_left_as_it_is() -> None:
    found = {each.name: each for each in declared("dr")}
    assert found["postgres-set"].inputs["spec"]["replicas"] == 1
    assert "replicas" not in found["services-order-deployment"].inputs["spec"]
    scaled = {each.name for each in declared("dr") if "spec.replicas" in each.ignored}
    assert scaled == {"postgres-set", "redis-set", "postgres-beside-deployment"}


def test_the_plan_s_tables_say_made_today_of_what_is_declared_and_of_nothing_else() -> None:
    cron_jobs = [each.name for each in declared("prod") if each.type == "kubernetes:batch/v1:CronJob"]
    jobs = [each for each in cron_jobs if each.startswith("backup-")]
    fulls = {(dataset, "due") for dataset, _ in SCHEDULED_TODAY}
    assert sorted(jobs) == sorted(f"backup-{dataset}-{kind}-job" for dataset, kind in {*SCHEDULED_TODAY, *fulls})
    logs = [each.name for each in declared("prod") if each.name.endswith("-log-shipper-deployment")]
    assert logs == [f"{dataset}-log-shipper-deployment" for dataset, _ in SHIPPED_TODAY]
