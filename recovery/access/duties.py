"""What each duty may do, one IAM policy a role: writer, shipper, restorer, monitor, pruner, guard, wall, promoter.

Every statement says why it is there. None may delete a version of a copy or open its lock; break-glass, which may, is
in `recovery.access.buckets`.
"""

from collections.abc import Mapping

from recovery.access.conditions import (
    all_of,
    from_cluster,
    locked_for,
    only_below,
    only_items,
    only_metrics,
    through_s3,
)
from recovery.access.documents import LEASE_ITEM, Document, allow, bucket_arn, document, dr_cluster_arn, table_arns
from recovery.copies.retention import LOG, copy_terms, lock_bound_days
from recovery.lease.backup_runs import items as run_items
from recovery.lease.backup_runs import prune_items
from recovery.lease.wall import item as wall_item
from recovery.names import BUNDLE_KEY, MARKER_KEY, METRICS_NAMESPACE, POINTERS, Names, guard_item, pointer_prefix
from recovery.plan.datasets import DATASETS, MADE_TODAY, SHIPPED_TODAY
from recovery.plan.plan import SITES, SiteName

_UNFINISHED = "s3:ListBucketMultipartUploads"

_SHIPPED = [dataset for dataset, _ in sorted(SHIPPED_TODAY)]
_MADE = {dataset for dataset, _ in MADE_TODAY}
BACKUPS = tuple(f"{dataset}/" for dataset in DATASETS if dataset in _MADE)
"""What the keys of those copies begin with that the stacks' jobs make."""


def duty_policies(names: Names, key_arns: Mapping[str, str]) -> dict[str, Document]:
    """By duty, in the order of a copy's life. `key_arns`: each site's backup key."""
    both = [key_arns[site] for site in SITES]
    return {
        "writer": writer_policy(names, both),
        "shipper": shipper_policy(names, key_arns["dr"]),
        "restorer": restorer_policy(names, both),
        "monitor": monitor_policy(names, both),
        "pruner": pruner_policy(names, both),
        "guard": guard_policy(names, key_arns["dr"]),
        "wall": wall_policy(names),
        "promoter": promoter_policy(names, both),
    }


def writer_policy(names: Names, key_arns: list[str]) -> Document:
    """Backups: put new objects under the datasets' prefixes; neither delete nor shorten anything."""
    buckets = _buckets(names)
    copies = [bucket_arn(bucket, f"{prefix}*") for bucket in buckets for prefix in BACKUPS]
    longest = max(lock_bound_days(names.plan, prefix) for prefix in BACKUPS)
    runs = [item for site in SITES for item in run_items(site)]
    return document(
        # An upload that failed is aborted. Retention is set with the upload.
        allow("WriteCopies", ["s3:PutObject", "s3:AbortMultipartUpload"], copies),
        allow("LockCopies", ["s3:PutObjectRetention"], copies, locked_for(longest)),
        # Settles a write whose answer was lost. Whoever has this role reads the database itself anyway.
        allow("SettleWrites", ["s3:GetObject"], copies),
        # `latest` is moved by compare and swap: read, then conditional put. It carries no lock.
        allow("MovePointers", ["s3:GetObject", "s3:PutObject"], _pointers(names)),
        # Without it S3 answers 403 instead of 404 for a pointer that does not exist yet.
        allow("TellAbsent", ["s3:ListBucket"], _arns(buckets)),
        # A multipart upload encrypts each part and decrypts them when it is completed.
        allow("EncryptThroughS3", ["kms:GenerateDataKey", "kms:Decrypt"], key_arns, through_s3(names)),
        # A site that no longer holds the lease must not write copies (fault 68). What runs did before is counted on.
        allow("ReadLease", ["dynamodb:GetItem"], table_arns(names), only_items(LEASE_ITEM, *runs)),
        # Each site counts its own runs, skipped ones too (fault 45).
        *(_count(names, site, *run_items(site)) for site in SITES),
    )


def shipper_policy(names: Names, dr_key_arn: str) -> Document:
    """Logs: put ranges and whole segments under the datasets' log prefixes of the DR bucket, end ranges whose segment
    is there, and move the logs' pointers."""
    bucket = names.backup_bucket("dr")
    logs = [bucket_arn(bucket, f"{dataset}/log/*") for dataset in _SHIPPED]
    ranges = [bucket_arn(bucket, f"{dataset}/log/ranges/*") for dataset in _SHIPPED]
    pointers = [bucket_arn(bucket, f"{pointer_prefix(dataset, 'log')}*") for dataset in _SHIPPED]
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


