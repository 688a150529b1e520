"""The key that encrypts one region's backups."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from recovery.access.buckets import backup_key_policy
from recovery.access.documents import Statement
from recovery.names import KEY_ALIAS, Names

_DELETION_WINDOW_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class BackupKeyArgs:
    """One key per region: a copy must stay readable when the other region is gone. `grants` let another account use it,
    beside `account`, which has it."""

    names: Names
    region: str
    account: str
    grants: Sequence[Statement] = ()


class BackupKey(pulumi.ComponentResource):
    """A KMS key with yearly rotation, that only break-glass can schedule for deletion, and its alias."""

    def __init__(self, name: str, args: BackupKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ultramarket:dr:BackupKey", name, None, opts)
        kept = pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True)
        policy = backup_key_policy(args.account, args.names.role_arn("break-glass", args.account), args.grants)
        self.key = aws.kms.Key(
            f"{name}-key",
            region=args.region,
            description=f"UltraMarket's backups in {args.region}",
            enable_key_rotation=True,
            deletion_window_in_days=_DELETION_WINDOW_DAYS,
            policy=json.dumps(policy),
            opts=kept,
        )
        self.alias = aws.kms.Alias(
            f"{name}-alias",
            region=args.region,
            name=KEY_ALIAS,
            target_key_id=self.key.key_id,
            opts=kept,
        )
        self.arn = self.key.arn
        self.register_outputs({"arn": self.arn})
