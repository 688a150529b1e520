"""Promotion: lease and journal, the marker, what a forecast reads. Scaling is Kubernetes' RBAC."""

from recovery.access.conditions import through_s3
from recovery.access.documents import Document, allow, bucket_arn, document, dr_cluster_arn, table_arns
from recovery.access.duties.scope import BACKUPS, UNFINISHED, see_assets
from recovery.names import BUNDLE_KEY, MARKER_KEY, POINTERS, Names
from recovery.plan.plan import SITES


def promoter_policy(names: Names, key_arns: list[str], assets: str = "") -> Document:
    """The role's policy. `key_arns`: the backup keys it may use, through S3; `assets`: production's bucket of static
    assets, when it is copied."""
    items = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    dr_bucket = names.backup_bucket("dr")
    keys = (BUNDLE_KEY, *(f"{prefix}*" for prefix in BACKUPS), f"{POINTERS}*")
    readable = [bucket_arn(dr_bucket, key) for key in keys]
    return document(
        # Take the lease, keep the journal, release the run's claim.
        allow("LeaseAndJournal", items, table_arns(names)),
        # Put the marker and see that it is there; taking it away is failback, another duty.
        allow("Marker", ["s3:GetObject", "s3:PutObject"], [bucket_arn(names.marker_bucket, MARKER_KEY)]),
        # A promotion reads bundle, catalog and log; whoever restores beside the site plans that from here.
        allow("ReadBundleAndCopies", ["s3:GetObject"], readable),
        # Such a restore may need what lies in Glacier (fault 56): a temporary copy, no change.
        allow("RetrieveFromGlacier", ["s3:RestoreObject"], [bucket_arn(dr_bucket, f"{each}*") for each in BACKUPS]),
        allow("TellAbsent", ["s3:ListBucket"], [bucket_arn(dr_bucket), bucket_arn(names.marker_bucket)]),
        # `dr status` counts the uploads that a killed backup left open, at either site.
        allow("SeeUnfinished", [UNFINISHED], [bucket_arn(names.backup_bucket(site)) for site in SITES]),
        *see_assets(names, assets),
        allow("DecryptThroughS3", ["kms:Decrypt"], key_arns, through_s3(names)),
        # To find the DR cluster's endpoint when the bundle is not at hand.
        allow("FindCluster", ["eks:DescribeCluster"], [dr_cluster_arn(names)]),
    )
