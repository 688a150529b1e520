"""A restore: read every copy in both regions, also one that a delete marker hides, and open what is sealed with the DR
region's key; write nothing."""

from recovery.access.conditions import sealing, through_s3
from recovery.access.documents import Document, allow, bucket_arn, document
from recovery.access.duties.scope import SEALED, UNFINISHED, bucket_arns, buckets_of, copies, pointers
from recovery.names import BUNDLE_KEY, Names


def restorer_policy(names: Names, prod_key_arn: str, dr_key_arn: str) -> Document:
    """The role's policy: the backup keys that it may use, through S3, and the DR region's by itself."""
    buckets = buckets_of(names)
    return document(
        # GetObjectVersion: a copy that was ended by mistake is read by its version, without taking the marker away.
        allow("ReadCopies", ["s3:GetObject", "s3:GetObjectVersion"], [*copies(names), *pointers(names)]),
        # What to restore into is in the bundle.
        allow("ReadBundle", ["s3:GetObject"], [bucket_arn(names.backup_bucket("dr"), BUNDLE_KEY)]),
        allow(
            "FindCopies",
            ["s3:ListBucket", "s3:ListBucketVersions", UNFINISHED],
            bucket_arns(buckets),
        ),
        # A copy in Glacier must be retrieved before it can be read (fault 56); this makes a temporary copy, no change.
        allow("RetrieveFromGlacier", ["s3:RestoreObject"], copies(names)),
        allow("DecryptThroughS3", ["kms:Decrypt"], [prod_key_arn, dr_key_arn], through_s3(names)),
        allow("OpenSealed", ["kms:Decrypt"], [dr_key_arn], sealing(SEALED)),
    )
