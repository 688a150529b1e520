"""What it means that a resource of a type goes, or is replaced by another. Types not named here: nobody can say."""

from dataclasses import dataclass

from policy.rules.ids import type_name
from policy.verdict import Verdict

Answer = tuple[Verdict, str]


@dataclass(frozen=True)
class Life:
    """The verdicts of deletion and of replacement."""

    delete: Answer
    replace: Answer


UNKNOWN_LIFE = Life(
    (Verdict.UNJUDGED, "no rule says what its end means"),
    (Verdict.UNJUDGED, "no rule says what its replacement means"),
)


def _holds(what: str) -> Life:
    return Life(
        (Verdict.DESTRUCTIVE, f"it holds data: {what}"),
        (Verdict.DESTRUCTIVE, f"replaced by an empty one; it holds data: {what}"),
    )


def _protects(what: str) -> Life:
    """Its replacement is judged by its properties, but for a moment there is none."""
    return Life((Verdict.WEAKER, what), (Verdict.WEAKER, f"for the time of the replacement: {what}"))


def _renewed(what: str) -> Life:
    """Replaced as part of its life: what differs is judged property by property."""
    return Life((Verdict.WEAKER, what), (Verdict.NEUTRAL, "what differs is judged by itself"))


def _ends(what: str) -> Life:
    return Life((Verdict.WEAKER, what), (Verdict.UNJUDGED, f"not there for a moment: {what}"))


