"""Who may do what: IAM role policies as pure functions, one per duty. Every statement says why it is there.

No action and no bucket is a wildcard. Bucket and key policies are in `recovery.bucket_policies`, duties on copies
that exist in `recovery.copy_policies`.
"""

from dataclasses import dataclass
from typing import Any

from recovery.names import BUNDLE_KEY, MARKER_KEY, POINTERS, Names
from recovery.plan import SITES, SiteName
from recovery.retention import lock_bound_days

Document = dict[str, Any]
Statement = dict[str, Any]
BACKUPS = "postgres/"
LEASE_ITEM = "lease"
LOCK_DAYS = "s3:object-lock-remaining-retention-days"
_MFA_AGE_SECONDS = 3600


def document(*statements: Statement) -> Document:
    """A policy document in the current policy language."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(sid: str, actions: list[str], resources: list[str], condition: Document | None = None) -> Statement:
    """One Allow statement of a role's policy."""
    statement: Statement = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
    return statement if condition is None else {**statement, "Condition": condition}


@dataclass(frozen=True, kw_only=True)
class ServiceAccount:
    """A Kubernetes service account that may take a role by EKS Pod Identity."""

    cluster_arn: str
    namespace: str
    name: str


def bucket_arn(bucket: str, key: str = "") -> str:
    """The ARN of a bucket, or of a key in it."""
    return f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"


def table_arns(names: Names) -> list[str]:
    """The control table in both regions that hold a replica: either may have to answer for the other."""
    regions = [names.plan.site(site).region for site in SITES]
    return [f"arn:aws:dynamodb:{region}:{names.account}:table/{names.control_table}" for region in regions]


def pod_identity_trust(names: Names, accounts: list[ServiceAccount], operators: list[str] | None = None) -> Document:
    """Trust for Pods of exactly these service accounts, and for named people who signed in with MFA.

    Session tags: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html. Without the tags any association
    in the account could hand the role to any Pod. One statement each, or lists would allow every combination.
    """
    statements: list[Statement] = [
        {
            "Sid": f"Pod{number}",
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:SourceAccount": names.account,
                    "aws:RequestTag/eks-cluster-arn": one.cluster_arn,
                    "aws:RequestTag/kubernetes-namespace": one.namespace,
                    "aws:RequestTag/kubernetes-service-account": one.name,
                }
            },
        }
        for number, one in enumerate(accounts)
    ]
    if operators:
        statements.append(people_trust(operators, names))
    return document(*statements)


def people_trust(principals: list[str], names: Names) -> Statement:
    """Trust for people, who must have signed in with MFA within the hour: a session's credentials live for up to 36.
    Asked for in a site's region: there stand the alarms, and a call is an event of the region that answered it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html
    """
    return {
        "Sid": "PeopleWithMfa",
        "Effect": "Allow",
        "Principal": {"AWS": principals},
        "Action": ["sts:AssumeRole"],
        "Condition": {
            "Bool": {"aws:MultiFactorAuthPresent": "true"},
            "NumericLessThan": {"aws:MultiFactorAuthAge": str(_MFA_AGE_SECONDS)},
            "StringEquals": {"aws:RequestedRegion": [names.plan.site(site).region for site in SITES]},
        },
    }


