"""What is said of a new resource in a stack that is there already: it may be an update in disguise, or be born weak."""

from typing import Any

import pytest

from policy.review.attachments import ONTO, RBAC
from policy.review.preview import parse
from policy.review.review import review
from policy.rules.by_type import known_types
from policy.verdict import Finding, Verdict
from recovery.names import BUNDLE_KEY, CANARY_KEY, MARKER_KEY
from tests.support.review_cases import IMAGE, C, D, N, W, document, statement
from tests.support.review_preview import UNKNOWN, preview, state, step
from tests.support.stacks import declare

S3 = "aws:s3/bucket"
BUCKET, OBJECT, TOPIC = f"{S3}:Bucket", f"{S3}Objectv2:BucketObjectv2", "aws:sns/topic:Topic"
BLOCK = f"{S3}PublicAccessBlock:BucketPublicAccessBlock"
KEY, ALIAS = "aws:kms/key:Key", "aws:kms/alias:Alias"
RECORD, GROUP = "aws:route53/record:Record", "aws:ec2/securityGroup:SecurityGroup"
IN = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
CLUSTER, IDENTITY = "aws:eks/cluster:Cluster", "aws:eks/podIdentityAssociation:PodIdentityAssociation"
SERVICE, CONFIG = "kubernetes:core/v1:Service", "kubernetes:core/v1:ConfigMap"
DEPLOYMENT, CRON_JOB = "kubernetes:apps/v1:Deployment", "kubernetes:batch/v1:CronJob"
STORAGE = "kubernetes:storage.k8s.io/v1:StorageClass"
CLOSED = {"blockPublicAcls": True, "blockPublicPolicy": True, "ignorePublicAcls": True, "restrictPublicBuckets": True}


def look(*steps: dict[str, Any], stack: str = "same") -> list[Finding]:
    return review([parse(preview(*steps).replace('"op": "same"', f'"op": "{stack}"', 1), source="preview.json")])


