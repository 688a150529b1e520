"""boto3 clients as a process at some place would make them."""

import threading
import uuid
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from lab.aws.site import PLACE_REGIONS, Aws

# A busy machine may take seconds to load one of moto's backends.
PATIENT_SECONDS = 30.0
_MAKING = threading.Lock()


@cache
def _session() -> boto3.Session:
    """One for all clients: a session reads the services' descriptions anew, a fifth of a second of CPU a client."""
    return boto3.Session()


def client(
    aws: Aws,
    service: str,
    place: str,
    region: str | None = None,
    endpoint: str | None = None,
    read_timeout: float = PATIENT_SECONDS,
) -> Any:
    """One attempt per call, since tests count attempts; `read_timeout` in seconds."""
    return made(
        service,
        endpoint or aws.endpoint(place),
        region or PLACE_REGIONS[place],
        ("lab", "lab", None),
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=read_timeout),
    )


def made(
    service: str,
    endpoint: str,
    region: str,
    credentials: tuple[str, str, str | None],
    *,
    config: Config | None = None,
) -> Any:
    """A client with this key, its secret and a token. Made one at a time: the session is not for threads."""
    key, secret, token = credentials
    with _MAKING:
        return _session().client(
            service,  # type: ignore[call-overload]
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=config,
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


def destroy_bucket(s3: Any, bucket: str) -> None:
    """With all its versions, delete markers and open uploads, locked ones too."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            named = {"Bucket": bucket, "Key": each["Key"], "VersionId": each["VersionId"]}
            s3.delete_object(**named, BypassGovernanceRetention=True)
    for upload in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", ()):
        s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    s3.delete_bucket(Bucket=bucket)
