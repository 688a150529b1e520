"""One S3 bucket behind the ObjectStore port: streamed multipart uploads, conditional writes, reads that resume."""

import contextlib
import hashlib
import random
import time
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError

from cloud.s3_errors import code_of, was_retried, worded
from cloud.session import client
from recovery.copies.parts import MOST_PARTS, in_flight, part_size
from recovery.errors import Corrupt, Failed, Refused, Unreachable
from recovery.ports.buckets import HeldObject, HiddenObject, StoredObject, UnfinishedUpload

_SENDERS = 2
_CHUNK = 1024 * 1024
_READ_ATTEMPTS = 6  # without a single byte of progress between them
_Parts = list[dict[str, Any]]  # named here: inside the class, `list` is a method
_NO_LOCK = {
    "NoSuchObjectLockConfiguration",
    "ObjectLockConfigurationNotFoundError",
    "NoSuchKey",
    "NoSuchVersion",
    "404",
}
_PRECONDITION = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}


class S3Bucket:
    """`bucket` in `region`. `lock_mode` is the Object Lock mode of everything written with a retention; `patience`:
    seconds to wait for an answer that is not long, and how often it is asked for.

    Every method raises Unreachable when S3 does not answer and Refused when it says no (no such bucket, access
    denied, another region), each naming the bucket.
    """

    def __init__(
        self, bucket: str, region: str, *, lock_mode: str = "GOVERNANCE", patience: tuple[float, int] = (5, 4)
    ) -> None:
        self.bucket = bucket
        self.region = region
        self._lock_mode = lock_mode
        self._quick = client("s3", region, timeout=patience[0], attempts=patience[1])
        # For long transfers: patient with a slow answer, and retried by part (fault 40).
        # A part's SHA-256 is computed once: as its checksum, a signed header that S3 compares with the body.
        self._bulk = client("s3", region, timeout=60, attempts=6, payload_signed=False)

    def put_stream(self, key: str, chunks: Iterable[bytes], *, retain_until: datetime | None) -> None:
        """Upload what `chunks` yields. The upload is opened before the first chunk is asked for, and aborted when
        anything raises; a killed process leaves an unfinished upload, which is no object and which lifecycle ends.

        The store checks a SHA-256 of each part. Never holds more than `PARTS_IN_MEMORY_BYTES` of the stream. Raises
        Failed when there are no bytes at all, or more than one object can hold.
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

    def put_whole(self, key: str, body: bytearray, *, sha256: str, retain_until: datetime, over: bool = False) -> bool:
        """Write `key` in one request if it is absent, or with `over` a new version of it; False when it is there. S3
        compares the SHA-256 (hexadecimal) with what arrives and keeps it with the object."""
        condition = {} if over else {"IfNoneMatch": "*"}
        digest = b64encode(bytes.fromhex(sha256)).decode()
        with worded(self, f"write {key}"):
            try:
                self._bulk.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=body,
                    # Under a lock S3 wants the algorithm named as well as the sum.
                    ChecksumAlgorithm="SHA256",
                    ChecksumSHA256=digest,
                    **condition,
                    **self._retention(retain_until),
                )
            except ClientError as error:
                if code_of(error) not in _PRECONDITION:
                    raise
                return False
        return True

    def head(self, key: str) -> HeldObject | None:
        """What is under `key` now; a delete marker is nothing. Needs s3:GetObject and s3:GetObjectRetention."""
        with worded(self, f"look at {key}"):
            try:
                answer = self._quick.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
            except ClientError as error:
                if code_of(error) in ("NoSuchKey", "404"):
                    return None
                raise
        whole = answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
        digest = answer.get("ChecksumSHA256", "") if whole else ""
        return HeldObject(
            bytes=answer["ContentLength"],
            sha256=b64decode(digest).hex() if digest and "-" not in digest else "",
            locked_until=answer.get("ObjectLockRetainUntilDate"),
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

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        """Every object under `prefix` whose key is beyond `after`, in key order, a page of 1,000 at a time."""
        beyond = {"StartAfter": after} if after else {}
        with worded(self, f"list {prefix}"):
            pages = self._quick.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix, **beyond)
            for page in pages:
                for item in page.get("Contents", ()):
                    yield StoredObject(
                        key=item["Key"],
                        bytes=item["Size"],
                        etag=item["ETag"],
                        modified=item["LastModified"],
                        storage=item.get("StorageClass", "STANDARD"),
                    )

    def retrieval(self, key: str) -> Literal["none", "running", "done"]:
        """Whether a readable copy of an archived object was asked for, and is there.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html#AmazonS3-HeadObject-response-header-restore
        """
        with worded(self, f"look at {key}"):
            said = self._quick.head_object(Bucket=self.bucket, Key=key).get("Restore")
        return "none" if not said else "running" if 'ongoing-request="true"' in said else "done"

    def retrieve(self, key: str, *, days: int) -> None:
        """Ask for a readable copy that stays for `days`. Asking again while it comes is fine."""
        request = {"Days": days, "GlacierJobParameters": {"Tier": "Standard"}}
        with worded(self, f"retrieve {key} from its archive class"):
            try:
                self._quick.restore_object(Bucket=self.bucket, Key=key, RestoreRequest=request)
            except ClientError as error:
                if code_of(error) != "RestoreAlreadyInProgress":
                    raise

    def lock(self, key: str, until: datetime) -> None:
        """Lock an object that was stored without a lock. Doing it again with the same or a later moment is fine."""
        with worded(self, f"lock {key}"):
            self._quick.put_object_retention(
                Bucket=self.bucket,
                Key=key,
                Retention={"Mode": self._lock_mode, "RetainUntilDate": until},
                ChecksumAlgorithm="SHA256",
            )

    def hide(self, key: str) -> None:
        """Place a delete marker on `key`; its versions stay. Doing it again only places another one."""
        with worded(self, f"hide {key}"):
            self._quick.delete_object(Bucket=self.bucket, Key=key)

    def hidden(self, prefix: str) -> Iterator[HiddenObject]:
        """The newest version under each delete marker below `prefix`, in key order, a page of 1,000 at a time.

        Needs s3:ListBucketVersions.
        """
        marked: dict[str, datetime] = {}  # a page may end between a marker and what it hides
        with worded(self, f"list versions of {prefix}"):
            pages = self._quick.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix)
            for page in pages:
                for marker in page.get("DeleteMarkers", ()):
                    if marker["IsLatest"]:
                        marked[marker["Key"]] = marker["LastModified"]
                for item in page.get("Versions", ()):
                    if at := marked.pop(item["Key"], None):
                        yield HiddenObject(
                            key=item["Key"], version=item["VersionId"], modified=item["LastModified"], hidden=at
                        )

    def locked_until(self, key: str, version: str = "") -> datetime | None:
        """When the lock of this version, or else of the current one, ends; None when it has none, or has gone. Needs
        s3:GetObjectRetention."""
        named = {"VersionId": version} if version else {}
        with worded(self, f"read the lock of {key}"):
            try:
                answer = self._quick.get_object_retention(Bucket=self.bucket, Key=key, **named)
            except ClientError as error:
                if code_of(error) in _NO_LOCK:
                    return None
                raise
        return answer["Retention"].get("RetainUntilDate")

    def time(self) -> datetime:
        """S3's own clock, from the head of an answer."""
        with worded(self, "ask for the time"):
            answer = self._quick.list_objects_v2(Bucket=self.bucket, MaxKeys=1)
        try:
            return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        except (KeyError, TypeError, ValueError):
            raise Unreachable(
                f"what answers for bucket {self.bucket} does not say what time it is",
                next_step="look at what is between here and S3: S3 itself always says so",
            ) from None

    def unfinished(self, prefix: str) -> Iterator[UnfinishedUpload]:
        """Every multipart upload under `prefix` that is still open, in key order, a page of 1,000 at a time.

        Needs s3:ListBucketMultipartUploads, which s3:ListBucket does not include.
        """
        with worded(self, f"list unfinished uploads of {prefix}"):
            pages = self._quick.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=prefix)
            for page in pages:
                for item in page.get("Uploads", ()):
                    yield UnfinishedUpload(key=item["Key"], started=item["Initiated"])

    def _retention(self, until: datetime | None) -> dict[str, Any]:
        return {} if until is None else {"ObjectLockMode": self._lock_mode, "ObjectLockRetainUntilDate": until}

    def _send_parts(self, key: str, upload: str, chunks: Iterable[bytes]) -> _Parts:
        """Part descriptions in order. Raises Failed when there is none.

        Leaving the pool waits for parts in flight, so that an abort misses none.
        """
        done: _Parts = []
        waiting: deque[Future[dict[str, Any]]] = deque()
        with ThreadPoolExecutor(_SENDERS, thread_name_prefix="s3-part") as pool:
            for number, body in enumerate(cut(chunks), 1):
                if number > MOST_PARTS:
                    raise Failed(f"{key} is longer than the {MOST_PARTS:,} parts that S3 allows an object")
                while len(waiting) >= in_flight(len(body)):
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


def cut(chunks: Iterable[bytes]) -> Iterator[bytearray]:
    """Gather chunks into parts of exactly `part_size`; the last one is as long as it is.

    A part's memory is asked for once and never grows: growing keeps an eighth in reserve and, to move, both copies.
    """
    offset, filled, part = 0, 0, bytearray(part_size(0))
    for chunk in chunks:
        start = 0
        while start < len(chunk):
            count = min(len(chunk) - start, len(part) - filled)
            with memoryview(part) as target, memoryview(chunk) as source:
                target[filled : filled + count] = source[start : start + count]
            start, filled = start + count, filled + count
            if filled == len(part):
                yield part
                offset += filled
                part, filled = bytearray(part_size(offset)), 0
    if filled:
        del part[filled:]
        yield part


def _back_off(failures: int) -> None:
    """Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/"""
    time.sleep(random.uniform(0, min(5.0, 0.2 * 2**failures)))  # noqa: S311  (not a secret)
