"""What IAM documents are made of: statements and resources. Pure functions.

No action and no bucket is a wildcard.
"""

from typing import Any

from recovery.names import Names
from recovery.plan.plan import SITES

Document = dict[str, Any]
Statement = dict[str, Any]
LEASE_ITEM = "lease"


def document(*statements: Statement) -> Document:
    """A policy document in the current policy language."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(sid: str, actions: list[str], resources: list[str], condition: Document | None = None) -> Statement:
    """One Allow statement of a role's policy."""
    statement: Statement = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
    return statement if condition is None else {**statement, "Condition": condition}


def bucket_arn(bucket: str, key: str = "") -> str:
    """The ARN of a bucket, or of a key in it."""
    return f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"


def table_arns(names: Names) -> list[str]:
    """The control table in both regions that hold a replica: either may have to answer for the other."""
    regions = [names.plan.site(site).region for site in SITES]
    return [f"arn:aws:dynamodb:{region}:{names.account}:table/{names.control_table}" for region in regions]


def cluster_arn(region: str, account: str, cluster: str) -> str:
    """The ARN of an EKS cluster."""
    return f"arn:aws:eks:{region}:{account}:cluster/{cluster}"


def dr_cluster_arn(names: Names) -> str:
    """The ARN of the DR site's cluster."""
    return cluster_arn(names.plan.sites.dr.region, names.account, names.dr_cluster)