_S3 = "aws:s3/bucket"
LIVES: dict[str, Life] = {
    "aws:s3/bucket:Bucket": _holds("copies, or the marker"),
    "aws:s3/bucketObjectv2:BucketObjectv2": _holds("the bundle, or the canary"),
    "aws:kms/key:Key": _holds("without the key no copy can be read"),
    "aws:dynamodb/table:Table": _holds("the lease and the journal"),
    "aws:eks/cluster:Cluster": _holds("the cluster's objects"),
    "kubernetes:core/v1:Namespace": _holds("everything in it, volumes too"),
    "kubernetes:apps/v1:StatefulSet": _holds("a database"),
    "aws:route53/record:Record": _holds("where the public name points; traffic moves"),
    "aws:route53/healthCheck:HealthCheck": Life(
        (Verdict.DESTRUCTIVE, "marker check missing: the marker no longer moves the name"),
        (Verdict.DESTRUCTIVE, "a new check counts as unhealthy until it has data: moves traffic"),
    ),
    f"{_S3}Versioning:BucketVersioning": _protects("versioning off: an overwrite is final"),
    f"{_S3}PublicAccessBlock:BucketPublicAccessBlock": _protects("public access no longer blocked"),
    f"{_S3}Policy:BucketPolicy": _protects("every deny statement removed"),
    f"{_S3}OwnershipControls:BucketOwnershipControls": _protects("ACLs would count again"),
    f"{_S3}ReplicationConfig:BucketReplicationConfig": _protects("replication off"),
    f"{_S3}LifecycleConfiguration:BucketLifecycleConfiguration": _protects("noncurrent versions and archives unruled"),
    f"{_S3}Logging:BucketLogging": _protects("no access log"),
    f"{_S3}ServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _protects("encryption gone"),
    "aws:kms/alias:Alias": _ends("the key is no longer found by its name"),
    "aws:iam/role:Role": _ends("the duty can no longer be done"),
    "aws:iam/rolePolicy:RolePolicy": _ends("the duty can no longer be done"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _ends("the duty can no longer be done"),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _ends("its Pods have no role"),
    "aws:eks/accessEntry:AccessEntry": _ends("the promoter cannot enter the cluster"),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": _ends("whoever had it cannot do it any more"),
    "aws:eks/addon:Addon": _ends("what the add-on does stops, network policies among it"),
    "aws:eks/nodeGroup:NodeGroup": _ends("no nodes"),
    "aws:ec2/launchTemplate:LaunchTemplate": _ends("nodes start with settings that nobody looks at"),
    "aws:ec2/subnet:Subnet": _ends("zones dropped"),
    "aws:ec2/vpc:Vpc": _ends("no network"),
    "aws:ec2/internetGateway:InternetGateway": _ends("no way out"),
    "aws:ec2/natGateway:NatGateway": _ends("zones dropped: a zone without a way out"),
    "aws:ec2/eip:Eip": _ends("no way out; partners know the address"),
    "aws:ec2/route:Route": _ends("packets no longer find their way"),
    "aws:ec2/routeTable:RouteTable": _ends("packets no longer find their way"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _ends("packets no longer find their way"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _ends("an AWS service is reached through the internet, or not at all"),
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": _ends("replication between the sites stops"),
    "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": _ends("replication between the sites stops"),
    "aws:route53/zoneAssociation:ZoneAssociation": _ends("the DR site no longer finds the primary by its name"),
    "aws:ebs/encryptionByDefault:EncryptionByDefault": _protects("new disks of the region are not encrypted"),
    "aws:ec2/securityGroup:SecurityGroup": _ends("whoever was let in by it is not"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _ends("whoever was let in by it is not"),
    "aws:lb/loadBalancer:LoadBalancer": _ends("no edge; another one has another host name, which no record leads to"),
    "aws:lb/listener:Listener": _ends("customers are not let in"),
    "aws:lb/listenerRule:ListenerRule": _ends("customers do not reach the service"),
    "aws:lb/targetGroup:TargetGroup": _ends("customers do not reach the service"),
    "aws:autoscaling/attachment:Attachment": _ends("customers do not reach the service"),
    "aws:cloudwatch/logGroup:LogGroup": _protects("who did what in the cluster is not kept"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _ends("nobody is told"),
    "aws:cloudwatch/eventRule:EventRule": _ends("nobody is told"),
    "aws:cloudwatch/eventTarget:EventTarget": _ends("nobody is told"),
    "aws:sns/topic:Topic": _ends("nobody is told"),
    "aws:sns/topicPolicy:TopicPolicy": _ends("nobody can publish to the topic: nobody is told"),
    "aws:ecr/replicationConfiguration:ReplicationConfiguration": _ends("images are not at the DR site"),
    "kubernetes:core/v1:LimitRange": _renewed("a Pod that asks for nothing gets nothing"),
    "kubernetes:storage.k8s.io/v1:StorageClass": _ends("no new volumes"),
    "kubernetes:scheduling.k8s.io/v1:PriorityClass": _ends("its Pods cannot be made any more"),
    "kubernetes:batch/v1:CronJob": _renewed("schedule dropped"),
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": _protects("gate bypassed: the Pods it closed are open"),
    "kubernetes:policy/v1:PodDisruptionBudget": _renewed("all Pods may go at once"),
    "kubernetes:core/v1:ResourceQuota": _renewed("one workload can starve the others"),
    "kubernetes:core/v1:ConfigMap": _renewed("what it configures is no longer there"),
    "kubernetes:core/v1:Secret": _renewed("who logs in by it cannot any more"),
    "kubernetes:core/v1:Service": _ends("who looks for it finds nobody"),
    "kubernetes:core/v1:ServiceAccount": _ends("its Pods cannot start"),
    "kubernetes:apps/v1:Deployment": _ends("it no longer runs; a guard's gate closes"),
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": _renewed("replicas dropped to one"),
    "kubernetes:rbac.authorization.k8s.io/v1:Role": _ends("the duty can no longer be done"),
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole": _ends("the duty can no longer be done"),
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": _ends("the duty can no longer be done"),
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": _ends("the duty can no longer be done"),
}


def ending(kind: str) -> str:
    """The id of what is said when a resource of this type goes or is replaced."""
    return f"ending.{type_name(kind)}" if kind in LIVES else UNKNOWN_ENDING


UNKNOWN_ENDING = "unknown.ending"
