"""What several duties name: buckets, copies, pointers, the datasets that the stacks copy."""

from recovery.access.conditions import from_cluster, only_items
from recovery.access.documents import Document, allow, bucket_arn, table_arns
from recovery.names import POINTERS, Names, shared_prefix
from recovery.plan.datasets import DATASETS, MADE_TODAY, SHIPPED_TODAY
from recovery.plan.plan import SITES, SiteName

UNFINISHED = "s3:ListBucketMultipartUploads"

SHIPPED = [dataset for dataset, _ in sorted(SHIPPED_TODAY)]
_MADE = {dataset for dataset, _ in MADE_TODAY}
BACKUPS = tuple(f"{dataset}/" for dataset in DATASETS if dataset in _MADE)
"""What the keys of those copies begin with that the stacks' jobs make."""

SEALED = "configuration"
"""The dataset whose Secrets are stored as ciphertext only, and that has a writer of its own: who may read a namespace's
Secrets writes nothing else, and who writes the rest seals and reads none."""
WRITTEN = tuple(prefix for prefix in BACKUPS if prefix != f"{SEALED}/")
"""What the writer's copies begin with."""

SHARED = tuple(prefix for dataset in DATASETS if dataset in _MADE and (prefix := shared_prefix(dataset)))
"""Below which of them lies what several copies use."""


def count(names: Names, site: SiteName, *items: str) -> Document:
    """Statement: a site's Pods write what their own runs did, and nobody else's."""
    condition = only_items(*items) | from_cluster(names.dr_cluster, other=site != "dr")
    return allow(f"Count{site.capitalize()}", ["dynamodb:PutItem"], table_arns(names), condition)


def buckets_of(names: Names) -> list[str]:
    """Both sites' backup buckets."""
    return [names.backup_bucket(site) for site in SITES]


def bucket_arns(buckets: list[str]) -> list[str]:
    """The buckets themselves, not what is in them."""
    return [bucket_arn(bucket) for bucket in buckets]


def copies(names: Names) -> list[str]:
    """Every copy of every dataset, in both buckets."""
    return [bucket_arn(bucket, f"{dataset}/*") for bucket in buckets_of(names) for dataset in DATASETS]


def manifests(names: Names) -> list[str]:
    """What a backup claims to consist of, in both buckets."""
    return [bucket_arn(bucket, f"{dataset}/*/manifest.json") for bucket in buckets_of(names) for dataset in DATASETS]


def pointers(names: Names) -> list[str]:
    """The names of the newest copies, in both buckets."""
    return [bucket_arn(bucket, f"{POINTERS}*") for bucket in buckets_of(names)]


def see_assets(names: Names, bucket: str) -> list[Document]:
    """Statements: how S3's copying of production's `bucket` of static assets stands, none of whose objects is seen. IAM
    knows no narrower resource of a metric that is read."""
    if not bucket:
        return []
    rules = ["s3:GetReplicationConfiguration", "s3:GetBucketVersioning"]
    return [
        allow("SeeAssetsRule", rules, bucket_arns([bucket, names.assets_bucket])),
        allow("SeeReplication", ["cloudwatch:GetMetricData"], ["*"]),
    ]
