"""Backups: put new objects under the datasets' prefixes; neither delete nor shorten anything. The exporter does so for
configuration, and seals."""

from collections.abc import Sequence

from recovery.access.conditions import locked_for, only_items, through_s3
from recovery.access.documents import LEASE_ITEM, Document, Statement, allow, bucket_arn, document, table_arns
from recovery.access.duties.scope import SEALED, SHARED, WRITTEN, bucket_arns, buckets_of, count
from recovery.copies.retention import lock_bound_days
from recovery.lease.backup_runs import item
from recovery.names import POINTERS, Names
from recovery.plan.datasets import SCHEDULED_TODAY
from recovery.plan.plan import SITES


def writer_policy(names: Names, key_arns: list[str]) -> Document:
    """The role's policy. `key_arns`: the backup keys it may use, through S3."""
    scheduled = [(dataset, kind) for dataset, kind in sorted(SCHEDULED_TODAY) if dataset != SEALED]
    return document(*writing(names, key_arns, WRITTEN, scheduled, SHARED))


def writing(
    names: Names,
    key_arns: list[str],
    prefixes: Sequence[str],
    scheduled: Sequence[tuple[str, str]],
    used_again: Sequence[str] = (),
) -> list[Statement]:
    """Statements for copies below `prefixes`. `scheduled`: datasets and kinds whose runs are counted; `used_again`:
    below which prefixes lies what several copies share."""
    buckets = buckets_of(names)
    copies = [bucket_arn(bucket, f"{prefix}*") for bucket in buckets for prefix in prefixes]
    shared = [bucket_arn(bucket, f"{prefix}*") for bucket in buckets for prefix in used_again]
    longest = max(lock_bound_days(names.plan, prefix) for prefix in prefixes)
    moved = [bucket_arn(bucket, f"{POINTERS}{prefix}*") for bucket in buckets for prefix in prefixes]
    runs = {site: [item(site, *each) for each in scheduled] for site in SITES}
    return [
        # An upload that failed is aborted. Retention is set with the upload.
        allow("WriteCopies", ["s3:PutObject", "s3:AbortMultipartUpload"], copies),
        allow("LockCopies", ["s3:PutObjectRetention"], copies, locked_for(longest)),
        # What a copy uses again must stay as long as the copy: a lock that ends too early is made longer, and only that
        # is possible in COMPLIANCE mode. S3 tells of a lock only whom it allows to ask.
        *([allow("SeeSharedLocks", ["s3:GetObjectRetention"], shared)] if shared else []),
        # Settles a write whose answer was lost. Whoever has this role reads the database itself anyway.
        allow("SettleWrites", ["s3:GetObject"], copies),
        # `latest` is moved by compare and swap: read, then conditional put. It carries no lock.
        allow("MovePointers", ["s3:GetObject", "s3:PutObject"], moved),
        # Without it S3 answers 403 instead of 404 for a pointer that does not exist yet.
        allow("TellAbsent", ["s3:ListBucket"], bucket_arns(buckets)),
        # A multipart upload encrypts each part and decrypts them when it is completed.
        allow("EncryptThroughS3", ["kms:GenerateDataKey", "kms:Decrypt"], key_arns, through_s3(names)),
        # A site that no longer holds the lease must not write copies (fault 68). What runs did before is counted on.
        allow("ReadLease", ["dynamodb:GetItem"], table_arns(names), only_items(LEASE_ITEM, *runs["prod"], *runs["dr"])),
        # Each site counts its own runs, skipped ones too (fault 45).
        *(count(names, site, *runs[site]) for site in SITES),
    ]
