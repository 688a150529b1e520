"""The guard: renew the lease, record the fence, say how it is itself. It cannot delete the lease; that it makes
none, which UpdateItem could, is a condition of every request of ours (`cloud.lease_store`). At the DR site the Pod
that it shares with the database also reads the copies: an empty volume is filled with them, a standby without a stream
goes on with the log."""

from recovery.access.conditions import all_of, from_cluster, only_items, through_s3
from recovery.access.documents import LEASE_ITEM, Document, allow, bucket_arn, document, table_arns
from recovery.access.duties.scope import BACKUPS
from recovery.names import Names, guard_item
from recovery.plan.plan import SITES


def guard_policy(names: Names, dr_key_arn: str) -> Document:
    """The role's policy. `dr_key_arn`: the key of the DR bucket."""
    bucket, at_dr = names.backup_bucket("dr"), from_cluster(names.dr_cluster)
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
        # What a standby begins with where production does not answer, and has lost its stream for (fault 69). A Pod's
        # containers have one role, that of its account.
        allow("ReadCopies", ["s3:GetObject"], [bucket_arn(bucket, f"{prefix}*") for prefix in BACKUPS], at_dr),
        # All of the bucket's names: else S3 answers 403 instead of 404 for a log that is absent, and a request for one
        # carries no prefix that a condition could ask for.
        allow("FindCopies", ["s3:ListBucket"], [bucket_arn(bucket)], at_dr),
        allow("DecryptThroughS3", ["kms:Decrypt"], [dr_key_arn], all_of(at_dr, through_s3(names, "dr"))),
    )
