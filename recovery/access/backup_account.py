"""What production's account may do with copies in an account of their own. Pure functions.

Across accounts both sides must allow a call: the role's own policy, and the bucket's or key's.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
So the bucket says again what the roles' policies say, derived from them, and an administrator of production without
such a role gets nothing.
"""

from recovery.access.conditions import all_of, sealing, through_s3
from recovery.access.documents import Document, Statement, bucket_arn
from recovery.access.duties import duty_policies
from recovery.access.duties.scope import SEALED
from recovery.access.replication import replication_policy
from recovery.names import BUNDLE_KEY, Names
from recovery.plan.plan import SITES

# Which of a bucket's objects a role may touch does not depend on keys.
_ANY_KEY = "-"
# What is hidden ends when its older versions do: nobody of production does that there, and the pruner of those copies
# has to be that account's own.
_HIDES = "s3:DeleteObject"


def bucket_grants(names: Names, bucket: str) -> list[Statement]:
    """Statements for the policy of `bucket`; none unless it is in the backup account."""
    if not names.apart or bucket not in (names.backup_bucket("dr"), names.assets_bucket):
        return []
    found = [
        _grant(names, duty, statement, resources)
        for duty, policy in _policies(names).items()
        for statement in policy["Statement"]
        if (resources := [each for each in statement["Resource"] if _within(each, bucket)])
        and _HIDES not in statement["Action"]
    ]
    if bucket == names.backup_bucket("dr"):
        found.append(_bundle(names, bucket))
    return found


def key_grants(names: Names) -> list[Statement]:
    """Statements for the policy of the backup account's key: production uses it through S3, where the bucket's policy
    says who, and for what is sealed; its IAM decides the rest."""
    if not names.apart:
        return []
    return [
        _sealed(names, "exporter", "kms:GenerateDataKey"),
        _sealed(names, "restorer", "kms:Decrypt"),
        {
            "Sid": "ProductionThroughS3",
            "Effect": "Allow",
            "Principal": _production(names),
            "Action": ["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"],
            "Resource": "*",
            "Condition": through_s3(names, "dr"),
        },
    ]


def _sealed(names: Names, duty: str, action: str) -> Statement:
    """What is sealed is not S3's affair, so here the key's policy says who."""
    return {
        "Sid": f"{duty.capitalize()}OfSealed",
        "Effect": "Allow",
        "Principal": _production(names),
        "Action": [action],
        "Resource": "*",
        "Condition": all_of(sealing(SEALED), {"ArnEquals": {"aws:PrincipalArn": names.role_arn(duty)}}),
    }


def _policies(names: Names) -> dict[str, Document]:
    """By duty, S3's own copying included. Replicas belong to the account whose bucket enforces its ownership, so no
    permission to override the owner is asked for:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-change-owner.html"""
    copying = {"replication": names.backup_bucket("dr"), "assets-replication": names.assets_bucket}
    return {
        **duty_policies(names, dict.fromkeys(SITES, _ANY_KEY)),
        **{
            duty: replication_policy(names, _ANY_KEY, bucket, source_key="", destination_key=_ANY_KEY)
            for duty, bucket in copying.items()
        },
    }


def _grant(names: Names, duty: str, statement: Statement, resources: list[str]) -> Statement:
    """The account's root as principal, and the role in a condition: a role named as principal is stored by its id, and
    one that is made again under the same name would be let in no more.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles"""
    condition = {**statement.get("Condition", {}), "ArnEquals": {"aws:PrincipalArn": names.role_arn(duty)}}
    return {
        "Sid": "".join(part.capitalize() for part in duty.split("-")) + statement["Sid"],
        "Effect": "Allow",
        "Principal": _production(names),
        "Action": statement["Action"],
        "Resource": resources,
        "Condition": condition,
    }


def _bundle(names: Names, bucket: str) -> Statement:
    """The dr stack writes the bundle, under whatever identity production's account lets bring it up."""
    return {
        "Sid": "BundleByItsStack",
        "Effect": "Allow",
        "Principal": _production(names),
        "Action": ["s3:GetObject", "s3:GetObjectTagging", "s3:PutObject"],
        "Resource": [bucket_arn(bucket, BUNDLE_KEY)],
    }


def _production(names: Names) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{names.account}:root"}


def _within(resource: str, bucket: str) -> bool:
    return resource == bucket_arn(bucket) or resource.startswith(bucket_arn(bucket, "") + "/")
