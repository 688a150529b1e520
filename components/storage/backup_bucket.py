"""A bucket whose copies survive mistakes and stolen credentials."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.storage.locked_down import block_public_access
from recovery.access.buckets import backup_bucket_policy
from recovery.access.documents import Statement
from recovery.copies.lifecycle_rule import LifecycleRule


@dataclass(frozen=True, kw_only=True)
class BackupBucketArgs:
    """Name, region and key; `log_bucket` receives access logs when it is named (in the same account and region).
    `grants` let another account in. `before_policy` gets what the bucket is set up with, and returns what has to be
    there before the policy denies it: the rule that copies from here."""

    bucket: str
    region: str
    key_arn: pulumi.Input[str]
    lifecycle: tuple[LifecycleRule, ...]
    break_glass_arn: str
    log_bucket: str = ""
    grants: Sequence[Statement] = ()
    before_policy: Callable[[Sequence[pulumi.Resource]], Sequence[pulumi.Resource]] = lambda _: ()


class BackupBucket(pulumi.ComponentResource):
    """Versioned, locked, encrypted under its own key, closed to the public, with a policy that keeps it that way.

    The policy comes last: from then on only break-glass changes the settings it guards.
    """

    def __init__(self, name: str, args: BackupBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:BackupBucket", name, None, opts)
        kept = pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True)
        self.bucket = aws.s3.Bucket(
            f"{name}-bucket", bucket=args.bucket, region=args.region, object_lock_enabled=True, opts=kept
        )
        versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=self.bucket.bucket,
            region=args.region,
            versioning_configuration={"status": "Enabled"},
            opts=kept,
        )
        encryption = aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=self.bucket.bucket,
            region=args.region,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": args.key_arn,
                    },
                    "bucket_key_enabled": True,
                    # Objects under a customer's key could not be read by us: the "Codefinger" attack.
                    "blocked_encryption_types": ["SSE-C"],
                }
            ],
            opts=kept,
        )
        closed = block_public_access(name, self.bucket.bucket, args.region, parent=self)
        lifecycle = aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=self.bucket.bucket,
            region=args.region,
            rules=[lifecycle_rule(rule) for rule in args.lifecycle],
            opts=pulumi.ResourceOptions.merge(kept, pulumi.ResourceOptions(depends_on=[versioning])),
        )
        if args.log_bucket:
            aws.s3.BucketLogging(
                f"{name}-access-log",
                bucket=self.bucket.bucket,
                region=args.region,
                target_bucket=args.log_bucket,
                target_prefix=f"{args.bucket}/",
                opts=pulumi.ResourceOptions(parent=self),
            )
        ready = [versioning, encryption, lifecycle, *closed]
        bucket_name, break_glass, grants = args.bucket, args.break_glass_arn, args.grants
        self.policy = aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=self.bucket.bucket,
            region=args.region,
            policy=pulumi.Output.from_input(args.key_arn).apply(
                lambda key_arn: json.dumps(backup_bucket_policy(bucket_name, key_arn, break_glass, grants))
            ),
            opts=pulumi.ResourceOptions.merge(
                kept, pulumi.ResourceOptions(depends_on=[*ready, *args.before_policy(ready)])
            ),
        )
        self.arn = self.bucket.arn
        self.register_outputs({"arn": self.arn, "bucket": self.bucket.bucket})


def lifecycle_rule(rule: LifecycleRule) -> aws.s3.BucketLifecycleConfigurationRuleArgsDict:
    """The rule as Pulumi wants it; the old, rule-level `prefix` is deprecated, so there is a filter always."""
    result: aws.s3.BucketLifecycleConfigurationRuleArgsDict = {
        "id": rule.id,
        "status": "Enabled",
        "filter": {"prefix": rule.prefix},
    }
    if rule.larger_than_bytes is not None:
        result["filter"] = {"and_": {"prefix": rule.prefix, "object_size_greater_than": rule.larger_than_bytes}}
    if rule.transitions:
        result["transitions"] = [{"days": move.days, "storage_class": move.storage_class} for move in rule.transitions]
    if rule.noncurrent_days is not None:
        result["noncurrent_version_expiration"] = {"noncurrent_days": rule.noncurrent_days}
    if rule.abort_upload_days is not None:
        result["abort_incomplete_multipart_upload"] = {"days_after_initiation": rule.abort_upload_days}
    if rule.remove_expired_markers:
        result["expiration"] = {"expired_object_delete_marker": True}
    return result
