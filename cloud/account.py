"""What an account really holds: buckets, keys, the control table, Pod identities, what IAM's simulator says.

Reads only. For `dr check account`; the AWS managed policy SecurityAudit is enough for it.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cloud.session import client
from recovery.errors import Refused, Unreachable

# What S3 answers for a setting that was never made.
_NOT_SET = (
    "NoSuchBucketPolicy",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "ObjectLockConfigurationNotFoundError",
    "OwnershipControlsNotFoundError",
    "ReplicationConfigurationNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
)
_GLOBAL = "us-east-1"  # where IAM is


class Account:
    """One account, as these credentials see it. Every method raises Refused or Unreachable in words."""

    def bucket_setting(self, bucket: str, region: str, operation: str) -> dict[str, Any]:
        """The answer of a `get_bucket_…` operation; empty where there is no such setting."""
        with _worded(f"read {operation.removeprefix('get_')} of {bucket}", region):
            try:
                answer = getattr(client("s3", region), operation)(Bucket=bucket)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in _NOT_SET:
                    return {}
                raise
        answer.pop("ResponseMetadata", None)
        return answer

    def buckets(self) -> frozenset[str]:
        """The names of all buckets of the account."""
        with _worded("list the account's buckets", _GLOBAL):
            return frozenset(each["Name"] for each in client("s3", _GLOBAL).list_buckets()["Buckets"])

    def key(self, arn: str, region: str) -> dict[str, Any]:
        """What describes a KMS key, with its `Policy`, and `KeyRotationEnabled` while it is enabled."""
        kms = client("kms", region)
        with _worded(f"describe key {arn}", region):
            found = kms.describe_key(KeyId=arn)["KeyMetadata"]
            policy = kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
            if found["KeyState"] != "Enabled":
                return {**found, "Policy": policy}
            rotated = kms.get_key_rotation_status(KeyId=arn)["KeyRotationEnabled"]
        return {**found, "Policy": policy, "KeyRotationEnabled": rotated}

    def table(self, name: str, region: str) -> dict[str, Any]:
        """The replica of a DynamoDB table in `region`, with `PointInTimeRecoveryStatus` beside what describes it."""
        dynamodb = client("dynamodb", region)
        with _worded(f"describe table {name}", region):
            found = dynamodb.describe_table(TableName=name)["Table"]
            backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        recovery = backups.get("PointInTimeRecoveryDescription", {})
        return {**found, "PointInTimeRecoveryStatus": recovery.get("PointInTimeRecoveryStatus", "DISABLED")}

    def pod_identities(self, cluster: str, region: str) -> dict[str, str]:
        """namespace/service account → ARN of the role that its Pods get."""
        eks = client("eks", region)
        with _worded(f"list the Pod identities of cluster {cluster}", region):
            pages = eks.get_paginator("list_pod_identity_associations").paginate(clusterName=cluster)
            ids = [each["associationId"] for page in pages for each in page["associations"]]
            found = [
                eks.describe_pod_identity_association(clusterName=cluster, associationId=each)["association"]
                for each in ids
            ]
        return {f"{each['namespace']}/{each['serviceAccount']}": each["roleArn"] for each in found}

    def trust(self, role_arn: str) -> dict[str, Any]:
        """Who may take a role: its trust policy; empty where there is no such role."""
        iam = client("iam", _GLOBAL)
        with _worded(f"read who may take {role_arn}", _GLOBAL):
            try:
                role = iam.get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
            except iam.exceptions.NoSuchEntityException:
                return {}
        return dict(role["AssumeRolePolicyDocument"])

    def simulate(
        self, role_arn: str, actions: Sequence[str], resource: str, context: Mapping[str, str]
    ) -> dict[str, bool]:
        """action → whether the role's own policies allow it, as IAM's simulator says."""
        entries = [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": _kind_of(key)}
            for key, value in context.items()
        ]
        with _worded(f"simulate what {role_arn} may do", _GLOBAL):
            pages = client("iam", _GLOBAL).get_paginator("simulate_principal_policy")
            answers = pages.paginate(
                PolicySourceArn=role_arn, ActionNames=list(actions), ResourceArns=[resource], ContextEntries=entries
            )
            return {
                each["EvalActionName"]: each["EvalDecision"] == "allowed"
                for page in answers
                for each in page["EvaluationResults"]
            }


def _kind_of(key: str) -> str:
    """The type of a condition key's value, which the simulator must be told."""
    if key.endswith("retention-days"):
        return "numeric"
    return "stringList" if key == "dynamodb:LeadingKeys" else "string"


@contextlib.contextmanager
def _worded(doing: str, region: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        said = error.response.get("Error", {})
        raise Refused(
            f"AWS refused to {doing} in {region}: {said.get('Code', '')}: {said.get('Message', '')}",
            next_step="see that it was applied, and use credentials that may read it (AWS's policy SecurityAudit)",
        ) from None
    except BotoCoreError as error:
        raise Unreachable(
            f"{region} did not answer the request to {doing}: {error}",
            next_step="check credentials and the network path to the region, and run it again",
        ) from None
