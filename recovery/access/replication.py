"""What S3 may do when it copies one of our buckets to the DR region."""

from recovery.access.documents import Document, allow, bucket_arn, document
from recovery.names import Names


def replication_policy(
    names: Names, source: str, destination: str, *, source_key: str, destination_key: str
) -> Document:
    """S3 itself, copying a bucket in production's region to one in the DR region. `source_key` is empty when the source
    is under S3's own key.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html and, for Object Lock
    and KMS, .../object-lock-managing.html, .../replication-config-for-kms-objects.html: a missing permission leaves
    replicas silently stale.
    """
    read = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
    locks = ["s3:GetObjectRetention", "s3:GetObjectLegalHold"]
    prod, dr = names.plan.sites.prod.region, names.plan.sites.dr.region
    statements = [
        allow("ReadRule", ["s3:GetReplicationConfiguration", "s3:ListBucket"], [bucket_arn(source)]),
        allow("ReadVersions", [*read, *locks], [bucket_arn(source, "*")]),
        # ReplicateDelete is left out on purpose: a delete marker in production stays there.
        allow("WriteReplicas", ["s3:ReplicateObject", "s3:ReplicateTags"], [bucket_arn(destination, "*")]),
        allow("EncryptReplica", ["kms:Encrypt", "kms:GenerateDataKey"], [destination_key], _via_service(dr)),
    ]
    if source_key:
        statements.append(allow("DecryptSource", ["kms:Decrypt"], [source_key], _via_service(prod)))
    return document(*statements)


def _via_service(region: str) -> Document:
    return {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
