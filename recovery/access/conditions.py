"""Conditions of permissions: which items, which locks, through which service. Pure functions."""

from recovery.access.documents import Document
from recovery.names import Names
from recovery.plan.plan import SITES, SiteName

LOCK_DAYS = "s3:object-lock-remaining-retention-days"


def only_items(*keys: str) -> Document:
    """Condition: these items of the control table and no others."""
    return {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [*keys]}}


def from_cluster(cluster: str, *, other: bool = False) -> Document:
    """Condition: asked by a Pod of this EKS cluster (`other`: of any but this one), by the tags of its session.

    https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html
    """
    return {"StringNotEquals" if other else "StringEquals": {"aws:PrincipalTag/eks-cluster-name": cluster}}


def only_metrics(namespace: str) -> Document:
    """Condition: metrics of this namespace and no others, least of all AWS's own."""
    return {"StringEquals": {"cloudwatch:namespace": namespace}}


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


def sealing(dataset: str) -> Document:
    """Condition: the key is used for what is sealed in copies of `dataset`, which says so in what is bound to it.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-encryption-context
    """
    return {"StringEquals": {"kms:EncryptionContext:dataset": dataset}}


def all_of(*conditions: Document) -> Document:
    """Condition: every one of these, which may use the same operator."""
    found: Document = {}
    for each in conditions:
        for operator, keys in each.items():
            found[operator] = {**found.get(operator, {}), **keys}
    return found
