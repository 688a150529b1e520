"""The pruner: end a copy by a delete marker, and know which chain needs it. A marker hides, it destroys nothing.

What it lacks: `s3:DeleteObjectVersion`, which destroys, and any right to set or open a lock (no PutObjectRetention,
so no `locked_for` condition either)."""

from recovery.access.conditions import only_items, through_s3
from recovery.access.documents import LEASE_ITEM, Document, allow, document, table_arns
from recovery.access.duties.scope import bucket_arns, buckets_of, copies, count, manifests, pointers
from recovery.lease.backup_runs import prune_items
from recovery.names import Names
from recovery.plan.plan import SITES


def pruner_policy(names: Names, key_arns: list[str]) -> Document:
    """The role's policy. `key_arns`: the backup keys it may use, through S3."""
    buckets = buckets_of(names)
    runs = [item for site in SITES for item in prune_items(site)]
    return document(
        # Without a version id this only places a marker; s3:DeleteObjectVersion is what would remove data.
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
        allow("PlaceDeleteMarkers", ["s3:DeleteObject"], copies(names)),
        # A chain ends as a whole: manifests name their parents, pointers what is newest.
        allow("ReadCatalog", ["s3:GetObject"], [*manifests(names), *pointers(names)]),
        # Versions: to count the locked copies that somebody else's marker hides.
        allow("ListCopies", ["s3:ListBucket", "s3:ListBucketVersions"], bucket_arns(buckets)),
        allow("SeeLocks", ["s3:GetObjectRetention"], copies(names)),
        allow("DecryptThroughS3", ["kms:Decrypt"], key_arns, through_s3(names)),
        # A pruner of a fenced site must not touch its successor's copies (fault 68). It counts on from runs before.
        allow("ReadLease", ["dynamodb:GetItem"], table_arns(names), only_items(LEASE_ITEM, *runs)),
        *(count(names, site, *prune_items(site)) for site in SITES),
    )
