"""A monitor: pointers, manifests and sizes, lease and marker; it publishes what it found. To IAM a HEAD is
s3:GetObject, so whoever might ask for a copy's head might read the copy; a listing tells size and age without."""

from recovery.access.conditions import only_items, only_metrics, through_s3
from recovery.access.documents import Document, allow, bucket_arn, document, table_arns
from recovery.access.duties.scope import UNFINISHED, bucket_arns, buckets_of, manifests, pointers, see_assets
from recovery.lease.wall import item as wall_item
from recovery.names import BUNDLE_KEY, MARKER_KEY, METRICS_NAMESPACE, Names


def monitor_policy(names: Names, key_arns: list[str], assets: str = "") -> Document:
    """The role's policy. `key_arns`: the backup keys it may use, through S3; `assets`: production's bucket of static
    assets, when it is copied."""
    buckets = buckets_of(names)
    return document(
        allow("ReadPointers", ["s3:GetObject"], pointers(names)),
        # What a backup claims to consist of, to be compared with what the listing shows.
        allow("ReadManifests", ["s3:GetObject"], manifests(names)),
        # The bundle's age is that of the last apply.
        allow("ReadBundle", ["s3:GetObject"], [bucket_arn(names.backup_bucket("dr"), BUNDLE_KEY)]),
        # A killed backup leaves its upload open: no object, so nothing in the listing of objects tells of it.
        allow("SeeSizes", ["s3:ListBucket", UNFINISHED], bucket_arns(buckets)),
        # A rule that was switched off leaves replicas silently stale; so do versions nobody watches.
        allow("SeeProtection", ["s3:GetReplicationConfiguration", "s3:GetBucketVersioning"], bucket_arns(buckets)),
        allow("DecryptThroughS3", ["kms:Decrypt"], key_arns, through_s3(names)),
        # Whether this site should be making copies at all, and how far a promotion is: its items go by its number.
        allow("ReadLeaseAndJournal", ["dynamodb:GetItem"], table_arns(names)),
        # Where the public name leads; S3 tells an absent marker from a forbidden one only to who may list.
        allow("SeeMarker", ["s3:GetObject"], [bucket_arn(names.marker_bucket, MARKER_KEY)]),
        allow("TellAbsentMarker", ["s3:ListBucket"], [bucket_arn(names.marker_bucket)]),
        # Metrics are no resources: the namespace is all that IAM can ask for.
        allow("PublishFindings", ["cloudwatch:PutMetricData"], ["*"], only_metrics(METRICS_NAMESPACE)),
        *see_assets(names, assets),
        # It tries the wall of the site where it runs, and keeps what it saw for promotions.
        allow("RecordWall", ["dynamodb:PutItem"], table_arns(names), only_items(wall_item("dr"))),
    )
