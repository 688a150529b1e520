"""The failover marker: the one object that moves the public name. Data plane of S3 in the DR region, nothing else."""

from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from cloud.s3_errors import code_of, worded
from cloud.session import client
from recovery.names import MARKER_KEY, MARKER_TEXT


class S3Marker:
    """The marker in `bucket` of `region`. Raises Unreachable or Refused, naming the bucket."""

    def __init__(self, bucket: str, region: str) -> None:
        self.bucket = bucket
        self.region = region

    @cached_property
    def _s3(self) -> Any:
        return client("s3", self.region, timeout=1.5, attempts=2)

    def present(self) -> bool:
        """Whether the object is there with the text that the health check looks for."""
        with worded(self, f"read {MARKER_KEY}"):
            try:
                body: bytes = self._s3.get_object(Bucket=self.bucket, Key=MARKER_KEY)["Body"].read(4096)
            except ClientError as error:
                if code_of(error) in ("NoSuchKey", "404"):
                    return False
                raise
        return MARKER_TEXT.encode() in body

    def put(self, run: str, epoch: int) -> None:
        """Write it; writing it again changes nothing that matters."""
        body = f"{MARKER_TEXT}\nepoch {epoch}\nrun {run}\n".encode()
        with worded(self, f"write {MARKER_KEY}"):
            self._s3.put_object(
                Bucket=self.bucket, Key=MARKER_KEY, Body=body, ContentType="text/plain", CacheControl="no-store"
            )


def fetch(bucket: str, key: str, region: str) -> bytes | None:
    """One small object; None when it is absent. Raises Unreachable or Refused like the marker."""
    place = S3Marker(bucket, region)
    s3 = client("s3", region, timeout=2.0, attempts=2)
    with worded(place, f"read {key}"):
        try:
            return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as error:
            if code_of(error) in ("NoSuchKey", "404"):
                return None
            raise
