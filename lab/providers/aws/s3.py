"""S3: buckets and objects. The settings of a bucket, one resource each, are in `aws_s3_settings`."""

import base64
from pathlib import Path

import pulumi

from lab.providers.aws.base import Aws, Handler, NotFound, picked, tag_list, tag_map
from lab.providers.aws.s3_settings import SETTINGS
from lab.providers.base import Inputs
from lab.providers.serving import ProviderError


class Bucket(Handler):
    """Settings on the bucket itself (versioning, policy, …) are deprecated in the SDK and refused here."""

    computed = ("arn", "bucketDomainName", "bucketRegion", "bucketRegionalDomainName", "hostedZoneId")
    known = frozenset(("bucket", "forceDestroy", "objectLockEnabled", "tags", "tagsAll", "region", "bucketPrefix"))

    def create(self, aws: Aws, inputs: Inputs) -> str:
        self._refuse_settings(aws, inputs)
        name = inputs["bucket"]
        if aws.region == "us-east-1" and self._exists(aws, name):
            raise ProviderError(f"{aws.what}: bucket {name} exists already; give it another name or import it")
        arguments = {"Bucket": name}
        if aws.region != "us-east-1":
            arguments["CreateBucketConfiguration"] = {"LocationConstraint": aws.region}
        aws.call("s3", "create_bucket", **arguments, **picked(inputs, ObjectLockEnabledForBucket="objectLockEnabled"))
        self._tag(aws, inputs)
        return name

    def _refuse_settings(self, aws: Aws, inputs: Inputs) -> None:
        extra = sorted(key for key in inputs if key not in self.known and not key.startswith("__"))
        if extra:
            raise ProviderError(
                f"{aws.what}: {', '.join(extra)} belong into resources of their own (s3.BucketVersioning, …)"
            )

    @staticmethod
    def _exists(aws: Aws, name: str) -> bool:
        try:
            aws.call("s3", "head_bucket", Bucket=name)
        except NotFound:
            return False
        return True

    @staticmethod
    def _tag(aws: Aws, inputs: Inputs) -> None:
        if inputs.get("tagsAll"):
            aws.call(
                "s3", "put_bucket_tagging", Bucket=inputs["bucket"], Tagging={"TagSet": tag_list(inputs["tagsAll"])}
            )
        else:
            aws.call("s3", "delete_bucket_tagging", Bucket=inputs["bucket"])

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        return {
            "arn": f"arn:aws:s3:::{resource_id}",
            "bucketDomainName": f"{resource_id}.s3.amazonaws.com",
            "bucketRegion": aws.region,
            "bucketRegionalDomainName": f"{resource_id}.s3.{aws.region}.amazonaws.com",
            "hostedZoneId": "Z3AQBSTGFYJSTF" if aws.region == "us-east-1" else "Z3BJ6K6RIION7M",
        }

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        aws.call("s3", "head_bucket", Bucket=resource_id)
        live: Inputs = {"bucket": resource_id}
        try:
            live["tagsAll"] = tag_map(aws.call("s3", "get_bucket_tagging", Bucket=resource_id)["TagSet"])
        except ProviderError as error:
            if "NoSuchTagSet" not in str(error):
                raise
            live["tagsAll"] = {}
        return live

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        self._refuse_settings(aws, new)
        self._tag(aws, new)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        if inputs.get("forceDestroy"):
            self._empty(aws, resource_id)
        aws.call("s3", "delete_bucket", Bucket=resource_id)

    @staticmethod
    def _empty(aws: Aws, bucket: str) -> None:
        while True:
            page = aws.call("s3", "list_object_versions", Bucket=bucket)
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if not found:
                return
            for one in found:
                aws.call(
                    "s3",
                    "delete_object",
                    Bucket=bucket,
                    Key=one["Key"],
                    VersionId=one["VersionId"],
                    BypassGovernanceRetention=True,
                )


class Object(Handler):
    """`BucketObjectv2`: the content is uploaded again whenever anything about it changes."""

    computed = ("arn", "etag", "versionId")
    changing = ("etag", "versionId")

    def create(self, aws: Aws, inputs: Inputs) -> str:
        arguments = picked(
            inputs,
            CacheControl="cacheControl",
            ContentType="contentType",
            ContentEncoding="contentEncoding",
            Metadata="metadata",
            ServerSideEncryption="serverSideEncryption",
            SSEKMSKeyId="kmsKeyId",
            StorageClass="storageClass",
            ObjectLockMode="objectLockMode",
            ObjectLockRetainUntilDate="objectLockRetainUntilDate",
        )
        if inputs.get("tagsAll"):
            arguments["Tagging"] = "&".join(f"{key}={value}" for key, value in inputs["tagsAll"].items())
        body = _content(inputs)
        aws.call("s3", "put_object", Bucket=inputs["bucket"], Key=inputs["key"], Body=body, **arguments)
        return f"{inputs['bucket']}/{inputs['key']}"

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        head = aws.call("s3", "head_object", Bucket=inputs["bucket"], Key=inputs["key"])
        return {
            "arn": f"arn:aws:s3:::{inputs['bucket']}/{inputs['key']}",
            "etag": head["ETag"].strip('"'),
            "versionId": head.get("VersionId", ""),
        }

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        answer = aws.call("s3", "get_object", Bucket=inputs["bucket"], Key=inputs["key"])
        body = answer["Body"].read()
        live: Inputs = {"bucket": inputs["bucket"], "key": inputs["key"]}
        if inputs.get("content") is not None:
            live["content"] = body.decode(errors="replace")
        elif inputs.get("contentBase64") is not None:
            live["contentBase64"] = base64.b64encode(body).decode()
        if inputs.get("contentType") is not None:
            live["contentType"] = answer.get("ContentType", "")
        return live

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        self.create(aws, new)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        page = aws.call("s3", "list_object_versions", Bucket=inputs["bucket"], Prefix=inputs["key"])
        for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            if one["Key"] == inputs["key"]:
                arguments: Inputs = {} if one["VersionId"] == "null" else {"VersionId": one["VersionId"]}
                if inputs.get("forceDestroy"):
                    arguments["BypassGovernanceRetention"] = True
                aws.call("s3", "delete_object", Bucket=inputs["bucket"], Key=inputs["key"], **arguments)


def _content(inputs: Inputs) -> bytes:
    if inputs.get("content") is not None:
        return inputs["content"].encode()
    if inputs.get("contentBase64") is not None:
        return base64.b64decode(inputs["contentBase64"])
    source = inputs.get("source")
    if isinstance(source, pulumi.FileAsset):
        return Path(source.path).read_bytes()
    if isinstance(source, pulumi.StringAsset):
        return source.text.encode()
    return b""


HANDLERS: dict[str, Handler] = {
    "aws:s3/bucket:Bucket": Bucket(),
    "aws:s3/bucketObjectv2:BucketObjectv2": Object(),
    **SETTINGS,
}
