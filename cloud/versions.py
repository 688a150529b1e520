"""An S3 bucket with its older versions, behind the VersionedBucket port: S3 copies, nothing passes through us."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError

from cloud.s3_errors import ADVICE, Advice, code_of, worded
from cloud.session import client
from recovery.copies.parts import MOST_PARTS
from recovery.errors import Unreachable
from recovery.ports.versions import Described, Version, VersionedBucket

CONNECTIONS = 64
_ONE_COPY_BYTES = 5 * 1024**3
"""What S3 copies at once: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""
_PART_BYTES, _PART_SENDERS = 512 * 1024**2, 4
_ADVICE: Advice = {
    **ADVICE,
    "no bucket": "name the bucket with --bucket and --region",
    "denied": "use a login that may do this here: docs/runbooks/assets-as-of.md lists the calls",
}
_PROPERTIES = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "ExpiresString",
    "WebsiteRedirectLocation",
    "TagCount",
)
_CHECKSUMS = ("ChecksumCRC64NVME", "ChecksumSHA256", "ChecksumSHA1", "ChecksumCRC32C", "ChecksumCRC32")
_GRANTS = {
    "READ": "GrantRead",
    "READ_ACP": "GrantReadACP",
    "WRITE_ACP": "GrantWriteACP",
    "FULL_CONTROL": "GrantFullControl",
}
_LISTED = re.compile(rb"<(Version|DeleteMarker)>")
_ORDER = "dr-order"