def new(kind: str, inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return step("create", kind, "it", None, inputs, **more) | {"newState": state(inputs, protect=True, parent="p")}


def there(kind: str, inputs: dict[str, Any]) -> dict[str, Any]:
    made = state(inputs, protect=True, parent="p")
    return step("same", kind, "there") | {"oldState": made, "newState": made}


def worst(*steps: dict[str, Any], stack: str = "same") -> Verdict:
    """Of what is said about `it`; the worst comes first."""
    return next(each.verdict for each in look(*steps, stack=stack) if each.name == "it")


def encryption(algorithm: str) -> dict[str, Any]:
    return {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": algorithm}}]}


FILTERED = {
    "filter": {"prefix": ""},
    "deleteMarkerReplication": {"status": "Disabled"},
    "sourceSelectionCriteria": {"sseKmsEncryptedObjects": {"status": "Enabled"}},
}


def replication(status: str) -> dict[str, Any]:
    rule = {"id": "all", "status": status, "destination": {"bucket": "arn:aws:s3:::elsewhere"}, **FILTERED}
    return {"rules": [rule]}


LOCK = {"rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 1}}}
SETTINGS = [
    (f"{S3}Versioning:BucketVersioning", {"versioningConfiguration": {"status": "Suspended"}}, W),
    (f"{S3}ServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", encryption("AES256"), C),
    (f"{S3}ReplicationConfig:BucketReplicationConfig", replication("Disabled"), W),
    (f"{S3}ReplicationConfig:BucketReplicationConfig", replication("Enabled"), C),
    *(
        (f"{S3}ReplicationConfig:BucketReplicationConfig", {"rules": [replication("Enabled")["rules"][0] | less]}, W)
        for less in ({"filter": None, "deleteMarkerReplication": None}, {"sourceSelectionCriteria": None})
    ),
    (f"{S3}OwnershipControls:BucketOwnershipControls", {"rule": {"objectOwnership": "ObjectWriter"}}, W),
    (f"{S3}ObjectLockConfiguration:BucketObjectLockConfiguration", LOCK, C),
    (f"{S3}Logging:BucketLogging", {"targetBucket": "elsewhere"}, C),
    (f"{S3}Policy:BucketPolicy", {"policy": document(statement("Deny", "s3:GetObject", Principal="*"))}, C),
    (BLOCK, CLOSED, C),
]


@pytest.mark.parametrize(("kind", "inputs", "expected"), SETTINGS)
def test_a_setting_of_a_bucket_that_is_there_is_an_update_in_disguise(
    kind: str, inputs: dict[str, Any], expected: Verdict
) -> None:
    here = there(BUCKET, {"bucket": "backups"})
    assert worst(here, new(kind, {"bucket": "backups", **inputs})) is expected
    assert worst(new(kind, {"bucket": "backups", **inputs})) is expected


def stands_in(key: str, bucket: str = "b") -> dict[str, Any]:
    return new(OBJECT, {"bucket": bucket, "key": key, "content": "x"})


BUNDLED = "ultramarket:dr:RecoveryBundle$"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([stands_in(MARKER_KEY)], D),
        ([there(BUCKET, {"bucket": "b"}), stands_in(MARKER_KEY)], D),
        ([new(BUCKET, {"bucket": "b"}), new(BLOCK, {"bucket": "b", **CLOSED}), stands_in(MARKER_KEY)], D),
        ([stands_in(f"/{MARKER_KEY.replace('/', '//')}")], D),
        ([stands_in("pointers/postgres/full")], C),
        ([stands_in(CANARY_KEY)], C),
        ([stands_in(BUNDLE_KEY)], W),
        ([new(OBJECT, {"bucket": "b", "key": BUNDLE_KEY}, parents=BUNDLED)], N),
        (
            [
                there(OBJECT, {"bucket": "b", "key": BUNDLE_KEY}),
                new(OBJECT, {"bucket": "b", "key": BUNDLE_KEY}, parents=BUNDLED),
            ],
            C,
        ),
        ([new(BUCKET, {"bucket": "b"}), new(BLOCK, {"bucket": "b", **CLOSED}), stands_in(CANARY_KEY)], N),
    ],
)
def test_an_object_takes_the_place_of_the_one_of_its_key(steps: list[dict[str, Any]], expected: Verdict) -> None:
    assert worst(*reversed(steps)) is expected


def test_the_marker_is_never_declared() -> None:
    assert worst(stands_in(MARKER_KEY), stack="create") is D


NAME = {"zoneId": "Z", "name": "shop.test", "setIdentifier": "secondary", "records": ["192.0.2.1"]}
WAYS = [
    (RECORD, NAME, C),
    (RECORD, {**NAME, "allowOverwrite": True}, C),
    ("aws:sns/topicPolicy:TopicPolicy", {"arn": "arn:t", "policy": document()}, C),
    (IDENTITY, {"clusterName": "c", "roleArn": "r", "namespace": "default", "serviceAccount": "other"}, C),
    (IN, {"securityGroupId": "sg", "cidrIpv4": "0.0.0.0/1"}, W),
    (IN, {"securityGroupId": "sg", "referencedSecurityGroupId": "sg-2"}, C),
    ("aws:ec2/route:Route", {"routeTableId": "rtb", "destinationCidrBlock": "10.0.0.0/8"}, C),
    ("aws:ec2/routeTableAssociation:RouteTableAssociation", {"subnetId": "s", "routeTableId": "rtb"}, C),
    ("aws:ec2/vpcPeeringConnection:VpcPeeringConnection", {"vpcId": "v", "peerOwnerId": "210987654321"}, C),
    ("aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter", {"vpcPeeringConnectionId": "p"}, C),
    ("aws:route53/zoneAssociation:ZoneAssociation", {"zoneId": "z", "vpcId": "v"}, C),
    ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", {"vpcId": "v"}, C),
    ("aws:eks/addon:Addon", {"clusterName": "c", "addonName": "vpc-cni"}, C),
    ("aws:ecr/replicationConfiguration:ReplicationConfiguration", {}, C),
    ("aws:ecr/registryPolicy:RegistryPolicy", {"policy": document()}, C),
    ("aws:backup/vaultLockConfiguration:VaultLockConfiguration", {"minRetentionDays": 1}, C),
    ("aws:iam/rolePolicy:RolePolicy", {"role": "r", "policy": document()}, C),
    (ALIAS, {"name": "alias/backups", "targetKeyId": "another"}, C),
    ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", {"role": "r", "policyArn": "arn:aws:iam::1:policy/own"}, W),
    ("aws:eks/accessEntry:AccessEntry", {"clusterName": "c", "principalArn": "somebody"}, W),
    ("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", {"policyArn": "view"}, W),
    (f"{RBAC}RoleBinding", {"roleRef": {"name": "r"}, "subjects": [{"name": "somebody"}]}, W),
    (f"{RBAC}ClusterRoleBinding", {"roleRef": {"name": "r"}, "subjects": [{"name": "somebody"}]}, W),
    (SERVICE, {"spec": {"type": "LoadBalancer"}}, W),
    (SERVICE, {"spec": {"type": "NodePort"}}, W),
    (SERVICE, {"spec": {"externalIPs": ["192.0.2.1"]}}, W),
]


@pytest.mark.parametrize(("kind", "inputs", "expected"), WAYS)
def test_a_new_way_to_what_is_there_is_not_passed(kind: str, inputs: dict[str, Any], expected: Verdict) -> None:
    assert worst(new(kind, inputs)) is expected


def test_everything_that_is_put_onto_something_is_of_a_known_type_and_has_a_case() -> None:
    assert set(ONTO) <= known_types()
    asked = {kind for kind, *_ in (*SETTINGS, *WAYS)} | {OBJECT}
    lifecycle = f"{S3}LifecycleConfiguration:BucketLifecycleConfiguration"
    assert set(ONTO) - asked == {lifecycle}


def pods(container: dict[str, Any] | None = None, **pod: Any) -> dict[str, Any]:
    closed = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    runs = {"name": "c", "image": IMAGE, "resources": {"limits": {"memory": "1Gi"}}, "securityContext": closed}
    spec = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{**runs, "securityContext": {**closed, **(container or {})}}],
    }
    return {"template": {"spec": {**spec, **pod}}}


