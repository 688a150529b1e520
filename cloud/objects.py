"""One S3 bucket behind the ObjectStore port: streamed multipart uploads, conditional writes, reads that resume."""

import contextlib
import hashlib
import random
import time
from base64 import b64encode
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError

from cloud.s3_errors import code_of, was_retried, worded
from cloud.session import client
from recovery.errors import Corrupt, Failed, Refused
from recovery.ports import StoredObject

MIN_PART_BYTES = 8 * 1024 * 1024
_GROWTH = 1250  # part size >= offset / 1250: 8 MiB parts up to 10 GiB; the 10,000th part ends beyond 10 TiB
_IN_FLIGHT = 2  # parts being sent while the next one fills: at most three parts in memory
_CHUNK = 1024 * 1024
_READ_ATTEMPTS = 6  # without a single byte of progress between them
_Parts = list[dict[str, Any]]  # named here: inside the class, `list` is a method
_PRECONDITION = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}


class S3Bucket:
    """`bucket` in `region`. `lock_mode` is the Object Lock mode of everything written with a retention.

    Every method raises Unreachable when S3 does not answer and Refused when it says no (no such bucket, access
    denied, another region), each naming the bucket.
    """

    def __init__(self, bucket: str, region: str, *, lock_mode: str = "GOVERNANCE") -> None:
        self.bucket = bucket
        self.region = region
        self._lock_mode = lock_mode
        self._quick = client("s3", region, timeout=5, attempts=4)
        # For long transfers: patient with a slow answer, and retried by part (fault 40).
        self._bulk = client("s3", region, timeout=60, attempts=6)

    def put_stream(self, key: str, chunks: Iterable[bytes], *, retain_until: datetime | None) -> None:
        """Upload what `chunks` yields. The upload is opened before the first chunk is asked for, and aborted when
        anything raises; a killed process leaves an unfinished upload, which is no object and which lifecycle ends.

        The store checks a SHA-256 of each part. Raises Failed when there are no bytes at all.
        """
        with worded(self, f"write {key}"):
            upload = self._quick.create_multipart_upload(
                Bucket=self.bucket, Key=key, ChecksumAlgorithm="SHA256", **self._retention(retain_until)
            )["UploadId"]
        try:
            parts = self._send_parts(key, upload, chunks)
            self._complete(key, upload, parts)
        except BaseException:
            # Best effort: what stays behind is invisible, and the bucket's lifecycle ends unfinished uploads.
            with contextlib.suppress(ClientError, BotoCoreError):
                self._quick.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload)
            raise

    def put_once(self, key: str, body: bytes, *, retain_until: datetime | None) -> None:
        """Write `key` if it is absent. Raises Refused when it exists."""
        if not self._put_if(key, body, {"IfNoneMatch": "*"}, self._retention(retain_until)):
            raise Refused(
                f"{key} already exists in bucket {self.bucket}; it is written once and never replaced",
                next_step="run the command again, which uses a new name",
            )

    def get(self, key: str) -> tuple[bytes, str] | None:
        """Content and ETag of a small object, None when absent."""
        with worded(self, f"read {key}"):
            try:
                answer = self._quick.get_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                if code_of(error) in ("NoSuchKey", "404"):
                    return None
                raise
            return answer["Body"].read(), answer["ETag"]

    def replace(self, key: str, body: bytes, *, etag: str | None) -> bool:
        """Write if the ETag is still the one seen (None: still absent); False when somebody else was faster."""
        return self._put_if(key, body, {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}, {})

    def stream(self, key: str) -> Iterator[bytes]:
        """Content in chunks; a broken connection is resumed where it broke, on the same version of the object.

        Raises Corrupt when `key` is absent, Failed when it was replaced meanwhile.
        """
        offset, size, etag, failures = 0, -1, "", 0
        while offset != size:
            resume = {"Range": f"bytes={offset}-", "IfMatch": etag} if offset else {}
            try:
                answer = self._bulk.get_object(Bucket=self.bucket, Key=key, **resume)
                if not offset:
                    size, etag = answer["ContentLength"], answer["ETag"]
                for chunk in answer["Body"].iter_chunks(_CHUNK):
                    offset += len(chunk)
                    failures = 0
                    yield chunk
            except (ClientError, FlexibleChecksumError) as error:
                raise self._lost(key, error) from None
            except BotoCoreError as error:
                failures += 1
                if failures == _READ_ATTEMPTS:
                    with worded(self, f"read {key} beyond byte {offset:,}"):
                        raise error from None
                _back_off(failures)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object under `prefix`, in key order, a page of 1,000 at a time."""
        with worded(self, f"list {prefix}"):
            for page in self._quick.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                for item in page.get("Contents", ()):
                    yield StoredObject(
                        key=item["Key"], bytes=item["Size"], etag=item["ETag"], modified=item["LastModified"]
                    )

    def _retention(self, until: datetime | None) -> dict[str, Any]:
        return {} if until is None else {"ObjectLockMode": self._lock_mode, "ObjectLockRetainUntilDate": until}

    def _send_parts(self, key: str, upload: str, chunks: Iterable[bytes]) -> _Parts:
        """Part descriptions in order. Raises Failed when there is none.

        Leaving the pool waits for parts in flight, so that an abort misses none.
        """
        done: _Parts = []
        waiting: deque[Future[dict[str, Any]]] = deque()
        with ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix="s3-part") as pool:
            for number, body in enumerate(cut(chunks), 1):
                if len(waiting) == _IN_FLIGHT:
                    done.append(waiting.popleft().result())
                waiting.append(pool.submit(self._send_part, key, upload, number, body))
            done.extend(part.result() for part in waiting)
        if not done:
            raise Failed(f"nothing to store as {key}: the source was empty", next_step="look at the source's log")
        return done

    def _send_part(self, key: str, upload: str, number: int, body: bytearray) -> dict[str, Any]:
        digest = b64encode(hashlib.sha256(body).digest()).decode()
        with worded(self, f"write part {number} of {key}"):
            answer = self._bulk.upload_part(
                Bucket=self.bucket, Key=key, UploadId=upload, PartNumber=number, Body=body, ChecksumSHA256=digest
            )
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": digest}

    def _complete(self, key: str, upload: str, parts: _Parts) -> None:
        with worded(self, f"complete {key}"):
            try:
                self._bulk.complete_multipart_upload(
                    Bucket=self.bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
                )
            except ClientError as error:
                # The first try's answer was lost and the second finds no upload: the object's presence settles it.
                if code_of(error) != "NoSuchUpload" or not was_retried(error):
                    raise
                self._quick.head_object(Bucket=self.bucket, Key=key)

    def _put_if(self, key: str, body: bytes, condition: dict[str, str], extra: dict[str, Any]) -> bool:
        with worded(self, f"write {key}"):
            try:
                self._quick.put_object(
                    Bucket=self.bucket, Key=key, Body=body, ChecksumAlgorithm="SHA256", **condition, **extra
                )
            except ClientError as error:
                if code_of(error) not in _PRECONDITION | {"NoSuchKey"}:
                    raise
                # A retried write may have been refused because of its own first try.
                return was_retried(error) and (self.get(key) or (b"", ""))[0] == body
        return True

    def _lost(self, key: str, error: ClientError | FlexibleChecksumError) -> Exception:
        if isinstance(error, FlexibleChecksumError):
            return Corrupt(f"{key} in bucket {self.bucket} does not match its stored checksum: {error}")
        if code_of(error) in ("NoSuchKey", "404"):
            return Corrupt(
                f"{key} is missing from bucket {self.bucket}",
                next_step="use another backup (`dr backups`); its noncurrent versions may still hold this object",
            )
        if code_of(error) in _PRECONDITION:
            return Failed(f"{key} in bucket {self.bucket} was replaced while it was read", next_step="run it again")
        try:
            with worded(self, f"read {key}"):
                raise error
        except (Refused, Failed) as wording:
            return wording


def part_size(offset: int) -> int:
    """Least bytes of the part that starts at `offset`: it grows, so that 10,000 parts are enough for any object.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
    """
    return max(MIN_PART_BYTES, offset // _GROWTH)


def cut(chunks: Iterable[bytes]) -> Iterator[bytearray]:
    """Gather chunks into parts of `part_size`; a chunk is copied once and never split."""
    offset, part = 0, bytearray()
    for chunk in chunks:
        part += chunk
        if len(part) >= part_size(offset):
            offset += len(part)
            yield part
            part = bytearray()
    if part:
        yield part


def _back_off(failures: int) -> None:
    """Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/"""
    time.sleep(random.uniform(0, min(5.0, 0.2 * 2**failures)))  # noqa: S311  (not a secret)
