"""Production's static assets (pictures, style sheets), copied to a bucket of their own in the DR region."""

from dataclasses import dataclass

import pulumi

from components.storage.backup_bucket import BackupBucket, BackupBucketArgs
from components.storage.backup_replication import BackupReplication, BackupReplicationArgs
from recovery.access.backup_account import bucket_grants
from recovery.copies.lifecycle import assets_rules
from recovery.names import Names


@dataclass(frozen=True, kw_only=True)
class StaticAssetsBackupArgs:
    """`source` is production's bucket, which is versioned already; `source_key_arn` is empty unless it is under a KMS
    key. `key_arn` is the DR region's backup key. `copy_provider`, when it is named, is of the account with the copy."""

    names: Names
    source: str
    source_key_arn: str
    key_arn: pulumi.Input[str]
    log_bucket: str = ""
    copy_provider: pulumi.ProviderResource | None = None


class StaticAssetsBackup(pulumi.ComponentResource):
    """A protected bucket and the rule that fills it. Deletions stay behind, and what is overwritten at production stays
    here as an older version for as long as copies of files stay in the cloud: a sync would carry ransomware along."""

    def __init__(self, name: str, args: StaticAssetsBackupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:StaticAssetsBackup", name, None, opts)
        names, plan = args.names, args.names.plan
        bucket = BackupBucket(
            f"{name}-copy",
            BackupBucketArgs(
                bucket=names.assets_bucket,
                region=plan.sites.dr.region,
                key_arn=args.key_arn,
                lifecycle=assets_rules(plan),
                break_glass_arn=names.role_arn("break-glass", names.account_of_copies("dr")),
                grants=bucket_grants(names, names.assets_bucket),
                log_bucket=args.log_bucket,
            ),
            pulumi.ResourceOptions(parent=self, providers=[args.copy_provider] if args.copy_provider else None),
        )
        BackupReplication(
            f"{name}-replication",
            BackupReplicationArgs(
                names=names,
                duty="assets-replication",
                source=args.source,
                destination=names.assets_bucket,
                source_key_arn=args.source_key_arn,
                destination_key_arn=args.key_arn,
            ),
            pulumi.ResourceOptions(parent=self, depends_on=[bucket]),
        )
        self.register_outputs({"bucket": names.assets_bucket})
