"""What each stack declares, seen through Pulumi's mocks."""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.workload import plan_text
from recovery.bundle import read_bundle
from recovery.datasets import MADE_TODAY
from recovery.kubeconfig import kubeconfig
from recovery.loading import load_plan, parse_plan
from recovery.names import BUNDLE_KEY, GATE_SERVICE, PLAN_FILE, Names
from tests.unit import stacks
from tests.unit.project import in_the_project as in_the_project  # a fixture
from tests.unit.stacks import Declared

PLAN = load_plan(Path(__file__).resolve().parents[2] / "recovery.yaml")
NAMES = Names(PLAN, "123456789012")
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
                "FailoverRecord": 1,
                "DutyRole": 8,
                "ClusterRoles": 1,
            },
        ),
        ("prod", {"SiteGuard": 1, "BackupCronJob": 1}),
        (
            "dr",
            {
                "WarmCluster": 1,
                "SiteCapacity": 1,
                "DefaultDeny": 1,
                "StrategyConfig": 1,
                "OperatorWorkspace": 1,
                "PostgresStandby": 1,
                "SiteGuard": 1,
                "WarmServices": 1,
                "RecoveryBundle": 1,
            },
        ),
    ],
)
def test_a_stack_is_made_of_components_a_reviewer_recognises(stack: str, components: dict[str, int]) -> None:
    found = Counter(each.type.rsplit(":", 1)[-1] for each in declared(stack) if each.type.startswith("ultramarket:dr:"))
    assert found == components


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


def test_destroying_the_dr_site_keeps_the_bundle_the_namespace_of_the_database_and_the_key_of_its_secrets() -> None:
    kept = {each.name for each in declared("dr") if each.kept_on_delete}
    assert kept == {"recovery-bundle-object", "namespace", "warm-cluster-secrets-key"}
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
    before, after = declared("foundation"), stacks.declare("foundation", {"failoverArmed": True})
    assert "healthCheckId" not in one(before, "failover-primary")
    assert one(after, "failover-primary")["healthCheckId"] == "failover-marker-check-id"
    for found in (before, after):
        assert "healthCheckId" not in one(found, "failover-secondary")
        assert one(found, "failover-marker-check")["invertHealthcheck"] is True
        assert one(found, "failover-canary-check")["invertHealthcheck"] is False


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
        for container in spec["containers"]:
            assert re.fullmatch(r".+@sha256:[0-9a-f]{64}", container["image"]), name
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] and security["capabilities"] == {"drop": ["ALL"]}, name
            assert security["allowPrivilegeEscalation"] is False, name
            assert container["resources"]["limits"]["memory"], name


@pytest.mark.parametrize("stack", ["prod", "dr"])
def test_no_password_stands_in_an_argument_or_a_plain_variable(stack: str) -> None:
    for name, template in pods(declared(stack)).items():
        assert "not-a-secret" not in json.dumps(template), name
        for container in template["spec"]["containers"]:
            for variable in container["env"]:
                assert not variable["name"].startswith("AWS_"), name
                if variable["name"].endswith("PASSWORD"):
                    assert variable["valueFrom"]["secretKeyRef"]["key"] == "password", name


