"""boto3 clients as a process at some place would make them."""

import uuid
from typing import Any

import boto3
from botocore.config import Config

from lab.aws.site import PLACE_REGIONS, Aws

# A busy machine may take seconds to load one of moto's backends.
PATIENT_SECONDS = 30.0


def client(
    aws: Aws,
    service: str,
    place: str,
    region: str | None = None,
    endpoint: str | None = None,
    read_timeout: float = PATIENT_SECONDS,
) -> Any:
    """One attempt per call, since tests count attempts; `read_timeout` in seconds."""
    return boto3.Session().client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint or aws.endpoint(place),
        region_name=region or PLACE_REGIONS[place],
        aws_access_key_id="lab",
        aws_secret_access_key="lab",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=read_timeout),
    )


def unique(stem: str) -> str:
    """A name no other test uses."""
    return f"{stem}-{uuid.uuid4().hex[:10]}"


def make_bucket(s3: Any, stem: str, region: str, *, locked: bool = False) -> str:
    """A versioned bucket in `region`; returns its name."""
    name = unique(stem)
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked, **place)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name
