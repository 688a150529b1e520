"""New resources that are put onto something else. When that is there already they are an update in disguise, or a way.

A bucket has one versioning setting, a topic one policy: declaring a second takes the place of the first, in silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from policy.values import Value, at
from recovery.names import BUNDLE_KEY

BUCKET, ROLE, OBJECT = "aws:s3/bucket:Bucket", "aws:iam/role:Role", "aws:s3/bucketObjectv2:BucketObjectv2"
_ALIAS = "aws:kms/alias:Alias"
_BUNDLE = "ultramarket:dr:RecoveryBundle"


@dataclass(frozen=True)
class Onto:
    """`property` names what it is put onto, of type `kind`; both empty: always something that is there already.

    `document` is its property that must be known, even when both are new.
    """

    property: str
    kind: str
    reason: str
    document: str = ""


_SETTING = "a bucket has one such setting: this takes the place of what is there"
_BUCKET_SETTING = Onto("bucket", BUCKET, _SETTING)
_S3 = "aws:s3/bucket"
_GROUP = Onto("securityGroupId", "aws:ec2/securityGroup:SecurityGroup", "a way that was not there")
_PEERING = Onto("", "", "a way between networks that was not there")

ONTO: dict[str, Onto] = {
    f"{_S3}Policy:BucketPolicy": Onto("bucket", BUCKET, _SETTING, "policy"),
    f"{_S3}LifecycleConfiguration:BucketLifecycleConfiguration": Onto("bucket", BUCKET, _SETTING, "rules"),
    f"{_S3}Versioning:BucketVersioning": _BUCKET_SETTING,
    f"{_S3}ServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _BUCKET_SETTING,
    f"{_S3}PublicAccessBlock:BucketPublicAccessBlock": _BUCKET_SETTING,
    f"{_S3}OwnershipControls:BucketOwnershipControls": _BUCKET_SETTING,
    f"{_S3}ObjectLockConfiguration:BucketObjectLockConfiguration": _BUCKET_SETTING,
    f"{_S3}ReplicationConfig:BucketReplicationConfig": _BUCKET_SETTING,
    f"{_S3}Logging:BucketLogging": _BUCKET_SETTING,
    OBJECT: Onto("bucket", BUCKET, "an object takes the place of the one of the same key"),
    _ALIAS: Onto("targetKeyId", "aws:kms/key:Key", "another name of a key that is there already"),
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": Onto("", "", "a vault has one lock"),
    "aws:iam/rolePolicy:RolePolicy": Onto("role", ROLE, "what an existing role may do", "policy"),
    "aws:sns/topicPolicy:TopicPolicy": Onto("arn", "aws:sns/topic:Topic", "a topic has one policy: who is told"),
    "aws:sns/topicSubscription:TopicSubscription": Onto("topic", "aws:sns/topic:Topic", "somebody else is told too"),
    "aws:ecr/replicationConfiguration:ReplicationConfiguration": Onto("", "", "a registry has one replication"),
    "aws:ecr/registryPolicy:RegistryPolicy": Onto("", "", "a registry has one policy"),
    "aws:route53/record:Record": Onto("", "", "what a public name answers"),
    "aws:ec2/securityGroupRule:SecurityGroupRule": _GROUP,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _GROUP,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _GROUP,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Onto("vpcId", "aws:ec2/vpc:Vpc", "a network has one"),
    "aws:ec2/route:Route": Onto("routeTableId", "aws:ec2/routeTable:RouteTable", "packets go another way"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Onto(
        "subnetId", "aws:ec2/subnet:Subnet", "a subnet's packets go another way"
    ),
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": _PEERING,
    "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": _PEERING,
    "aws:eks/addon:Addon": Onto("clusterName", "aws:eks/cluster:Cluster", "the cluster works in another way"),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Onto(
        "clusterName", "aws:eks/cluster:Cluster", "which Pods act under which role"
    ),
    "kubernetes:networking.k8s.io/v1:Ingress": Onto("", "", "what is reached from outside"),
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
