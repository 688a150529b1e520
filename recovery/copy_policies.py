"""Who may do what with copies that exist: ship logs beside them, read them, watch them, end them. Pure functions.

Building blocks and the other duties are in `recovery.policies`. Nobody here may delete a version or open a lock.
"""

from recovery.names import BUNDLE_KEY, POINTERS, Names
from recovery.plan import SITES, Datasets
from recovery.policies import (
    LEASE_ITEM,
    Document,
    allow,
    bucket_arn,
    document,
    locked_for,
    only_items,
    table_arns,
    through_s3,
)
from recovery.retention import LOG, copy_terms, lock_bound_days

DATASETS = tuple(Datasets.model_fields)
"""The first part of every copy's key."""


def shipper_policy(names: Names, dr_key_arn: str) -> Document:
    """Logs: put ranges under the datasets' log prefixes of the DR bucket, and move the logs' pointers."""
    bucket = names.backup_bucket("dr")
    logs = [bucket_arn(bucket, f"{dataset}/log/*") for dataset in DATASETS]
    pointers = [bucket_arn(bucket, f"{POINTERS}{dataset}/log.json") for dataset in DATASETS]
    longest = max(lock_bound_days(names.plan, each.prefix) for each in copy_terms(names.plan) if each.kind == LOG)
    return document(
        # Logs go to the DR region directly: S3 replication promises 15 minutes, which is all of the objective.
        allow("WriteLogs", ["s3:PutObject", "s3:AbortMultipartUpload"], logs),
        allow("LockLogs", ["s3:PutObjectRetention"], logs, locked_for(longest)),
        # Settles a write whose answer was lost, and reads ranges back to put whole segments together.
        allow("ReadBackLogs", ["s3:GetObject"], logs),
        # The newest position is moved by compare and swap.
        allow("MovePointers", ["s3:GetObject", "s3:PutObject"], pointers),
        # Finds where to go on after a restart; without it S3 answers 403 instead of 404 for what is absent.
        allow("FindEnd", ["s3:ListBucket"], [bucket_arn(bucket)]),
        allow("EncryptThroughS3", ["kms:GenerateDataKey", "kms:Decrypt"], [dr_key_arn], through_s3(names, "dr")),
        # A shipper of a fenced site must stop (fault 68).
        allow("ReadLease", ["dynamodb:GetItem"], table_arns(names), only_items(LEASE_ITEM)),
    )


def restorer_policy(names: Names, key_arns: list[str]) -> Document:
    """A restore: read every copy in both regions, also one that a delete marker hides; write nothing."""
    buckets = _buckets(names)
    return document(
        # GetObjectVersion: a copy that was ended by mistake is read by its version, without taking the marker away.
        allow("ReadCopies", ["s3:GetObject", "s3:GetObjectVersion"], [*_copies(names), *_pointers(names)]),
        # What to restore into is in the bundle.
        allow("ReadBundle", ["s3:GetObject"], [bucket_arn(names.backup_bucket("dr"), BUNDLE_KEY)]),
        allow("FindCopies", ["s3:ListBucket", "s3:ListBucketVersions"], _arns(buckets)),
        # A copy in Glacier must be retrieved before it can be read (fault 56); this makes a temporary copy, no change.
        allow("RetrieveFromGlacier", ["s3:RestoreObject"], _copies(names)),
        allow("DecryptThroughS3", ["kms:Decrypt"], key_arns, through_s3(names)),
    )


def monitor_policy(names: Names, key_arns: list[str]) -> Document:
    """A monitor: pointers, manifests and sizes. To IAM a HEAD is s3:GetObject, so whoever might ask for a copy's head
    might read the copy; a listing tells size and age without that."""
    buckets = _buckets(names)
    return document(
        allow("ReadPointers", ["s3:GetObject"], _pointers(names)),
        # What a backup claims to consist of, to be compared with what the listing shows.
        allow("ReadManifests", ["s3:GetObject"], _manifests(names)),
        # The bundle's age is that of the last apply.
        allow("ReadBundle", ["s3:GetObject"], [bucket_arn(names.backup_bucket("dr"), BUNDLE_KEY)]),
        allow("SeeSizes", ["s3:ListBucket"], _arns(buckets)),
        # A rule that was switched off leaves replicas silently stale; so do versions nobody watches.
        allow("SeeProtection", ["s3:GetReplicationConfiguration", "s3:GetBucketVersioning"], _arns(buckets)),
        allow("DecryptThroughS3", ["kms:Decrypt"], key_arns, through_s3(names)),
        # Whether this site should be making copies at all.
        allow("ReadLease", ["dynamodb:GetItem"], table_arns(names), only_items(LEASE_ITEM)),
    )


def pruner_policy(names: Names, key_arns: list[str]) -> Document:
    """The pruner: end a copy by a delete marker, and know which chain needs it. A marker hides, it destroys nothing."""
    buckets = _buckets(names)
    return document(
        # Without a version id this only places a marker; s3:DeleteObjectVersion is what would remove data.
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
        allow("PlaceDeleteMarkers", ["s3:DeleteObject"], _copies(names)),
        # A chain ends as a whole: manifests name their parents, pointers what is newest.
        allow("ReadCatalog", ["s3:GetObject"], [*_manifests(names), *_pointers(names)]),
        allow("ListCopies", ["s3:ListBucket"], _arns(buckets)),
        allow("DecryptThroughS3", ["kms:Decrypt"], key_arns, through_s3(names)),
        # A pruner of a fenced site must not touch its successor's copies (fault 68).
        allow("ReadLease", ["dynamodb:GetItem"], table_arns(names), only_items(LEASE_ITEM)),
    )


def _buckets(names: Names) -> list[str]:
    return [names.backup_bucket(site) for site in SITES]


def _arns(buckets: list[str]) -> list[str]:
    return [bucket_arn(bucket) for bucket in buckets]


def _copies(names: Names) -> list[str]:
    return [bucket_arn(bucket, f"{dataset}/*") for bucket in _buckets(names) for dataset in DATASETS]


def _manifests(names: Names) -> list[str]:
    return [bucket_arn(bucket, f"{dataset}/*/manifest.json") for bucket in _buckets(names) for dataset in DATASETS]


def _pointers(names: Names) -> list[str]:
    return [bucket_arn(bucket, f"{POINTERS}*") for bucket in _buckets(names)]
