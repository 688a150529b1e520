"""Every type that the lab's AWS provider knows, in two versions that differ in what replaces and what does not."""

import json

import pulumi
import pulumi_aws as aws

from components.network.site_edge import SiteEdge, SiteEdgeArgs

config = pulumi.Config()
stem, zone, version = config.require("stem"), config.require("zone"), config.get_int("version") or 1
first = version == 1


def after(*resources: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(depends_on=list(resources))


def trust(service: str) -> str:
    principal = {"Service": service}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


key = aws.kms.Key(
    "key", description=f"backups {version}", enable_key_rotation=True, deletion_window_in_days=30, tags={"team": "dr"}
)
aws.kms.Alias("alias", name=f"alias/{stem}-{version}", target_key_id=key.key_id)

backups = aws.s3.Bucket("backups", bucket=f"{stem}-backups", object_lock_enabled=True, force_destroy=True)
logs = aws.s3.Bucket("logs", bucket=f"{stem}-logs", force_destroy=True, tags={"team": "dr"})
local = aws.s3.Bucket("local", region="us-east-1", force_destroy=True, tags={"kind": "local", "version": str(version)})
versioning = aws.s3.BucketVersioning("versioning", bucket=backups.id, versioning_configuration={"status": "Enabled"})
local_versioning = aws.s3.BucketVersioning(
    "local-versioning", bucket=local.id, region="us-east-1", versioning_configuration={"status": "Enabled"}
)
aws.s3.BucketServerSideEncryptionConfiguration(
    "encryption",
    bucket=backups.id,
    rules=[
        {
            "apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": key.arn},
            "bucket_key_enabled": True,
            "blocked_encryption_types": ["SSE-C"],
        }
    ],
)
aws.s3.BucketPublicAccessBlock(
    "closed",
    bucket=backups.id,
    block_public_acls=True,
    block_public_policy=True,
    ignore_public_acls=True,
    restrict_public_buckets=True,
)
aws.s3.BucketOwnershipControls("owner", bucket=backups.id, rule={"object_ownership": "BucketOwnerEnforced"})


def tls_only(arn: str) -> str:
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": ["s3:*"],
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    # The second version says the same in another order: no difference.
    return json.dumps(document if first else dict(reversed(document.items())), indent=None if first else 1)


def log_delivery(arn: str) -> str:
    principal = {"Service": "logging.s3.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": ["s3:PutObject"], "Resource": f"{arn}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


aws.s3.BucketPolicy("tls", bucket=backups.id, policy=backups.arn.apply(tls_only))
delivery = aws.s3.BucketPolicy("delivery", bucket=logs.id, policy=logs.arn.apply(log_delivery))
aws.s3.BucketLogging("logging", bucket=backups.id, target_bucket=logs.id, target_prefix="s3/", opts=after(delivery))
aws.s3.BucketLifecycleConfiguration(
    "lifecycle",
    bucket=backups.id,
    rules=[
        {
            "id": "postgres",
            "status": "Enabled",
            "filter": {"prefix": "postgres/"},
            "transitions": [
                {"days": 30, "storage_class": "STANDARD_IA"},
                {"days": 90, "storage_class": "GLACIER"},
            ],
            "noncurrent_version_expiration": {"noncurrent_days": 30},
            "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
            "expiration": {"days": 400 if first else 500},
        },
        {
            "id": "logs",
            "status": "Enabled",
            "filter": {"and_": {"prefix": "wal/", "tags": {"kind": "log"}}},
            "expiration": {"days": 90},
        },
    ],
    opts=after(versioning),
)
lock = aws.s3.BucketObjectLockConfiguration(
    "lock",
    bucket=backups.id,
    rule={"default_retention": {"mode": "GOVERNANCE", "days": 1}},
    opts=after(versioning),
)
aws.s3.BucketObjectv2(
    "canary",
    bucket=backups.id,
    key="canary.txt",
    content=f"ok {version}",
    content_type="text/plain",
    force_destroy=True,
    opts=after(lock),
)

role = aws.iam.Role(
    "role", name=f"{stem}-replication", description="copies", assume_role_policy=trust("s3.amazonaws.com")
)
aws.iam.RolePolicy(
    "rights",
    role=role.name,
    policy=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"}]}
    ),
)
aws.iam.RolePolicyAttachment("attached", role=role.name, policy_arn="arn:aws:iam::aws:policy/AmazonEKSClusterPolicy")
aws.s3.BucketReplicationConfig(
    "replication",
    bucket=backups.id,
    role=role.arn,
    rules=[
        {
            "id": "all",
            "status": "Enabled",
            "priority": 1,
            "filter": {"prefix": ""},
            "delete_marker_replication": {"status": "Disabled"},
            "source_selection_criteria": {"sse_kms_encrypted_objects": {"status": "Enabled"}},
            "destination": {
                "bucket": local.arn,
                "storage_class": "STANDARD_IA",
                "encryption_configuration": {"replica_kms_key_id": key.arn},
                "replication_time": {"status": "Enabled", "time": {"minutes": 15}},
                "metrics": {"status": "Enabled", "event_threshold": {"minutes": 15}},
            },
        }
    ],
    opts=after(versioning, local_versioning),
)

aws.dynamodb.Table(
    "control",
    name=f"{stem}-control",
    billing_mode="PAY_PER_REQUEST",
    hash_key="pk",
    attributes=[{"name": "pk", "type": "S"}],
    replicas=[{"region_name": "us-east-1", "consistency_mode": "STRONG"}],
    global_table_witness={"region_name": "us-east-2"},
    deletion_protection_enabled=first,
    point_in_time_recovery={"enabled": True},
    server_side_encryption={"enabled": True},
)

