"""What a person says to a change of one property: one case at least for every rule of `dr review`."""

import json
from typing import Any

from policy.rules.by_type import LIVES
from policy.values import MISSING, UNKNOWN, Value
from policy.verdict import Verdict

W, D, C, S, N = Verdict.WEAKER, Verdict.DESTRUCTIVE, Verdict.UNJUDGED, Verdict.STRONGER, Verdict.NEUTRAL
Case = tuple[str, str, Value, Value, Verdict]
"""(type, property, old, new, what a person says)."""

ROLE = "arn:aws:iam::123456789012:role/break-glass"
PLAN = """objectives: {rto: 4h, rpo: 15m}
lease: {duration: 30s}
datasets:
  postgres:
    full: {schedule: "0 2 * * *", keep: {local: 7d, cloud: 30d}}
services:
  auth: {warm: 1, least: 2, full: 3}
"""
HBA = "host shop app 10.0.0.0/28 scram-sha-256\nhost all all all reject\n"
SERVE_LOG = ["dr", "serve-log", "postgres", "--listen"]
GUARD = ["dr", "guard", "--listen", "$(POD_IP):5432", "--mode", "enforce"]
IMAGE = "registry/runner@sha256:" + "a" * 64


def statement(effect: str, actions: Any, resources: Any = "arn:aws:s3:::b/*", **more: Any) -> dict[str, Any]:
    """One statement of a policy."""
    return {"Sid": f"{effect}Something", "Effect": effect, "Action": actions, "Resource": resources, **more}


