"""New resources that are put onto something else. When that is there already they are an update in disguise, or a way.

A bucket has one versioning setting, a topic one policy: declaring a second takes the place of the first, in silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from policy.values import Value, at
from policy.verdict import Verdict
from recovery.names import BUNDLE_KEY

BUCKET, ROLE, OBJECT = "aws:s3/bucket:Bucket", "aws:iam/role:Role", "aws:s3/bucketObjectv2:BucketObjectv2"
RBAC = "kubernetes:rbac.authorization.k8s.io/v1:"
KUBERNETES_ROLE = f"{RBAC}Role"
ACCESS_POLICY = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
_PERMISSION, _ALIAS, _SUBNET = "aws:iam/rolePolicy:RolePolicy", "aws:kms/alias:Alias", "aws:ec2/subnet:Subnet"
_BUNDLE = "ultramarket:dr:RecoveryBundle"


@dataclass(frozen=True)
class Onto:
    """Put onto a resource of type `kind`, which `property` names; without them always onto something that is there.

    `document` is the property that must be known even when both are new.
    """

    reason: str
    property: str = ""
    kind: str = ""
    document: str = ""
    verdict: Verdict = Verdict.UNJUDGED


_SETTING = Onto("a bucket has one such setting: this takes the place of what is there", "bucket", BUCKET)
_CLUSTER = ("clusterName", "aws:eks/cluster:Cluster")
_S3 = "aws:s3/bucket"
_SETTINGS = "Versioning ServerSideEncryptionConfiguration PublicAccessBlock OwnershipControls ReplicationConfig Logging"
_GROUP = Onto("a way that was not there", "securityGroupId", "aws:ec2/securityGroup:SecurityGroup")
_PEERING = Onto("a way between networks that was not there")
_ENTRY = Onto("permission widened: who enters the cluster", *_CLUSTER, verdict=Verdict.WEAKER)
_BINDING = Onto("permission widened: who gets a role", "roleRef.name", KUBERNETES_ROLE, verdict=Verdict.WEAKER)

ONTO: dict[str, Onto] = {
    f"{_S3}Policy:BucketPolicy": replace(_SETTING, document="policy"),
    f"{_S3}LifecycleConfiguration:BucketLifecycleConfiguration": replace(_SETTING, document="rules"),
    **{f"{_S3}{setting}:Bucket{setting}": _SETTING for setting in _SETTINGS.split()},
    OBJECT: Onto("an object takes the place of the one of the same key", "bucket", BUCKET),
    _ALIAS: Onto("another name of a key that is there already", "targetKeyId", "aws:kms/key:Key"),
    _PERMISSION: Onto("what an existing role may do", "role", ROLE, "policy"),
    "aws:sns/topicPolicy:TopicPolicy": Onto("a topic has one policy: who is told", "arn", "aws:sns/topic:Topic"),
    "aws:ecr/replicationConfiguration:ReplicationConfiguration": Onto("a registry has one replication"),
    "aws:route53/zoneAssociation:ZoneAssociation": Onto("a private zone's names are found in one more network"),
    "aws:route53/record:Record": Onto("what a public name answers"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _GROUP,
    "aws:ec2/route:Route": Onto("packets go another way", "routeTableId", "aws:ec2/routeTable:RouteTable"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Onto("packets go another way", "subnetId", _SUBNET),
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": _PEERING,
    "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": _PEERING,
    "aws:eks/accessEntry:AccessEntry": _ENTRY,
    ACCESS_POLICY: Onto("permission widened in the cluster", verdict=Verdict.WEAKER),
    "aws:eks/addon:Addon": Onto("the cluster works in another way", *_CLUSTER),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Onto("which Pods act under which role", *_CLUSTER),
    f"{RBAC}RoleBinding": _BINDING,
    f"{RBAC}ClusterRoleBinding": replace(_BINDING, kind=f"{RBAC}ClusterRole"),
}
# Power that nobody had before. In a new stack it comes with what it is for; beside what is there it reaches that too.
POWERS = {
    ROLE: "a new role: who may take it, and what for",
    _PERMISSION: "what a new role may do",
    KUBERNETES_ROLE: "a new role in the cluster: what it may do there",
    f"{RBAC}ClusterRole": "a new role in the whole cluster: what it may do there",
    f"{RBAC}RoleBinding": "who gets the new role in the cluster",
    f"{RBAC}ClusterRoleBinding": "who gets the new role in the whole cluster",
}


def is_bundle(inputs: Mapping[str, Value], parents: tuple[str, ...]) -> bool:
    """The recovery bundle lies in a bucket of another stack."""
    return at(inputs, "key") == BUNDLE_KEY and _BUNDLE in parents


def called(kind: str, inputs: Mapping[str, Value], provider: str) -> tuple[str, ...]:
    """What it is in the world, for types where a second one of the same name would take its place; else empty."""
    if kind.startswith("kubernetes:"):
        found = [at(inputs, "metadata", "namespace"), at(inputs, "metadata", "name")]
    elif kind == OBJECT:
        found = [at(inputs, "bucket"), at(inputs, "key")]
    else:
        found = [at(inputs, "name")] if kind == _ALIAS else [None]
    return (kind, provider, *map(str, found)) if isinstance(found[-1], str) else ()