check = aws.route53.HealthCheck(
    "marker",
    type="HTTPS_STR_MATCH",
    fqdn=backups.bucket_regional_domain_name,
    port=443,
    resource_path="/marker",
    search_string="DR",
    request_interval=10 if first else 30,
    failure_threshold=1,
    invert_healthcheck=True,
    tags={"Name": "marker"},
)
for name, kind, target in (("primary", "PRIMARY", "prod.example.com"), ("secondary", "SECONDARY", "dr.example.com")):
    aws.route53.Record(
        name,
        zone_id=zone,
        name="shop",
        type="CNAME",
        ttl=10 if first else 20,
        records=[target],
        set_identifier=name,
        failover_routing_policies=[{"type": kind}],
        health_check_id=check.id if name == "primary" else None,
    )

topic = aws.sns.Topic("alarms", name=f"{stem}-alarms", display_name="alarms", tags={"team": "dr"})
may_publish = {
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": ["sns:Publish"],
    "Resource": "*",
}
aws.sns.TopicPolicy(
    "publishers", arn=topic.arn, policy=json.dumps({"Version": "2012-10-17", "Statement": [may_publish]})
)
aws.sns.TopicSubscription("person", topic=topic.arn, protocol="email", endpoint="someone@example.com")
watch = aws.cloudwatch.EventRule(
    "watch", name=f"{stem}-watch", description="keys", event_pattern=json.dumps({"source": ["aws.kms"]})
)
aws.cloudwatch.EventTarget("watch-target", rule=watch.name, target_id="alarms", arn=topic.arn)
aws.ebs.EncryptionByDefault("disks", enabled=True)
aws.cloudwatch.LogGroup("logs", name="/lab/every-type", retention_in_days=400 if first else 30)
aws.cloudwatch.MetricAlarm(
    "late",
    name=f"{stem}-late",
    alarm_description="copies are late",
    namespace="AWS/S3",
    metric_name="ReplicationLatency",
    dimensions={"RuleId": "all-copies"},
    statistic="Maximum",
    comparison_operator="GreaterThanThreshold",
    threshold=900,
    period=300,
    evaluation_periods=3,
    treat_missing_data="breaching",
    alarm_actions=[topic.arn],
    ok_actions=[topic.arn],
)
aws.ecr.ReplicationConfiguration(
    "images",
    replication_configuration={
        "rules": [
            {
                "destinations": [{"region": "us-east-1", "registry_id": "123456789012"}],
                "repository_filters": [{"filter": "ultramarket/", "filter_type": "PREFIX_MATCH"}],
            }
        ]
    },
)

vpc = aws.ec2.Vpc("vpc", cidr_block="10.30.0.0/16")
subnets = [
    aws.ec2.Subnet(f"subnet-{zone}", vpc_id=vpc.id, cidr_block=f"10.30.{n}.0/24", availability_zone=f"us-west-2{zone}")
    for n, zone in enumerate("ab")
]
cluster = aws.eks.Cluster(
    "cluster",
    name=f"{stem}-dr",
    role_arn=role.arn,
    version="1.33",
    vpc_config={"subnet_ids": [each.id for each in subnets], "endpoint_private_access": True},
    access_config={"authentication_mode": "API"},
)
template = aws.ec2.LaunchTemplate(
    "node", metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 2 if first else 1}
)
nodes = aws.eks.NodeGroup(
    "warm",
    launch_template={"id": template.id, "version": template.latest_version.apply(str)},
    cluster_name=cluster.name,
    node_group_name="warm",
    node_role_arn=role.arn,
    subnet_ids=[subnets[0].id],
    scaling_config={"desired_size": 1, "min_size": 1, "max_size": 3 if first else 7},
    instance_types=["m6i.large"],
)
aws.eks.Addon(
    "cni", cluster_name=cluster.name, addon_name="vpc-cni", configuration_values='{"enableNetworkPolicy":"true"}'
)
aws.eks.AccessEntry("entry", cluster_name=cluster.name, principal_arn=role.arn)
aws.eks.AccessPolicyAssociation(
    "access",
    cluster_name=cluster.name,
    principal_arn=role.arn,
    policy_arn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
    access_scope={"type": "cluster"},
)
aws.eks.PodIdentityAssociation(
    "identity", cluster_name=cluster.name, namespace="dr", service_account="shipper", role_arn=role.arn
)

edge = SiteEdge(
    "edge",
    SiteEdgeArgs(
        load_balancer=stem,
        vpc_id=cluster.vpc_config.apply(lambda found: found.vpc_id or ""),
        subnet_ids=[each.id for each in subnets],
        certificate_arn=config.require("certificate"),
        services=["order", "cart"] if first else ["order", "auth"],
        nodes=nodes.resources.apply(lambda found: (found[0].autoscaling_groups or [])[0].name or ""),
        nodes_security_group=cluster.vpc_config.apply(lambda found: found.cluster_security_group_id or ""),
    ),
)

pulumi.export("edge", edge.host)
pulumi.export("endpoint", cluster.endpoint)
pulumi.export("certificate", cluster.certificate_authority.apply(lambda authority: authority.data))
pulumi.export("key", key.arn)
pulumi.export("local", local.bucket)
pulumi.export("domain", backups.bucket_regional_domain_name)
