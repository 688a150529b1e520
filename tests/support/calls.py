"""What code really asks of AWS, as IAM sees it: action, resource and context of each call of this process."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

# To S3 a HEAD is a read, and a request without a version id asks for the newest.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_ACTIONS = {
    "HeadObject": "GetObject",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
}


@dataclass(frozen=True)
class Call:
    """One permission that a call needs. `context` has the condition keys that our policies know."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict[str, str])


@contextmanager
def recorded(account: str) -> Iterator[list[Call]]:
    """Every call to S3 and DynamoDB in `account`; who they are made as is STS's to say and is left out."""
    found: list[Call] = []
    real = BaseClient._make_api_call  # type: ignore[attr-defined]  # pyright: ignore[reportPrivateUsage]

    def record(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        service, region = client.meta.service_model.service_name, client.meta.region_name
        if service == "s3":
            found.extend(_s3(operation, parameters))
        elif service == "dynamodb":
            table = f"arn:aws:dynamodb:{region}:{account}:table/{parameters['TableName']}"
            key = (parameters.get("Key") or parameters["Item"])["pk"]["S"]
            found.append(Call(f"dynamodb:{operation}", table, {"dynamodb:LeadingKeys": key}))
        return real(client, operation, parameters)

    with patch.object(BaseClient, "_make_api_call", record):
        yield found


def _s3(operation: str, parameters: dict[str, Any]) -> Iterator[Call]:
    bucket = f"arn:aws:s3:::{parameters['Bucket']}"
    if "Key" not in parameters:
        prefix = {"s3:prefix": parameters["Prefix"]} if "Prefix" in parameters else {}
        yield Call(f"s3:{_ACTIONS.get(operation, operation)}", bucket, prefix)
        return
    resource = f"{bucket}/{parameters['Key']}"
    yield Call(f"s3:{_ACTIONS.get(operation, operation)}", resource)
    if operation == "GetObject":
        yield Call("s3:ListBucket", bucket)  # or an absent one is answered with 403
