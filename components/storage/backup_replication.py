"""A bucket of production's region, copied by S3 to the DR region."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from recovery.access.documents import bucket_arn
from recovery.access.replication import replication_policy
from recovery.access.trust import service_trust
from recovery.measured import REPLICATION_MINUTES
from recovery.names import REPLICATION_RULE, Names

# What replication time control promises is also the only value that S3 accepts.
_PROMISE_MINUTES = int(REPLICATION_MINUTES.value)


@dataclass(frozen=True, kw_only=True)
class BackupReplicationArgs:
    """Both keys: S3 decrypts under the one (empty: under its own) and encrypts under the other. Both buckets are
    versioned already, the source in production's region and the destination in the DR region."""

    names: Names
    duty: str
    source: str
    destination: str
    source_key_arn: pulumi.Input[str]
    destination_key_arn: pulumi.Input[str]


class BackupReplication(pulumi.ComponentResource):
    """One rule for the whole bucket, with S3's role for it. Delete markers stay behind: a deletion never propagates.

    A bucket has one set of rules: whatever rules the source had are replaced. What was there before the rule is copied
    by a Batch Replication job (docs/runbooks/batch-replication.md). A policy that denies the rule comes after `rule`.
    """

    def __init__(self, name: str, args: BackupReplicationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:BackupReplication", name, None, opts)
        names = args.names
        source, destination = args.source, args.destination
        self.role = aws.iam.Role(
            f"{name}-role",
            name=names.role_name(args.duty),
            description=f"S3 copies {source} to the DR region",
            assume_role_policy=json.dumps(service_trust("s3.amazonaws.com", names.account, bucket_arn(source))),
            opts=pulumi.ResourceOptions(parent=self),
        )
        permission = aws.iam.RolePolicy(
            f"{name}-permission",
            name="duty",
            role=self.role.name,
            policy=pulumi.Output.all(args.source_key_arn, args.destination_key_arn).apply(
                lambda keys: json.dumps(
                    replication_policy(names, source, destination, source_key=keys[0], destination_key=keys[1])
                )
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.rule = aws.s3.BucketReplicationConfig(
            f"{name}-rule",
            bucket=source,
            region=names.plan.sites.prod.region,
            role=self.role.arn,
            rules=[
                {
                    "id": REPLICATION_RULE,
                    "status": "Enabled",
                    "priority": 1,
                    "filter": {},  # present, even empty: the rule format that knows delete markers and priorities
                    "delete_marker_replication": {"status": "Disabled"},
                    "source_selection_criteria": {"sse_kms_encrypted_objects": {"status": "Enabled"}},
                    "destination": {
                        "bucket": bucket_arn(destination),
                        "storage_class": "STANDARD",
                        "encryption_configuration": {"replica_kms_key_id": args.destination_key_arn},
                        "replication_time": {"status": "Enabled", "time": {"minutes": _PROMISE_MINUTES}},
                        "metrics": {"status": "Enabled", "event_threshold": {"minutes": _PROMISE_MINUTES}},
                    },
                }
            ],
            opts=pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True, depends_on=[permission]),
        )
        self.register_outputs({"role_arn": self.role.arn})