def document(*statements: dict[str, Any]) -> str:
    """A policy as text."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


DENIES = document(statement("Deny", ["s3:DeleteObjectVersion"], Principal="*"))
ALLOWS = document(statement("Allow", ["s3:GetObject"]))
ALLOWS_MORE = document(statement("Allow", ["s3:GetObject", "s3:DeleteObject"]))
NOTHING = document()
_RBAC = "kubernetes:rbac.authorization.k8s.io/v1"
_CORE = {"apiGroups": [""], "verbs": ["create"]}
_ALL_CALLS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"

# Properties by which nothing is protected, those only a person can weigh, those that weaken whatever the value is.
BY_NAME: dict[Verdict, dict[str, str]] = {
    N: {
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
            "rules[0].bucketKeyEnabled"
        ),
        "aws:s3/bucketLogging:BucketLogging": "targetPrefix",
        "aws:s3/bucketObjectv2:BucketObjectv2": "contentType",
        "aws:dynamodb/table:Table": "streamEnabled streamViewType",
        "aws:iam/role:Role": "forceDetachPolicies description tags tags[a]",
        "aws:iam/rolePolicy:RolePolicy": "name",
        "aws:cloudwatch/metricAlarm:MetricAlarm": "alarmDescription",
        "aws:cloudwatch/eventTarget:EventTarget": "targetId",
        "aws:sns/topic:Topic": "displayName",
        "aws:lb/targetGroup:TargetGroup": "name deregistrationDelay",
        "aws:eks/cluster:Cluster": "upgradePolicy.supportType",
        "aws:eks/nodeGroup:NodeGroup": "labels[a]",
        "aws:eks/addon:Addon": "addonVersion resolveConflictsOnCreate resolveConflictsOnUpdate",
        "kubernetes:core/v1:Secret": "stringData data stringData[password] data[password] immutable",
        "kubernetes:core/v1:ConfigMap": "metadata.name immutable metadata.labels[team]",
        "kubernetes:apps/v1:Deployment": "spec.revisionHistoryLimit",
        "kubernetes:apps/v1:StatefulSet": "spec.revisionHistoryLimit",
        "kubernetes:batch/v1:CronJob": (
            "spec.successfulJobsHistoryLimit spec.failedJobsHistoryLimit spec.jobTemplate.spec.ttlSecondsAfterFinished"
        ),
        "pulumi:providers:aws": "version",
        "pulumi:providers:kubernetes": "version",
    },
    C: {
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
            "rules[0].applyServerSideEncryptionByDefault.kmsMasterKeyId"
        ),
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "transitionDefaultMinimumObjectSize",
        "aws:s3/bucketReplicationConfig:BucketReplicationConfig": (
            "role rules[a].priority rules[a].destination.account "
            "rules[a].destination.encryptionConfiguration.replicaKmsKeyId"
        ),
        "aws:s3/bucketLogging:BucketLogging": "targetBucket",
        "aws:kms/alias:Alias": "name targetKeyId",
        "aws:dynamodb/table:Table": "attributes serverSideEncryption.kmsKeyArn globalTableWitness.regionName",
        "aws:iam/role:Role": "name path",
        "aws:iam/rolePolicy:RolePolicy": "role",
        "aws:cloudwatch/metricAlarm:MetricAlarm": (
            "threshold comparisonOperator statistic namespace metricName dimensions dimensions[a] name"
        ),
        "aws:cloudwatch/eventRule:EventRule": "eventPattern eventBusName name",
        "aws:cloudwatch/eventTarget:EventTarget": "arn rule",
        "aws:sns/topic:Topic": "kmsMasterKeyId name",
        "aws:ecr/replicationConfiguration:ReplicationConfiguration": (
            "replicationConfiguration.rules[0].repositoryFilters"
        ),
        "aws:route53/record:Record": "setIdentifier allowOverwrite",
        "aws:ec2/subnet:Subnet": "availabilityZone cidrBlock",
        "aws:ec2/securityGroup:SecurityGroup": "name vpcId",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "fromPort toPort",
        "aws:ec2/vpcEndpoint:VpcEndpoint": "securityGroupIds",
        "aws:ec2/routeTable:RouteTable": "routes",
        "aws:eks/cluster:Cluster": "vpcConfig.securityGroupIds encryptionConfig.provider.keyArn",
        "aws:eks/nodeGroup:NodeGroup": "updateConfig instanceTypes launchTemplate.id launchTemplate.version",
        "aws:ec2/launchTemplate:LaunchTemplate": "imageId userData",
        "aws:eks/addon:Addon": "podIdentityAssociations",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation": "roleArn namespace serviceAccount",
        "kubernetes:core/v1:Service": "spec.selector spec.ports metadata.name metadata.namespace",
        "kubernetes:apps/v1:Deployment": "spec.strategy spec.selector",
        "kubernetes:policy/v1:PodDisruptionBudget": "spec.selector",
        "kubernetes:core/v1:LimitRange": "spec.limits",
        "kubernetes:storage.k8s.io/v1:StorageClass": "provisioner parameters.type parameters.kmsKeyId",
        "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": "spec.scaleTargetRef spec.behavior",
        "pulumi:providers:kubernetes": "kubeconfig",
    },
    W: {
        "aws:s3/bucket:Bucket": "acl",
        "aws:s3/bucketReplicationConfig:BucketReplicationConfig": "rules[a].filter rules[a].destination.bucket",
        "aws:s3/bucketObjectv2:BucketObjectv2": "content",
        "aws:dynamodb/table:Table": "ttl",
        "aws:iam/role:Role": "permissionsBoundary",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "policyArn role",
        "aws:route53/record:Record": "records failoverRoutingPolicies aliases type",
        "aws:lb/targetGroup:TargetGroup": "port protocol targetType vpcId",
        "aws:lb/listenerRule:ListenerRule": "conditions actions",
        "aws:autoscaling/attachment:Attachment": "autoscalingGroupName lbTargetGroupArn",
        "aws:route53/healthCheck:HealthCheck": ("invertHealthcheck fqdn resourcePath searchString port ipAddress"),
        "aws:eks/accessEntry:AccessEntry": "principalArn",
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": "policyArn accessScope",
        "kubernetes:core/v1:Namespace": " ".join(
            f'metadata.annotations["dr.ultramarket.com/{each}"]' for each in ("site", "account", "region")
        ),
        "kubernetes:core/v1:Service": "spec.externalIPs spec.externalName",
        "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": "roleRef",
        "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": "roleRef",
    },
    D: {
        "aws:s3/bucket:Bucket": "bucket objectLockEnabled region",
        "aws:s3/bucketObjectv2:BucketObjectv2": "key bucket",
        "aws:kms/key:Key": "multiRegion keyUsage customerMasterKeySpec",
        "aws:dynamodb/table:Table": "name hashKey rangeKey",
        "aws:route53/record:Record": "name zoneId",
        "aws:route53/healthCheck:HealthCheck": "requestInterval type measureLatency referenceName",
        "aws:ec2/vpc:Vpc": "cidrBlock",
        "aws:lb/loadBalancer:LoadBalancer": "name internal loadBalancerType",
        "aws:eks/cluster:Cluster": "name roleArn",
        "kubernetes:apps/v1:StatefulSet": "spec.volumeClaimTemplates spec.selector spec.serviceName",
        "pulumi:providers:aws": "region",
    },
}

BY_VALUE: list[Case] = [
    ("aws:s3/bucket:Bucket", "forceDestroy", MISSING, True, W),
    ("aws:s3/bucket:Bucket", "policy", DENIES, NOTHING, W),
    ("aws:s3/bucketVersioning:BucketVersioning", "versioningConfiguration", {"status": "Enabled"}, MISSING, W),
    ("aws:s3/bucketVersioning:BucketVersioning", "versioningConfiguration.status", "Enabled", "Suspended", W),
    ("aws:s3/bucketVersioning:BucketVersioning", "versioningConfiguration.status", "Suspended", "Enabled", S),
    ("aws:s3/bucketVersioning:BucketVersioning", "versioningConfiguration.mfaDelete", "Enabled", "Disabled", W),
    *(
        ("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", *case)
        for case in (
            ("rules", [{}], MISSING, W),
            ("rules[0].applyServerSideEncryptionByDefault.sseAlgorithm", "aws:kms", "AES256", W),
            ("rules[0].blockedEncryptionTypes", ["SSE-C"], [], W),
        )
    ),
    *(
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", switch, True, new, W)
        for switch in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        for new in (False, MISSING)
    ),
    (
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "rule.objectOwnership",
        "BucketOwnerEnforced",
        "ObjectWriter",
        W,
    ),
    ("aws:s3/bucketPolicy:BucketPolicy", "policy", DENIES, NOTHING, W),
    ("aws:s3/bucketPolicy:BucketPolicy", "policy", DENIES, UNKNOWN, C),
    ("aws:s3/bucketPolicy:BucketPolicy", "policy", DENIES, "no JSON", C),
    (
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "rules",
        [{"id": "a", "status": "Enabled", "noncurrentVersionExpiration": {"noncurrentDays": 30}}],
        [{"id": "a", "status": "Enabled", "noncurrentVersionExpiration": {"noncurrentDays": 3}}],
        W,
    ),
    *(
        ("aws:s3/bucketReplicationConfig:BucketReplicationConfig", *case)
        for case in (
            ("rules", [{}], MISSING, W),
            ("rules[a]", {"id": "a"}, MISSING, W),
            ("rules[a].status", "Enabled", "Disabled", W),
            ("rules[a].deleteMarkerReplication.status", "Disabled", "Enabled", W),
            ("rules[a].sourceSelectionCriteria.sseKmsEncryptedObjects.status", "Enabled", "Disabled", W),
            ("rules[a].destination.storageClass", "STANDARD", "GLACIER", W),
            ("rules[b]", MISSING, {"id": "b", "priority": 9, "status": "Enabled"}, C),
            ("rules[a].destination.replicationTime", {"status": "Enabled"}, MISSING, W),
            ("rules[a].destination.replicationTime.status", "Enabled", "Disabled", W),
            ("rules[a].destination.replicationTime.time.minutes", 15, 60, W),
            ("rules[a].destination.metrics", {"status": "Enabled"}, MISSING, W),
            ("rules[a].destination.metrics.status", "Enabled", "Disabled", W),
            ("rules[a].destination.metrics.eventThreshold.minutes", 15, 60, W),
        )
    ),
    ("aws:kms/key:Key", "deletionWindowInDays", 30, 7, W),
    ("aws:kms/key:Key", "deletionWindowInDays", 7, MISSING, S),
    ("aws:kms/key:Key", "enableKeyRotation", True, MISSING, W),
    ("aws:kms/key:Key", "enableKeyRotation", True, UNKNOWN, C),
    ("aws:kms/key:Key", "rotationPeriodInDays", 90, 365, W),
    ("aws:kms/key:Key", "isEnabled", MISSING, False, W),
    ("aws:kms/key:Key", "bypassPolicyLockoutSafetyCheck", MISSING, True, W),
    ("aws:kms/key:Key", "policy", DENIES, NOTHING, W),
    ("aws:iam/rolePolicy:RolePolicy", "policy", ALLOWS, ALLOWS.replace("2012-10-17", "2008-10-17"), C),
    (
        "aws:iam/rolePolicy:RolePolicy",
        "policy",
        ALLOWS,
        document(statement("Allow", ["s3:GetObject"]), {"Effect": "Allow", "action": "s3:*"}),
        C,
    ),
    *(
        ("aws:dynamodb/table:Table", *case)
        for case in (
            ("deletionProtectionEnabled", True, False, W),
            ("pointInTimeRecovery.enabled", True, MISSING, W),
            ("serverSideEncryption.enabled", True, False, W),
            ("globalTableWitness", {"regionName": "us-east-2"}, MISSING, W),
            ("replicas", [{}], MISSING, W),
            ("replicas[us-east-1]", {"regionName": "us-east-1"}, MISSING, W),
            ("replicas[us-east-1]", MISSING, {"regionName": "us-east-1", "consistencyMode": "EVENTUAL"}, W),
            ("replicas[us-east-1]", MISSING, {"regionName": "us-east-1"}, W),
            ("replicas[us-east-1]", MISSING, {"regionName": "us-east-1", "consistencyMode": "STRONG"}, S),
            ("replicas[us-east-1].consistencyMode", "STRONG", "EVENTUAL", W),
            ("replicas[us-east-1].deletionProtectionEnabled", True, False, W),
            ("replicas[us-east-1].pointInTimeRecovery", True, False, W),
            ("billingMode", "PAY_PER_REQUEST", "PROVISIONED", W),
        )
    ),
    (
        "aws:iam/role:Role",
        "assumeRolePolicy",
        NOTHING,
        document(statement("Allow", "sts:AssumeRole", [], Principal="*")),
        W,
    ),
    ("aws:iam/role:Role", "maxSessionDuration", 3600, 43200, W),
    ("aws:iam/role:Role", "managedPolicyArns", ["a"], ["a", "b"], W),
    ("aws:iam/role:Role", "managedPolicyArns", ["a"], ["a", ""], W),
    ("aws:iam/rolePolicy:RolePolicy", "policy", ALLOWS, ALLOWS_MORE, W),
    ("aws:iam/rolePolicy:RolePolicy", "policy", ALLOWS_MORE, ALLOWS, S),
    *(
        ("aws:cloudwatch/metricAlarm:MetricAlarm", *case)
        for case in (
            ("actionsEnabled", MISSING, False, W),
            ("alarmActions", ["topic"], [], W),
            ("okActions", ["topic"], [], W),
            ("insufficientDataActions", ["topic"], [], W),
            ("evaluationPeriods", 1, 5, W),
            ("datapointsToAlarm", 1, 5, W),
            ("period", 60, 300, W),
            ("treatMissingData", "breaching", "notBreaching", W),
        )
    ),
    ("aws:cloudwatch/eventRule:EventRule", "state", "ENABLED", "DISABLED", W),
    ("aws:cloudwatch/eventRule:EventRule", "state", MISSING, "DISABLED", W),
    ("aws:cloudwatch/eventRule:EventRule", "state", _ALL_CALLS, "ENABLED", W),
    ("aws:cloudwatch/eventRule:EventRule", "state", _ALL_CALLS, MISSING, W),
    ("aws:cloudwatch/eventRule:EventRule", "state", MISSING, _ALL_CALLS, S),
    ("aws:cloudwatch/eventRule:EventRule", "isEnabled", MISSING, False, W),
    ("aws:cloudwatch/logGroup:LogGroup", "retentionInDays", MISSING, 30, W),
    ("aws:sns/topic:Topic", "policy", ALLOWS, ALLOWS_MORE, W),
    ("aws:sns/topicPolicy:TopicPolicy", "policy", ALLOWS, ALLOWS_MORE, W),
    *(
        ("aws:ecr/replicationConfiguration:ReplicationConfiguration", *case)
        for case in (
            ("replicationConfiguration", {"rules": []}, MISSING, W),
            ("replicationConfiguration.rules", [{}], MISSING, W),
            ("replicationConfiguration.rules[0]", {}, MISSING, W),
            ("replicationConfiguration.rules[0].destinations", [{"region": "us-west-2"}], [], W),
        )
    ),
    ("aws:route53/record:Record", "ttl", 10, 60, W),
    ("aws:route53/record:Record", "ttl", 60, 10, S),
    ("aws:route53/healthCheck:HealthCheck", "disabled", MISSING, True, W),
    ("aws:route53/healthCheck:HealthCheck", "failureThreshold", 1, 3, W),
    ("aws:route53/healthCheck:HealthCheck", "enableSni", True, False, W),
    ("aws:route53/healthCheck:HealthCheck", "regions", ["a", "b", "c"], ["a", "b"], W),
    ("aws:route53/healthCheck:HealthCheck", "regions", MISSING, ["a", "b", "c"], W),
    ("aws:route53/healthCheck:HealthCheck", "regions", ["a", "b", "c"], MISSING, S),
    ("aws:ec2/vpc:Vpc", "enableDnsHostnames", True, False, W),
    ("aws:ec2/vpc:Vpc", "enableDnsSupport", MISSING, False, W),
    ("aws:ec2/subnet:Subnet", "mapPublicIpOnLaunch", MISSING, True, W),
    *(
        ("aws:ec2/securityGroup:SecurityGroup", direction, [], [{"cidrBlocks": ["10.0.0.0/8"]}], W)
        for direction in ("ingress", "egress")
    ),
    *(
        ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", *case, W)
        for case in (("cidrIpv4", "10.0.0.0/24", "10.0.0.0/8"), ("cidrIpv6", "2001:db8::/64", "::/0"))
    ),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "policy", ALLOWS, ALLOWS_MORE, W),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "subnetIds", ["a", "b"], ["a"], W),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "routeTableIds", ["a", "b"], ["a"], W),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "privateDnsEnabled", True, False, W),
    *(
        ("aws:eks/cluster:Cluster", *case)
        for case in (
            ("vpcConfig.publicAccessCidrs", ["203.0.113.0/24"], ["0.0.0.0/0"], W),
            ("vpcConfig.publicAccessCidrs", ["203.0.113.0/24"], ["203.0.113.7/32"], S),
            ("vpcConfig.publicAccessCidrs", ["203.0.113.0/24"], ["nowhere"], C),
            ("vpcConfig.publicAccessCidrs", ["203.0.113.0/24"], [], W),
            ("vpcConfig.publicAccessCidrs", ["203.0.113.0/24"], MISSING, W),
            ("vpcConfig.publicAccessCidrs", MISSING, ["203.0.113.0/24"], S),
            ("vpcConfig.endpointPublicAccess", False, True, W),
            ("vpcConfig.endpointPrivateAccess", True, False, W),
            ("vpcConfig.subnetIds", ["a", "b"], ["a"], W),
            ("vpcConfig.subnetIds", ["a", "b"], ["b", "a", "c"], N),
            ("encryptionConfig", {"resources": ["secrets"]}, MISSING, W),
            ("encryptionConfig.resources", ["secrets"], [], W),
            ("enabledClusterLogTypes", ["api", "audit"], ["api"], W),
            ("version", "1.34", "1.33", W),
            ("version", "1.34", "1.35", N),
            ("deletionProtection", True, MISSING, W),
            ("accessConfig.authenticationMode", "API", "API_AND_CONFIG_MAP", W),
        )
    ),
    *(
        ("aws:eks/nodeGroup:NodeGroup", f"scalingConfig.{each}", 2, 1, W)
        for each in ("minSize", "desiredSize", "maxSize")
    ),
    ("aws:eks/nodeGroup:NodeGroup", "scalingConfig.maxSize", 6, 9, N),
    ("kubernetes:scheduling.k8s.io/v1:PriorityClass", "value", 1_000_000, 0, W),
    ("kubernetes:scheduling.k8s.io/v1:PriorityClass", "globalDefault", False, True, W),
    ("kubernetes:scheduling.k8s.io/v1:PriorityClass", "preemptionPolicy", "PreemptLowerPriority", "Never", W),
    ("aws:ec2/launchTemplate:LaunchTemplate", "metadataOptions.httpEndpoint", "disabled", "enabled", W),
    ("aws:ec2/launchTemplate:LaunchTemplate", "metadataOptions.httpTokens", "required", "optional", W),
    ("aws:ec2/launchTemplate:LaunchTemplate", "metadataOptions.httpPutResponseHopLimit", 1, 2, W),
    ("aws:ec2/launchTemplate:LaunchTemplate", "metadataOptions.httpPutResponseHopLimit", 2, 1, S),
    ("aws:eks/nodeGroup:NodeGroup", "subnetIds", ["a", "b"], ["a"], W),
    ("aws:eks/nodeGroup:NodeGroup", "diskSize", 50, 20, W),
    ("aws:eks/nodeGroup:NodeGroup", "version", "1.34", "1.33", W),
    (
        "aws:eks/addon:Addon",
        "configurationValues",
        '{"enableNetworkPolicy": "true"}',
        '{"enableNetworkPolicy": "false"}',
        W,
    ),
    ("aws:eks/addon:Addon", "configurationValues", '{"enableNetworkPolicy": "true"}', "{}", W),
    ("aws:eks/addon:Addon", "configurationValues", '{"a": "1"}', '{"a": "2"}', C),
    ("aws:eks/accessEntry:AccessEntry", "kubernetesGroups", ["promoters"], ["promoters", "system:masters"], W),
    ("aws:lb/listener:Listener", "protocol", "HTTPS", "HTTP", W),
    ("aws:lb/loadBalancer:LoadBalancer", "subnets", ["a", "b"], ["a"], W),
    ("aws:lb/loadBalancer:LoadBalancer", "dropInvalidHeaderFields", True, False, W),
    ("aws:lb/loadBalancer:LoadBalancer", "enableDeletionProtection", True, False, W),
    *(
        (
            "kubernetes:core/v1:Namespace",
            f'metadata.labels["pod-security.kubernetes.io/{mode}"]',
            "restricted",
            "baseline",
            W,
        )
        for mode in ("enforce", "audit", "warn")
    ),
    *(
        ("kubernetes:core/v1:Namespace", f'metadata.labels["pod-security.kubernetes.io/{mode}-version"]', *case)
        for mode in ("enforce", "audit", "warn")
        for case in ((MISSING, "v1.18", W), (MISSING, "latest", N), ("v1.18", MISSING, S))
    ),
    ("kubernetes:core/v1:Namespace", 'metadata.labels["app.kubernetes.io/part-of"]', "a", "b", N),
    ("kubernetes:core/v1:Namespace", "metadata.labels[a]", "a", "b", C),
    ("kubernetes:core/v1:Secret", "stringData", {"a": "1", "b": "2"}, {"a": "1"}, C),
    ("kubernetes:core/v1:Secret", "stringData[password]", "a", MISSING, C),
    ("kubernetes:core/v1:Secret", "data", {"a": "1"}, MISSING, C),
    ("kubernetes:core/v1:Secret", "stringData", {"a": "1"}, {"a": "2", "b": "3"}, N),
    ("kubernetes:core/v1:ServiceAccount", "automountServiceAccountToken", False, MISSING, W),
    ("kubernetes:core/v1:ConfigMap", 'data["recovery.yaml"]', PLAN, PLAN.replace("cloud: 30d", "cloud: 20d"), W),
    ("kubernetes:core/v1:ConfigMap", 'data["pg_hba.conf"]', HBA, HBA.replace("/28", "/8"), W),
    ("kubernetes:core/v1:ConfigMap", 'data["pg_hba.conf"]', HBA, HBA.replace("host shop", "local shop"), W),
    ("kubernetes:core/v1:ConfigMap", 'data["primary-ca.pem"]', "-----BEGIN", MISSING, W),
    ("kubernetes:core/v1:Service", "spec.type", MISSING, "LoadBalancer", W),
    ("kubernetes:core/v1:Service", "spec.publishNotReadyAddresses", True, MISSING, C),
    ("kubernetes:apps/v1:Deployment", "spec.replicas", 3, 1, W),
    ("kubernetes:apps/v1:Deployment", "spec.replicas", 3, MISSING, W),
    ("kubernetes:apps/v1:Deployment", "spec.replicas", 3, 4, N),
    ("kubernetes:apps/v1:Deployment", "spec.paused", MISSING, True, W),
    ("kubernetes:apps/v1:StatefulSet", "spec.replicas", 1, 0, W),
    ("kubernetes:apps/v1:StatefulSet", "spec.podManagementPolicy", "Parallel", MISSING, D),
    ("kubernetes:apps/v1:StatefulSet", "spec.replicas", 1, 3, C),
    *(
        ("kubernetes:apps/v1:StatefulSet", f"spec.persistentVolumeClaimRetentionPolicy.{each}", "Retain", "Delete", W)
        for each in ("whenDeleted", "whenScaled")
    ),
    *(
        ("kubernetes:batch/v1:CronJob", *case)
        for case in (
            ("spec.schedule", "0 2 * * *", "0 2 * * 0", W),
            ("spec.schedule", "0 2 * * *", "", W),
            ("spec.schedule", "0 2 * * *", "0 2 30 2 *", C),
            ("spec.schedule", "0 2 * * *", "0 */6 * * *", S),
            ("spec.schedule", "0 */6 * * *", "0 0-3 * * *", W),
            ("spec.schedule", "0 2 * * *", "0 3 * * *", N),
            ("spec.schedule", "0 2 * * *", "daily", C),
            ("spec.schedule", "0 2 */2 * 1", "0 2 * * 1", W),  # for Kubernetes the first is every other day or Mondays
            ("spec.schedule", "0 2 */1 * 1", "0 2 * * 1", N),
            ("spec.suspend", MISSING, True, W),
            ("spec.concurrencyPolicy", "Forbid", "Allow", W),
            ("spec.timeZone", "Europe/Berlin", "UTC", N),
            ("spec.timeZone", "Europe/Berlin", MISSING, W),
            ("spec.startingDeadlineSeconds", 1800, 60, W),
            ("spec.startingDeadlineSeconds", 1800, MISSING, N),
            ("spec.jobTemplate.spec.activeDeadlineSeconds", 7200, MISSING, W),
            ("spec.jobTemplate.spec.activeDeadlineSeconds", 7200, 60, W),
            ("spec.jobTemplate.spec.activeDeadlineSeconds", 7200, 9000, N),
            ("spec.jobTemplate.spec.backoffLimit", 1, 0, W),
        )
    ),
    *(
        (
            f"kubernetes:rbac.authorization.k8s.io/v1:{kind}",
            "rules",
            [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}],
            [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "delete"]}],
            W,
        )
        for kind in ("Role", "ClusterRole")
    ),
    *(
        (f"{_RBAC}:Role", "rules", *([{**_CORE, **rule}] for rule in both), verdict)
        for *both, verdict in (
            ({"resources": ["pods"]}, {"resources": ["pods", "pods/exec"]}, W),
            ({"resources": ["pods", "pods/exec"]}, {"resources": ["pods"]}, S),
            ({"resources": ["*"]}, {"resources": ["pods/exec"]}, S),
            ({"resources": ["pods"], "resourceNames": ["a"]}, {"resources": ["pods"]}, W),
            ({"nonResourceURLs": ["/healthz/*"]}, {"nonResourceURLs": ["/healthz/live"]}, S),
        )
    ),
    *(
        (
            f"kubernetes:rbac.authorization.k8s.io/v1:{kind}",
            "subjects",
            [{"name": "a"}],
            [{"name": "a"}, {"name": "b"}],
            W,
        )
        for kind in ("RoleBinding", "ClusterRoleBinding")
    ),
    (
        "kubernetes:networking.k8s.io/v1:NetworkPolicy",
        "spec",
        {"podSelector": {"matchLabels": {"a": "b"}}, "policyTypes": ["Ingress"], "ingress": []},
        {"podSelector": {"matchLabels": {"a": "b"}}, "policyTypes": ["Ingress"], "ingress": [{}]},
        W,
    ),
    ("kubernetes:policy/v1:PodDisruptionBudget", "spec.minAvailable", 2, 1, W),
    ("kubernetes:policy/v1:PodDisruptionBudget", "spec.maxUnavailable", 1, 2, W),
    ("kubernetes:core/v1:ResourceQuota", 'spec.hard["limits.memory"]', "64Gi", "32Gi", W),
    ("kubernetes:core/v1:ResourceQuota", 'spec.hard["limits.memory"]', "64Gi", "96Gi", N),
    ("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", "spec.minReplicas", 2, 1, W),
    ("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", "spec.maxReplicas", 9, 1, W),
    ("kubernetes:storage.k8s.io/v1:StorageClass", "allowVolumeExpansion", True, False, W),
    ("kubernetes:storage.k8s.io/v1:StorageClass", "volumeBindingMode", "WaitForFirstConsumer", "Immediate", W),
    ("aws:ebs/encryptionByDefault:EncryptionByDefault", "enabled", True, False, W),
    ("kubernetes:storage.k8s.io/v1:StorageClass", "reclaimPolicy", "Retain", "Delete", W),
    ("kubernetes:storage.k8s.io/v1:StorageClass", "parameters.encrypted", "true", "false", W),
    ("pulumi:providers:aws", "allowedAccountIds", ["1"], ["1", "2"], W),
    ("pulumi:providers:kubernetes", "enableConfigMapMutable", "true", "false", W),
    ("pulumi:providers:kubernetes", "enableConfigMapMutable", True, MISSING, W),
    ("pulumi:providers:aws", "allowedAccountIds", ["1"], MISSING, W),
    ("pulumi:providers:aws", "allowedAccountIds", ["1"], [], W),
    ("pulumi:providers:aws", "allowedAccountIds", '["1"]', "[]", W),
    ("pulumi:providers:aws", "allowedAccountIds", '["1","2"]', '["1"]', S),
    ("pulumi:providers:aws", "allowedAccountIds", MISSING, ["1"], S),
    ("pulumi:providers:aws", "assumeRoles", MISSING, '[{"roleArn":"arn:aws:iam::1:role/x"}]', C),
]

DATA = frozenset(kind for kind, life in LIVES.items() if life.delete[0] is D)
"""Types whose end loses something that nobody can declare again."""
# What no stack declares has no rules: whatever happens to it, a person is asked.
UNDECLARED = (
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
    "aws:cloudtrail/trail:Trail",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/flowLog:FlowLog",
    "aws:ecr/registryPolicy:RegistryPolicy",
    "aws:ecr/repository:Repository",
    "aws:kms/replicaKey:ReplicaKey",
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    "aws:iam/policy:Policy",
    "aws:rds/cluster:Cluster",
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "aws:sns/topicSubscription:TopicSubscription",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "kubernetes:batch/v1:Job",
    "kubernetes:core/v1:PersistentVolume",
    "kubernetes:core/v1:PersistentVolumeClaim",
    "kubernetes:core/v1:Pod",
    "kubernetes:networking.k8s.io/v1:Ingress",
)
TEMPLATES = {
    "kubernetes:apps/v1:Deployment": "spec.template",
    "kubernetes:apps/v1:StatefulSet": "spec.template",
    "kubernetes:batch/v1:CronJob": "spec.jobTemplate.spec.template",
}
IN_A_POD: list[tuple[str, Value, Value, Verdict]] = [
    ("spec.containers[c].image", IMAGE, IMAGE.replace("aaa", "bbb"), N),
    ("spec.containers[c].image", IMAGE, "registry/runner:latest", W),
    ("spec.containers[c].image", IMAGE, "registry/runner@sha256:", W),
    ("spec.containers[c].image", IMAGE, IMAGE[:-1], W),
    ("spec.containers[c].image", IMAGE, IMAGE.replace("runner", "other"), C),
    ("spec.containers[c].command", ["dr", "backup"], ["dr", "other"], C),
    ("spec.containers[c].command", [*SERVE_LOG, "127.0.0.1:6433"], [*SERVE_LOG, "0.0.0.0:6433"], C),
    ("spec.containers[c].args", ["-c", "a=1"], ["-c", "a=2"], C),
    ("spec.containers[c].env[DR_LOCK_MODE].value", "COMPLIANCE", "GOVERNANCE", W),
    ("spec.containers[c].env[DR_GUARD_MODE].value", "enforce", "observe", W),
    ("spec.containers[c].env[DR_READ_AT_START].value", "0123456789", "abcdef0123", N),
    ("spec.containers[c].env[DR_ACCEPT_INCREMENTALS_OF]", MISSING, {"value": "18.6"}, W),
    ("spec.containers[c].env[DR_ACCEPT_INCREMENTALS_OF]", {"value": "18.6"}, MISSING, S),
    ("spec.containers[c].env[DR_ACCEPT_INCREMENTALS_OF].value", "18.6", "18.5", W),
    ("spec.containers[c].env[PGSSLMODE].value", "verify-full", "verify-ca", W),
    ("spec.containers[c].env[PGSSLMODE].value", "require", "prefer", W),
    ("spec.containers[c].env[PGSSLMODE].value", "require", "verify-full", S),
    ("spec.containers[c].env[PGSSLMODE]", {"name": "PGSSLMODE", "value": "require"}, MISSING, W),
    ("spec.containers[c].env[A]", MISSING, {"name": "A"}, C),
    ("spec.containers[c].volumeMounts[gate]", MISSING, {"name": "gate"}, W),
    ("spec.containers[c].volumeMounts[gate]", {"name": "gate"}, MISSING, W),
    ("spec.containers[c].volumeMounts[data]", MISSING, {"name": "data"}, C),
    ('metadata.annotations["eks.amazonaws.com/skip-containers"]', "postgres", MISSING, W),
    ("spec.containers[c].env[A].value", "a", "b", C),
    ("spec.volumes[a]", MISSING, {"name": "a"}, C),
    ("spec.containers[c].resources", {"limits": {}}, MISSING, W),
    ("spec.containers[c].resources.limits", {}, MISSING, W),
    ("spec.containers[c].resources.limits[memory]", "512Mi", "256Mi", W),
    ("spec.containers[c].resources.limits[memory]", "512Mi", "1Gi", N),
    ("spec.containers[c].resources.requests[cpu]", "500m", "250m", W),
    ("spec.containers[c].resources.requests[cpu]", "500m", "1", N),
    ("spec.containers[c].securityContext.allowPrivilegeEscalation", False, MISSING, W),
    ("spec.containers[c].securityContext.readOnlyRootFilesystem", True, False, W),
    ("spec.containers[c].securityContext.privileged", MISSING, True, W),
    ("spec.containers[c].securityContext.capabilities.drop", ["ALL"], [], W),
    ("spec.containers[c].securityContext.capabilities.add", MISSING, ["SYS_ADMIN"], W),
    ("spec.securityContext.runAsNonRoot", True, MISSING, W),
    ("spec.securityContext.seccompProfile.type", "RuntimeDefault", "Unconfined", W),
    ("spec.securityContext.fsGroupChangePolicy", "OnRootMismatch", "Always", W),
    ("spec.hostNetwork", MISSING, True, W),
    ("spec.hostPID", MISSING, True, W),
    ("spec.hostIPC", MISSING, True, W),
    ("spec.automountServiceAccountToken", False, MISSING, W),
    ("spec.volumes[plan].configMap.name", "a", "b", C),
    ("spec.volumes[s].emptyDir.sizeLimit", "2Gi", "1Gi", W),
    ("spec.volumes[s].ephemeral.volumeClaimTemplate.spec.resources.requests.storage", "2Gi", "1Gi", W),
    ("spec.terminationGracePeriodSeconds", 60, 10, W),
    ("spec.tolerations", [{"key": "node.kubernetes.io/unreachable", "tolerationSeconds": 5}], MISSING, W),
    ("spec.tolerations[0].tolerationSeconds", 5, 300, W),
    ("spec.priorityClassName", "ultramarket-dr-urgent", MISSING, W),
    ("spec.activeDeadlineSeconds", 60, MISSING, W),
    ('metadata.labels["app.kubernetes.io/component"]', "backup", "gate", W),
    ("metadata.annotations[team]", "b", "c", N),
    ('metadata.annotations["prometheus.io/scrape"]', "true", "false", N),
    ('metadata.annotations["checksum/config"]', "b", "c", N),
    ('metadata.annotations["container.apparmor.security.beta.kubernetes.io/c"]', MISSING, "unconfined", C),
    ('metadata.annotations["k8s.v1.cni.cncf.io/networks"]', MISSING, "outside", C),
    ('metadata.annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"]', "false", "true", C),
    ("spec.topologySpreadConstraints", [1], [], C),
]


def cases() -> list[Case]:
    """All of them."""
    by_name = [
        (kind, path, "before", "after", verdict)
        for verdict, kinds in BY_NAME.items()
        for kind, paths in kinds.items()
        for path in paths.split(" ")
    ]
    in_a_pod = [(kind, f"{at}.{path}", *rest) for kind, at in TEMPLATES.items() for path, *rest in IN_A_POD]
    return [*by_name, *BY_VALUE, *in_a_pod]  # type: ignore[list-item]  # pyright cannot follow the star
