"""What to ask IAM's simulator about a duty: calls that its role must be allowed, and calls that it must not.

The simulator knows the policies of the role itself and nothing of a bucket's or a key's:
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from recovery.access.conditions import LOCK_DAYS
from recovery.access.documents import Document, Statement, bucket_arn
from recovery.names import Names
from recovery.plan.plan import SITES

# What ends copies, opens their locks, or widens what somebody may do. No duty has any of it.
NEVER_ON_COPIES = ("s3:DeleteObjectVersion", "s3:BypassGovernanceRetention")
NEVER_ON_BUCKETS = (
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:PutLifecycleConfiguration",
    "s3:PutBucketVersioning",
    "s3:PutBucketObjectLockConfiguration",
)
NEVER_ANYWHERE = (
    "kms:ScheduleKeyDeletion",
    "kms:DisableKey",
    "iam:PutRolePolicy",
    "iam:AttachRolePolicy",
    "iam:UpdateAssumeRolePolicy",
    "dynamodb:DeleteTable",
)


@dataclass(frozen=True, kw_only=True)
class Question:
    """May a role do `actions` on `resource`, in this `context` (condition key → value)? All of them have one answer."""

    actions: tuple[str, ...]
    resource: str
    allowed: bool
    context: Mapping[str, str] = field(default_factory=dict[str, str])


def questions(names: Names, permission: Document) -> Iterator[Question]:
    """Every call that `permission` allows, one for each resource; those that are never allowed; and each bound of a
    lock, passed by a day."""
    for statement in permission["Statement"]:
        context = _meeting(statement)
        for resource in statement["Resource"]:
            actions, asked = tuple(statement["Action"]), _one_of(resource)
            yield Question(actions=actions, resource=asked, allowed=True, context=context)
            if LOCK_DAYS in context:
                beyond = {**context, LOCK_DAYS: str(int(context[LOCK_DAYS]) + 1)}
                yield Question(actions=actions, resource=asked, allowed=False, context=beyond)
    for site in SITES:
        bucket = names.backup_bucket(site)
        yield Question(actions=NEVER_ON_BUCKETS, resource=bucket_arn(bucket), allowed=False)
        yield Question(actions=NEVER_ON_COPIES, resource=bucket_arn(bucket, "postgres/full/example"), allowed=False)
    yield Question(actions=NEVER_ANYWHERE, resource="*", allowed=False)


def _meeting(statement: Statement) -> dict[str, str]:
    """A context that meets the statement's condition: of every list the first value, of a bound the bound itself, and
    something else than what is excluded."""
    return {
        key: "example" if operator == "StringNotEquals" else wanted[0] if isinstance(wanted, list) else wanted
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    }


def _one_of(resource: str) -> str:
    """A resource that the pattern covers."""
    return resource.replace("*", "example") if resource != "*" else resource