def test_the_backup_runs_on_the_plan_s_schedule_in_its_time_zone_and_never_twice_at_once() -> None:
    spec = one(declared("prod"), "backup-postgres-full-job")["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("0 2 * * *", "Asia/Tashkent", "Forbid")
    assert spec["startingDeadlineSeconds"] == 1800
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 7200
    (container,) = spec["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["dr", "backup", "postgres", "full"]


@pytest.mark.parametrize("stack", ["prod", "dr"])
def test_a_site_has_one_guard_and_the_gate_is_ready_only_while_it_is_open(stack: str) -> None:
    found = declared(stack)
    deployment = one(found, "site-guard-guard")["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    (container,) = deployment["template"]["spec"]["containers"]
    assert container["command"][:4] == ["dr", "guard", "--listen", "$(POD_IP):5432"]
    assert container["command"][-2:] == ["--mode", "enforce"]
    assert container["readinessProbe"]["tcpSocket"] == {"port": 5432}
    assert one(found, "site-guard-gate")["metadata"]["name"] == GATE_SERVICE


def test_dr_s_guard_stands_before_the_standby_and_only_it_is_let_in() -> None:
    found = declared("dr")
    (container,) = one(found, "site-guard-guard")["spec"]["template"]["spec"]["containers"]
    assert "$(POSTGRES_STANDBY_SERVICE_HOST):5432" in container["command"]
    policy = one(found, "site-guard-only-way")["spec"]
    assert policy["podSelector"]["matchLabels"] == one(found, "postgres-service")["spec"]["selector"]
    (ingress,) = policy["ingress"]
    (peer,) = ingress["from"]
    assert peer["podSelector"]["matchExpressions"][0]["values"] == ["gate", "backup", "operator"]


def test_services_leave_their_replicas_to_promotion_and_reach_the_database_by_the_gate() -> None:
    found = declared("dr")
    for service in PLAN.services:
        spec = one(found, f"services-{service}-deployment")["spec"]
        assert "replicas" not in spec
        env = {each["name"]: each.get("value") for each in spec["template"]["spec"]["containers"][0]["env"]}
        assert env["DATABASE_HOST"] == "$(POSTGRES_GATE_SERVICE_HOST)"
        assert (env["SITE"], env["SERVICE"]) == ("dr", service)
    paths = one(found, "services-edge")["spec"]["rules"][0]["http"]["paths"]
    assert [path["path"] for path in paths] == [f"/v2/{service}" for service in PLAN.services]


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
    assert {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]} == {
        ("deployments", "get"),
        ("deployments", "list"),
        ("deployments/scale", "get"),
        ("deployments/scale", "patch"),
        ("pods", "get"),
        ("pods", "list"),
        ("namespaces", "get"),
    }


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


@pytest.mark.parametrize("stack", ["prod", "dr"])
def test_the_plan_in_the_cluster_reads_back_as_the_same_plan(stack: str) -> None:
    config = one(declared(stack), "plan")
    (text,) = config["data"].values()
    assert parse_plan(text) == PLAN
    assert parse_plan(text).digest == PLAN.digest
    template = pods(declared(stack))["site-guard-guard"]
    assert template["spec"]["volumes"][0]["configMap"]["name"] == config["metadata"]["name"]
    env = {each["name"]: each.get("value") for each in template["spec"]["containers"][0]["env"]}
    assert env["DR_PLAN"] == PLAN_FILE


def test_a_kubeconfig_holds_no_secret_and_fetches_a_token() -> None:
    text = kubeconfig(name="dr", endpoint="https://dr.test", ca_data="Y2E=", region="us-west-2")
    user = json.loads(text)["users"][0]["user"]
    assert set(user) == {"exec"}
    assert user["exec"]["args"][:4] == ["eks", "get-token", "--cluster-name", "dr"]


def test_a_cold_site_is_refused_until_something_restores_copies(tmp_path: Path) -> None:
    plan = tmp_path / "recovery.yaml"
    text = (stacks.ROOT / "recovery.yaml").read_text().replace("strategy: warm", "strategy: cold", 1)
    # Without replicas Redis keeps its objective only when snapshots go straight to the DR bucket.
    plan.write_text(text.replace("to: local", "to: cloud"))
    with pytest.raises(pulumi.RunError, match="only warm can be declared and promoted today"):
        stacks.declare("dr", {"plan": str(plan)})


def test_the_plan_s_tables_say_made_today_of_what_is_declared_and_of_nothing_else() -> None:
    jobs = [each.name for each in declared("prod") if each.type == "kubernetes:batch/v1:CronJob"]
    assert sorted(jobs) == sorted(f"backup-{dataset}-{kind}-job" for dataset, kind in MADE_TODAY)