def service_trust(service: str, account: str, source_arn: str) -> Document:
    """Trust for an AWS service acting for one resource of ours, not for somebody else's (confused deputy)."""
    condition = {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": source_arn}}
    return document(
        {
            "Sid": "OneSource",
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": ["sts:AssumeRole"],
            "Condition": condition,
        }
    )


def writer_policy(names: Names, key_arns: list[str]) -> Document:
    """Backups: put new objects under the datasets' prefixes; neither delete nor shorten anything."""
    buckets = [names.backup_bucket(site) for site in SITES]
    copies = [bucket_arn(bucket, f"{BACKUPS}*") for bucket in buckets]
    pointers = [bucket_arn(bucket, f"{POINTERS}*") for bucket in buckets]
    return document(
        # An upload that failed is aborted. Retention is set with the upload.
        allow("WriteCopies", ["s3:PutObject", "s3:AbortMultipartUpload"], copies),
        allow("LockCopies", ["s3:PutObjectRetention"], copies, locked_for(lock_bound_days(names.plan, BACKUPS))),
        # Settles a write whose answer was lost. Whoever has this role reads the database itself anyway.
        allow("SettleWrites", ["s3:GetObject"], copies),
        # `latest` is moved by compare and swap: read, then conditional put. It carries no lock.
        allow("MovePointers", ["s3:GetObject", "s3:PutObject"], pointers),
        # Without it S3 answers 403 instead of 404 for a pointer that does not exist yet.
        allow("TellAbsent", ["s3:ListBucket"], [bucket_arn(bucket) for bucket in buckets]),
        # A multipart upload encrypts each part and decrypts them when it is completed.
        allow("EncryptThroughS3", ["kms:GenerateDataKey", "kms:Decrypt"], key_arns, through_s3(names)),
        # A site that no longer holds the lease must not write copies (fault 68).
        allow("ReadLease", ["dynamodb:GetItem"], table_arns(names), only_items(LEASE_ITEM)),
    )


def guard_policy(names: Names) -> Document:
    """The guard: renew the lease and record the fence. It cannot delete the item; that it makes none, which UpdateItem
    could, is a condition of every request of ours (`cloud.lease_store`)."""
    return document(
        allow("RenewLease", ["dynamodb:GetItem", "dynamodb:UpdateItem"], table_arns(names), only_items(LEASE_ITEM))
    )


def promoter_policy(names: Names, key_arns: list[str]) -> Document:
    """Promotion: lease and journal, the marker, what a forecast reads. Scaling is Kubernetes' RBAC."""
    items = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    dr_bucket = names.backup_bucket("dr")
    readable = [bucket_arn(dr_bucket, key) for key in (BUNDLE_KEY, f"{BACKUPS}*", f"{POINTERS}*")]
    cluster = f"arn:aws:eks:{names.plan.sites.dr.region}:{names.account}:cluster/{names.dr_cluster}"
    return document(
        # Take the lease, keep the journal, release the run's claim.
        allow("LeaseAndJournal", items, table_arns(names)),
        # Put the marker and see that it is there; taking it away is failback, another duty.
        allow("Marker", ["s3:GetObject", "s3:PutObject"], [bucket_arn(names.marker_bucket, MARKER_KEY)]),
        # The bundle and the catalog are all that a promotion reads of the copies.
        allow("ReadBundleAndCatalog", ["s3:GetObject"], readable),
        allow("TellAbsent", ["s3:ListBucket"], [bucket_arn(dr_bucket), bucket_arn(names.marker_bucket)]),
        allow("DecryptThroughS3", ["kms:Decrypt"], key_arns, through_s3(names)),
        # To find the DR cluster's endpoint when the bundle is not at hand.
        allow("FindCluster", ["eks:DescribeCluster"], [cluster]),
    )


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


def only_items(key: str) -> Document:
    """Condition: these items of the control table and no others."""
    return {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [key]}}


def locked_for(days: int) -> Document:
    """Condition: no lock beyond what the plan sets. In COMPLIANCE mode nobody could end it, and somebody would
    pay for its storage for up to a hundred years.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html#object-lock-managing-retention-limits
    """
    return {"NumericLessThanEquals": {LOCK_DAYS: str(days)}}


def through_s3(names: Names, *sites: SiteName) -> Document:
    """Condition: the key is used by S3 in these sites' regions (both, when none is named), never directly."""
    services = [f"s3.{names.plan.site(site).region}.amazonaws.com" for site in sites or SITES]
    return {"StringEquals": {"kms:ViaService": services}}


def _via_service(region: str) -> Document:
    return {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