def restorer_policy(names: Names, key_arns: list[str]) -> Document:
    """A restore: read every copy in both regions, also one that a delete marker hides; write nothing."""
    buckets = _buckets(names)
    return document(
        # GetObjectVersion: a copy that was ended by mistake is read by its version, without taking the marker away.
        allow("ReadCopies", ["s3:GetObject", "s3:GetObjectVersion"], [*_copies(names), *_pointers(names)]),
        # What to restore into is in the bundle.
        allow("ReadBundle", ["s3:GetObject"], [bucket_arn(names.backup_bucket("dr"), BUNDLE_KEY)]),
        allow(
            "FindCopies",
            ["s3:ListBucket", "s3:ListBucketVersions", _UNFINISHED],
            _arns(buckets),
        ),
        # A copy in Glacier must be retrieved before it can be read (fault 56); this makes a temporary copy, no change.
        allow("RetrieveFromGlacier", ["s3:RestoreObject"], _copies(names)),
        allow("DecryptThroughS3", ["kms:Decrypt"], key_arns, through_s3(names)),
    )


def monitor_policy(names: Names, key_arns: list[str]) -> Document:
    """A monitor: pointers, manifests and sizes, lease and marker; it publishes what it found. To IAM a HEAD is
    s3:GetObject, so whoever might ask for a copy's head might read the copy; a listing tells size and age without."""
    buckets = _buckets(names)
    return document(
        allow("ReadPointers", ["s3:GetObject"], _pointers(names)),
        # What a backup claims to consist of, to be compared with what the listing shows.
        allow("ReadManifests", ["s3:GetObject"], _manifests(names)),
        # The bundle's age is that of the last apply.
        allow("ReadBundle", ["s3:GetObject"], [bucket_arn(names.backup_bucket("dr"), BUNDLE_KEY)]),
        # A killed backup leaves its upload open: no object, so nothing in the listing of objects tells of it.
        allow("SeeSizes", ["s3:ListBucket", _UNFINISHED], _arns(buckets)),
        # A rule that was switched off leaves replicas silently stale; so do versions nobody watches.
        allow("SeeProtection", ["s3:GetReplicationConfiguration", "s3:GetBucketVersioning"], _arns(buckets)),
        allow("DecryptThroughS3", ["kms:Decrypt"], key_arns, through_s3(names)),
        # Whether this site should be making copies at all, and how far a promotion is: its items go by its number.
        allow("ReadLeaseAndJournal", ["dynamodb:GetItem"], table_arns(names)),
        # Where the public name leads; S3 tells an absent marker from a forbidden one only to who may list.
        allow("SeeMarker", ["s3:GetObject"], [bucket_arn(names.marker_bucket, MARKER_KEY)]),
        allow("TellAbsentMarker", ["s3:ListBucket"], [bucket_arn(names.marker_bucket)]),
        # Metrics are no resources: the namespace is all that IAM can ask for.
        allow("PublishFindings", ["cloudwatch:PutMetricData"], ["*"], only_metrics(METRICS_NAMESPACE)),
        # It tries the wall of the site where it runs, and keeps what it saw for promotions.
        allow("RecordWall", ["dynamodb:PutItem"], table_arns(names), only_items(wall_item("dr"))),
    )


def pruner_policy(names: Names, key_arns: list[str]) -> Document:
    """The pruner: end a copy by a delete marker, and know which chain needs it. A marker hides, it destroys nothing.

    What it lacks: `s3:DeleteObjectVersion`, which destroys, and any right to set or open a lock (no PutObjectRetention,
    so no `locked_for` condition either).
    """
    buckets = _buckets(names)
    runs = [item for site in SITES for item in prune_items(site)]
    return document(
        # Without a version id this only places a marker; s3:DeleteObjectVersion is what would remove data.
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
        allow("PlaceDeleteMarkers", ["s3:DeleteObject"], _copies(names)),
        # A chain ends as a whole: manifests name their parents, pointers what is newest.
        allow("ReadCatalog", ["s3:GetObject"], [*_manifests(names), *_pointers(names)]),
        # Versions: to count the locked copies that somebody else's marker hides.
        allow("ListCopies", ["s3:ListBucket", "s3:ListBucketVersions"], _arns(buckets)),
        allow("SeeLocks", ["s3:GetObjectRetention"], _copies(names)),
        allow("DecryptThroughS3", ["kms:Decrypt"], key_arns, through_s3(names)),
        # A pruner of a fenced site must not touch its successor's copies (fault 68). It counts on from runs before.
        allow("ReadLease", ["dynamodb:GetItem"], table_arns(names), only_items(LEASE_ITEM, *runs)),
        *(_count(names, site, *prune_items(site)) for site in SITES),
    )