def enforced(level: str) -> dict[str, Any]:
    return {"metadata": {"name": "n", "labels": {"pod-security.kubernetes.io/enforce": level}}}


def runs(**spec: Any) -> dict[str, Any]:
    job = {"activeDeadlineSeconds": 60, **pods()}
    return {"spec": {"schedule": "0 2 * * *", "concurrencyPolicy": "Forbid", "jobTemplate": {"spec": job}, **spec}}


TABLE = "aws:dynamodb/table:Table"
REPLICA = {"regionName": "us-east-1", "deletionProtectionEnabled": True, "pointInTimeRecovery": True}
LEASE_TABLE = {
    "billingMode": "PAY_PER_REQUEST",
    "deletionProtectionEnabled": True,
    "pointInTimeRecovery": {"enabled": True},
    "serverSideEncryption": {"enabled": True},
}


def cluster(**config: Any) -> dict[str, Any]:
    return {"vpcConfig": {"endpointPrivateAccess": True, **config}}


@pytest.mark.parametrize(
    ("kind", "inputs", "expected"),
    [
        (CLUSTER, cluster(publicAccessCidrs=["0.0.0.0/0"]), W),
        (CLUSTER, cluster(publicAccessCidrs=["0.0.0.0/1", "128.0.0.0/1"]), W),
        (CLUSTER, cluster(endpointPublicAccess=True), W),
        (CLUSTER, cluster(publicAccessCidrs=["203.0.113.0/24"]), N),
        (CLUSTER, cluster(endpointPublicAccess=False), N),
        (GROUP, {"ingress": [{"cidrBlocks": ["0.0.0.0/1", "128.0.0.0/1"]}]}, W),
        (GROUP, {"ingress": [{"cidrBlocks": ["10.0.0.0/16"]}], "egress": [{"cidrBlocks": ["0.0.0.0/0"]}]}, N),
        (SERVICE, {"spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}}, N),
        (DEPLOYMENT, {"spec": pods()}, N),
        (DEPLOYMENT, {"spec": pods({"privileged": True})}, W),
        (DEPLOYMENT, {"spec": pods({"capabilities": {"add": ["SYS_ADMIN"]}})}, W),
        (DEPLOYMENT, {"spec": pods({"allowPrivilegeEscalation": None})}, W),
        (DEPLOYMENT, {"spec": pods(hostNetwork=True)}, W),
        (DEPLOYMENT, {"spec": pods(hostPID=True)}, W),
        (DEPLOYMENT, {"spec": pods(hostNetwork=UNKNOWN)}, C),
        ("kubernetes:core/v1:Namespace", enforced("privileged"), W),
        ("kubernetes:core/v1:Namespace", enforced("baseline"), W),
        ("kubernetes:core/v1:Namespace", {"metadata": {"name": "n"}}, W),
        ("kubernetes:core/v1:Namespace", enforced("restricted"), N),
        (KEY, {"deletionWindowInDays": 7, "enableKeyRotation": True}, W),
        (KEY, {"deletionWindowInDays": 30}, W),
        (KEY, {"deletionWindowInDays": "?", "enableKeyRotation": True}, C),
        (KEY, {"deletionWindowInDays": 30, "enableKeyRotation": True}, N),
        (STORAGE, {"reclaimPolicy": "Retain", "parameters": {"encrypted": "false"}}, W),
        (STORAGE, {"reclaimPolicy": "Retain"}, W),
        (STORAGE, {"reclaimPolicy": "Delete", "parameters": {"encrypted": "true"}}, W),
        (STORAGE, {"parameters": {"encrypted": "true"}}, W),
        (STORAGE, {"reclaimPolicy": "Retain", "parameters": {"encrypted": "true"}}, N),
        (CRON_JOB, runs(suspend=True), W),
        (CRON_JOB, runs(), N),
        (CRON_JOB, runs(schedule="0 2 31 2 *"), W),
        (CRON_JOB, runs(schedule=""), W),
        (CRON_JOB, runs(schedule="@daily"), C),
        (DEPLOYMENT, {"spec": pods(securityContext={"runAsNonRoot": True})}, W),
        (TABLE, {**LEASE_TABLE, "replicas": [{**REPLICA, "consistencyMode": "STRONG"}]}, N),
        (TABLE, {**LEASE_TABLE, "replicas": [REPLICA]}, W),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", {"metricName": "a"}, W),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", {"metricName": "a", "treatMissingData": "breaching"}, N),
        (CONFIG, {"metadata": {"name": "new"}, "data": {"a": "b"}}, N),
        (TOPIC, {"name": "t", "tags": {"a": "b"}}, N),
    ],
)
def test_something_that_is_born_weak_is_weaker(kind: str, inputs: dict[str, Any], expected: Verdict) -> None:
    assert worst(new(kind, inputs)) is expected


def test_a_second_object_of_the_same_name_cannot_be_judged() -> None:
    taken = {"metadata": {"namespace": "shop", "name": "plan"}, "data": {}}
    assert worst(there(CONFIG, taken), new(CONFIG, taken)) is C
    assert worst(there(CONFIG, taken), new(CONFIG, {"metadata": {"namespace": "other", "name": "plan"}})) is N
    key = new(KEY, {"deletionWindowInDays": 30, "enableKeyRotation": True})
    alias = {"name": "alias/backups", "targetKeyId": UNKNOWN}
    assert worst(key, new(ALIAS, alias)) is N
    assert worst(there(ALIAS, {"name": "alias/backups", "targetKeyId": "a"}), key, new(ALIAS, alias)) is C


# Whoever adds one to a stack that is there has to look: it gives an identity, a way in, or what a public name answers.
LOOKED_AT = {IDENTITY, RECORD, "kubernetes:networking.k8s.io/v1:NetworkPolicy"}
LOOKED_AT |= {f"{S3}ReplicationConfig:BucketReplicationConfig"}  # its bucket is another component's
LOOKED_AT |= {"aws:eks/accessPolicyAssociation:AccessPolicyAssociation"}
LOOKED_AT |= {"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"}  # onto the group that EKS makes


def later(value: Any, made: set[str]) -> Any:
    """`value` as a preview shows it: what AWS will call the resources is not known yet."""
    if isinstance(value, dict):
        return {key: later(each, made) for key, each in value.items()}
    if isinstance(value, list):
        return [later(each, made) for each in value]
    is_later = isinstance(value, str) and (value in made or "arn:aws:test:::" in value)
    return UNKNOWN if is_later else value


@pytest.mark.parametrize("stack", ["foundation", "prod", "dr"])
def test_nothing_that_a_stack_of_ours_declares_is_born_weak(stack: str) -> None:
    """All of it, added to a stack that is there."""
    declared = [each for each in declare(stack) if each.type.startswith(("aws:", "kubernetes:"))]
    made = {f"{each.name}{end}" for each in declared if each.type.startswith("aws:") for end in ("", "-id")}
    steps = [
        {"op": "create", "urn": each.urn}
        | {"newState": state(later(each.inputs, made), protect=each.protected, parent=each.parent)}
        for each in declared
    ]
    found = [each for each in look(*steps) if each.verdict.objection and each.type not in LOOKED_AT]
    said = {(each.type, each.name, each.property, each.reason) for each in found}
    assert {each for each in said if "known only after apply" not in each[3]} == set()


def test_a_new_stack_gives_nothing_more_to_a_role_that_is_there() -> None:
    attachment = {"role": "r", "policyArn": "arn:aws:iam::1:policy/own"}
    assert worst(new("aws:iam/rolePolicyAttachment:RolePolicyAttachment", attachment), stack="create") is W


def test_a_network_policy_that_is_not_known_yet_cannot_be_judged() -> None:
    assert worst(new("kubernetes:networking.k8s.io/v1:NetworkPolicy", {"spec": UNKNOWN})) is C


def test_a_new_stack_stays_as_it_was() -> None:
    assert worst(new(STORAGE, {"reclaimPolicy": "Delete", "parameters": {"encrypted": "true"}}), stack="create") is N
