"""Logs: put ranges and whole segments under the datasets' log prefixes of the DR bucket, end ranges whose segment
is there, and move the logs' pointers."""

from recovery.access.conditions import locked_for, only_items, through_s3
from recovery.access.documents import LEASE_ITEM, Document, allow, bucket_arn, document, table_arns
from recovery.access.duties.scope import SHIPPED
from recovery.copies.retention import LOG, copy_terms, lock_bound_days
from recovery.names import Names, pointer_prefix


def shipper_policy(names: Names, dr_key_arn: str) -> Document:
    """The role's policy. `dr_key_arn`: the key of the DR bucket."""
    bucket = names.backup_bucket("dr")
    logs = [bucket_arn(bucket, f"{dataset}/log/*") for dataset in SHIPPED]
    ranges = [bucket_arn(bucket, f"{dataset}/log/ranges/*") for dataset in SHIPPED]
    pointers = [bucket_arn(bucket, f"{pointer_prefix(dataset, 'log')}*") for dataset in SHIPPED]
    longest = max(lock_bound_days(names.plan, each.prefix) for each in copy_terms(names.plan) if each.kind == LOG)
    return document(
        # Logs go to the DR region directly: S3 replication promises 15 minutes, which is all of the objective.
        allow("WriteLogs", ["s3:PutObject"], logs),
        allow("LockLogs", ["s3:PutObjectRetention"], logs, locked_for(longest)),
        # Settles a write whose answer was lost, and reads ranges back to put whole segments together.
        allow("ReadBackLogs", ["s3:GetObject"], logs),
        # A range whose segment is locked gets a delete marker, which destroys nothing; a segment never does.
        allow("HideRanges", ["s3:DeleteObject"], ranges),
        # The newest position is moved by compare and swap.
        allow("MovePointers", ["s3:GetObject", "s3:PutObject"], pointers),
        # Finds where to go on after a restart; without it S3 answers 403 instead of 404 for what is absent.
        allow("FindEnd", ["s3:ListBucket"], [bucket_arn(bucket)]),
        allow("EncryptThroughS3", ["kms:GenerateDataKey", "kms:Decrypt"], [dr_key_arn], through_s3(names, "dr")),
        # A shipper of a fenced site must stop (fault 68).
        allow("ReadLease", ["dynamodb:GetItem"], table_arns(names), only_items(LEASE_ITEM)),
    )