def guard_policy(names: Names, dr_key_arn: str) -> Document:
    """The guard: renew the lease, record the fence, say how it is itself. It cannot delete the lease; that it makes
    none, which UpdateItem could, is a condition of every request of ours (`cloud.lease_store`). At the DR site the Pod
    that it shares with the database also reads the logs."""
    bucket, at_dr = names.backup_bucket("dr"), from_cluster(names.dr_cluster)
    logs = [f"{dataset}/log/" for dataset in _SHIPPED]
    return document(
        allow("RenewLease", ["dynamodb:GetItem", "dynamodb:UpdateItem"], table_arns(names), only_items(LEASE_ITEM)),
        # Each site's guard writes its own report and nobody else's: a fenced site must not speak for the other.
        *(
            allow(
                f"Report{site.capitalize()}",
                ["dynamodb:PutItem"],
                table_arns(names),
                only_items(guard_item(site)) | from_cluster(names.dr_cluster, other=site != "dr"),
            )
            for site in SITES
        ),
        # What a standby has lost its stream for (fault 69). A Pod's containers have one role, that of its account.
        allow("ReadLogs", ["s3:GetObject"], [bucket_arn(bucket, f"{prefix}*") for prefix in logs], at_dr),
        *(
            allow("FindLogs", ["s3:ListBucket"], [bucket_arn(bucket)], all_of(at_dr, only_below(prefix)))
            for prefix in logs
        ),
        allow("DecryptThroughS3", ["kms:Decrypt"], [dr_key_arn], all_of(at_dr, through_s3(names, "dr"))),
    )


def wall_policy(names: Names) -> Document:
    """What tries production's wall: keep what it saw, and nothing else. A production that is lost to somebody says no
    word about the DR site."""
    return document(
        # A database that says nothing may be dead, or behind a network policy that works: its guard knows.
        allow("ReadReport", ["dynamodb:GetItem"], table_arns(names), only_items(guard_item("prod"))),
        allow("RecordWall", ["dynamodb:PutItem"], table_arns(names), only_items(wall_item("prod"))),
    )


def promoter_policy(names: Names, key_arns: list[str]) -> Document:
    """Promotion: lease and journal, the marker, what a forecast reads. Scaling is Kubernetes' RBAC."""
    items = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    dr_bucket = names.backup_bucket("dr")
    keys = (BUNDLE_KEY, *(f"{prefix}*" for prefix in BACKUPS), f"{POINTERS}*")
    readable = [bucket_arn(dr_bucket, key) for key in keys]
    return document(
        # Take the lease, keep the journal, release the run's claim.
        allow("LeaseAndJournal", items, table_arns(names)),
        # Put the marker and see that it is there; taking it away is failback, another duty.
        allow("Marker", ["s3:GetObject", "s3:PutObject"], [bucket_arn(names.marker_bucket, MARKER_KEY)]),
        # The bundle and the catalog are all that a promotion reads of the copies.
        allow("ReadBundleAndCatalog", ["s3:GetObject"], readable),
        allow("TellAbsent", ["s3:ListBucket"], [bucket_arn(dr_bucket), bucket_arn(names.marker_bucket)]),
        # `dr status` counts the uploads that a killed backup left open, at either site.
        allow("SeeUnfinished", [_UNFINISHED], [bucket_arn(names.backup_bucket(site)) for site in SITES]),
        allow("DecryptThroughS3", ["kms:Decrypt"], key_arns, through_s3(names)),
        # To find the DR cluster's endpoint when the bundle is not at hand.
        allow("FindCluster", ["eks:DescribeCluster"], [dr_cluster_arn(names)]),
    )


def _count(names: Names, site: SiteName, *items: str) -> Document:
    """Statement: a site's Pods write what their own runs did, and nobody else's."""
    condition = only_items(*items) | from_cluster(names.dr_cluster, other=site != "dr")
    return allow(f"Count{site.capitalize()}", ["dynamodb:PutItem"], table_arns(names), condition)


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
