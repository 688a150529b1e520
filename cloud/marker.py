"""The failover marker: the one object that moves the public name. Data plane of S3 in the DR region, nothing else."""

from typing import Any

from botocore.exceptions import ClientError

from cloud.s3_errors import ADVICE, Advice, code_of, worded
from cloud.session import client
from recovery.names import MARKER_KEY, MARKER_TEXT


class SmallObjects:
    """Reads from `bucket` of `region`. Raises Unreachable or Refused, naming the bucket, with `advice` where given."""

    def __init__(self, bucket: str, region: str, advice: Advice = ADVICE) -> None:
        self.bucket = bucket
        self.region = region
        self._advice = advice
        # Made here and not on first use: clients are used by many threads, but must be made by one.
        self._s3: Any = client("s3", region, timeout=1.5, attempts=2)

    def fetch(self, key: str) -> bytes | None:
        """Another small object of this bucket; None when it is absent."""
        with worded(self, f"read {key}", self._advice):
            try:
                return bytes(self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
            except ClientError as error:
                if code_of(error) in ("NoSuchKey", "404"):
                    return None
                raise


class S3Marker(SmallObjects):
    """The marker in the bucket that Route 53's checkers read."""

    def present(self) -> bool:
        """Whether the object is there with the text that the health check looks for."""
        return MARKER_TEXT.encode() in (self.fetch(MARKER_KEY) or b"")

    def put(self, run: str, epoch: int) -> None:
        """Write it; writing it again changes nothing that matters."""
        body = f"{MARKER_TEXT}\nepoch {epoch}\nrun {run}\n".encode()
        with worded(self, f"write {MARKER_KEY}", self._advice):
            self._s3.put_object(
                Bucket=self.bucket, Key=MARKER_KEY, Body=body, ContentType="text/plain", CacheControl="no-store"
            )


def fetch(bucket: str, key: str, region: str, advice: Advice = ADVICE) -> bytes | None:
    """One small object; None when it is absent. Raises Unreachable or Refused like the marker."""
    return SmallObjects(bucket, region, advice).fetch(key)