class S3Versions:
    """`bucket` in `region`. `one_copy_bytes` and `part_bytes` are S3's, smaller in tests. Every method raises
    Unreachable when S3 does not answer and Refused when it says no, naming the bucket."""

    def __init__(
        self, bucket: str, region: str, *, one_copy_bytes: int = _ONE_COPY_BYTES, part_bytes: int = _PART_BYTES
    ) -> None:
        self.bucket, self.region = bucket, region
        self._one_copy_bytes, self._part_bytes = one_copy_bytes, part_bytes
        # A copy of some gigabytes is answered when it is made.
        self._s3: Any = client("s3", region, timeout=120, attempts=8, connections=CONNECTIONS)
        self._s3.meta.events.register("before-parse.s3.ListObjectVersions", _keep_order)

    def versions(self, prefix: str) -> Iterator[Version]:
        """In S3's own order. The SDK gives versions and delete markers apart, so how they lie among each other is read
        from the answer itself: in one second nothing else tells."""
        with worded(self, f"list the versions of {prefix or 'all keys'}", _ADVICE):
            pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix)
            for page in pages:
                versions, markers = iter(page.get("Versions", ())), iter(page.get("DeleteMarkers", ()))
                found = [_version(next(markers if marker else versions), marker=marker) for marker in page[_ORDER]]
                found.sort(key=lambda each: each.key)  # stable; a store in S3's place may list markers apart
                yield from found

    def describe(self, version: Version) -> Described | None:
        """By a HEAD. Needs s3:GetObjectVersion."""
        try:
            answer = self._head(version)
        except ClientError as error:
            if code_of(error) in ("400", "404", "InvalidRequest", "NoSuchKey", "NoSuchVersion"):
                return None
            with worded(self, f"look at {version.key}", _ADVICE):
                raise
        whole = answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
        checksums = {each: str(answer[each]) for each in _CHECKSUMS if each in answer}
        properties = {each: str(answer[each]) for each in _PROPERTIES if answer.get(each)}
        properties |= {f"x-amz-meta-{name}": value for name, value in answer.get("Metadata", {}).items()}
        return Described(
            bytes=answer["ContentLength"],
            etag=answer["ETag"],
            checksums={name: value for name, value in checksums.items() if whole and "-" not in value},
            properties=properties,
        )

    def bring_back(self, version: Version, source: VersionedBucket) -> None:
        """By CopyObject, or part by part beyond what that takes. In the same bucket it stays under the key that it was
        encrypted with; in another it comes under that bucket's own. ACLs come along where the bucket still has them."""
        assert isinstance(source, S3Versions)  # noqa: S101  (for the type checker: S3 copies from S3)
        with worded(source, f"look at {version.key}", _ADVICE):
            head = source._head(version)
        kept = _kept(head, within=(source.bucket, source.region) == (self.bucket, self.region))
        if self._has_acls:
            kept |= source._grants(version)
        named = {"Bucket": source.bucket, "Key": version.key, "VersionId": version.id}
        with worded(self, f"bring back {version.key}", _ADVICE):
            if head["ContentLength"] > self._one_copy_bytes:
                self._copy_by_parts(version.key, named, head, kept | source._tags(version))
                return
            # Without a directive content, metadata and tags come from what is copied.
            self._s3.copy_object(Bucket=self.bucket, Key=version.key, CopySource=named, **kept)

    def unhide(self, markers: Sequence[Version]) -> Sequence[Version]:
        """Needs s3:DeleteObjectVersion, which names markers here and nothing else."""
        if not all(each.marker for each in markers):
            raise ValueError("only delete markers are ever taken away")
        with worded(self, "take away delete markers", _ADVICE):
            answer = self._s3.delete_objects(
                Bucket=self.bucket,
                Delete={"Quiet": True, "Objects": [{"Key": each.key, "VersionId": each.id} for each in markers]},
            )
        refused = {(each.get("Key"), each.get("VersionId")) for each in answer.get("Errors", ())}
        return [each for each in markers if (each.key, each.id) in refused]

    def hide(self, key: str) -> None:
        """Needs s3:DeleteObject."""
        with worded(self, f"hide {key}", _ADVICE):
            self._s3.delete_object(Bucket=self.bucket, Key=key)

    def time(self) -> datetime:
        """From the head of an answer."""
        with worded(self, "ask for the time", _ADVICE):
            answer = self._s3.list_object_versions(Bucket=self.bucket, MaxKeys=1)
        try:
            return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        except (KeyError, TypeError, ValueError):
            raise Unreachable(
                f"what answers for bucket {self.bucket} does not say what time it is",
                next_step="look at what is between here and S3: S3 itself always says so",
            ) from None

    def _head(self, version: Version) -> Any:
        return self._s3.head_object(Bucket=self.bucket, Key=version.key, VersionId=version.id, ChecksumMode="ENABLED")

    @cached_property
    def _has_acls(self) -> bool:
        """Buckets since 2023 have none: https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html"""
        with worded(self, "see who owns its objects", _ADVICE):
            try:
                answer = self._s3.get_bucket_ownership_controls(Bucket=self.bucket)
            except ClientError as error:
                if code_of(error) == "OwnershipControlsNotFoundError":
                    return True
                raise
        rules = answer["OwnershipControls"]["Rules"]
        return any(each["ObjectOwnership"] != "BucketOwnerEnforced" for each in rules)

    def _grants(self, version: Version) -> dict[str, str]:
        with worded(self, f"read the ACL of {version.key}", _ADVICE):
            answer = self._s3.get_object_acl(Bucket=self.bucket, Key=version.key, VersionId=version.id)
        found: dict[str, list[str]] = {}
        for each in answer["Grants"]:
            whom = each["Grantee"]
            named = f'uri="{whom["URI"]}"' if "URI" in whom else f'id="{whom["ID"]}"'
            found.setdefault(_GRANTS[each["Permission"]], []).append(named)
        return {name: ", ".join(whom) for name, whom in found.items()}

    def _tags(self, version: Version) -> dict[str, str]:
        with worded(self, f"read the tags of {version.key}", _ADVICE):
            answer = self._s3.get_object_tagging(Bucket=self.bucket, Key=version.key, VersionId=version.id)
        tags = urlencode([(each["Key"], each["Value"]) for each in answer["TagSet"]])
        return {"Tagging": tags} if tags else {}

    def _copy_by_parts(self, key: str, named: Mapping[str, str], head: Any, kept: Mapping[str, Any]) -> None:
        """A new upload takes nothing over by itself. Raises ClientError, BotoCoreError; what was begun is aborted."""
        size = head["ContentLength"]
        own = {each: head[each] for each in _PROPERTIES if each in head and each not in ("ExpiresString", "TagCount")}
        if head.get("ExpiresString"):
            own["Expires"] = head["ExpiresString"]
        upload = self._s3.create_multipart_upload(
            Bucket=self.bucket, Key=key, Metadata=head.get("Metadata", {}), **own, **kept
        )["UploadId"]
        part_bytes = max(self._part_bytes, -(-size // MOST_PARTS))

        def copied(number: int) -> dict[str, Any]:
            start = (number - 1) * part_bytes
            part = self._s3.upload_part_copy(
                Bucket=self.bucket,
                Key=key,
                UploadId=upload,
                PartNumber=number,
                CopySource=named,
                CopySourceRange=f"bytes={start}-{min(start + part_bytes, size) - 1}",
            )["CopyPartResult"]
            return {"PartNumber": number} | {
                name: value for name, value in part.items() if name == "ETag" or name in _CHECKSUMS
            }

        try:
            with ThreadPoolExecutor(_PART_SENDERS, thread_name_prefix="copy-part") as pool:
                parts = [*pool.map(copied, range(1, -(-size // part_bytes) + 1))]
            self._s3.complete_multipart_upload(
                Bucket=self.bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
            )
        except BaseException:
            with contextlib.suppress(ClientError, BotoCoreError):
                self._s3.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload)
            raise


def _kept(head: Any, *, within: bool) -> dict[str, Any]:
    """What a copy does not take over by itself."""
    kept = {each: head[each] for each in ("StorageClass", "WebsiteRedirectLocation") if head.get(each)}
    if within and head.get("SSEKMSKeyId"):
        kept |= {"ServerSideEncryption": head["ServerSideEncryption"], "SSEKMSKeyId": head["SSEKMSKeyId"]}
        kept["BucketKeyEnabled"] = bool(head.get("BucketKeyEnabled"))
    return kept


def _version(item: Any, *, marker: bool) -> Version:
    return Version(
        key=item["Key"],
        id=item["VersionId"],
        modified=item["LastModified"],
        bytes=item.get("Size", 0),
        etag=item.get("ETag", ""),
        marker=marker,
        storage=item.get("StorageClass", "STANDARD"),
    )


def _keep_order(response_dict: Mapping[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Which of the answer's entries are delete markers, in their order."""
    customized_response_dict[_ORDER] = [
        found.group(1) == b"DeleteMarker" for found in _LISTED.finditer(response_dict["body"])
    ]
