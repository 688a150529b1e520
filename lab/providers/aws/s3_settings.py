"""S3: what is set on a bucket, one resource a setting. All work alike: put, get, delete of one document."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.providers.aws.base import Aws, Handler, NotFound
from lab.providers.aws.shapes import from_response, to_request
from lab.providers.base import Inputs
from lab.providers.serving import ProviderError
from lab.providers.values import Plain, policy_text

_NOT_CONTENT = {"bucket", "region", "expectedBucketOwner", "mfa", "skipDestroy", "token", "tagsAll"}


@dataclass(frozen=True)
class Setting(Handler):
    """`argument` is the request's document, `inside` names the one property that is its only content."""

    put: str
    get: str
    argument: str
    remove: str | None = None
    inside: str | None = None
    aside: tuple[str, ...] = ()
    """Properties that are arguments of the request next to the document."""
    always: tuple[tuple[str, Plain], ...] = ()
    document: Callable[[Inputs], Plain] | None = None
    on_delete: Callable[[Aws, Inputs], None] | None = None

    def create(self, aws: Aws, inputs: Inputs) -> str:
        members = _request_members(aws, self.put)
        content = {
            k: v for k, v in inputs.items() if k not in _NOT_CONTENT | set(self.aside) and not k.startswith("__")
        }
        if self.document is not None:
            body = self.document(inputs)
        else:
            nested = content[self.inside] if self.inside else {**dict(self.always), **content}
            body = to_request(nested, members[self.argument], self.inside or self.argument)
        beside = {key[:1].upper() + key[1:]: inputs[key] for key in self.aside if inputs.get(key) is not None}
        aws.call("s3", self.put, Bucket=inputs["bucket"], **{self.argument: body}, **beside)
        return inputs["bucket"]

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        answer = from_response(aws.call("s3", self.get, Bucket=resource_id))
        return {"bucket": resource_id, **self._live(answer)}

    def _live(self, answer: Inputs) -> Inputs:
        inner = answer.get(self.argument[:1].lower() + self.argument[1:], answer)
        if self.inside:
            return {self.inside: inner}
        if inner == {} or inner is None:
            raise NotFound(self.get)
        return inner

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        self.create(aws, new)

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        if inputs.get("skipDestroy"):
            return
        if self.on_delete is not None:
            self.on_delete(aws, inputs)
        elif self.remove is not None:
            aws.call("s3", self.remove, Bucket=resource_id)


def _request_members(aws: Aws, operation: str) -> Any:
    client = aws.client("s3")
    name = client.meta.method_to_api_mapping[operation]
    return client.meta.service_model.operation_model(name).input_shape.members


class Logging(Setting):
    """Its document wraps the properties once more."""

    def create(self, aws: Aws, inputs: Inputs) -> str:
        wrapped = {key: value for key, value in inputs.items() if key not in _NOT_CONTENT and not key.startswith("__")}
        status = _request_members(aws, self.put)[self.argument]
        body = to_request({"loggingEnabled": wrapped}, status, self.argument)
        aws.call("s3", self.put, Bucket=inputs["bucket"], **{self.argument: body})
        return inputs["bucket"]

    def _live(self, answer: Inputs) -> Inputs:
        if not answer.get("loggingEnabled"):
            raise NotFound(self.get)
        return answer["loggingEnabled"]


class Ownership(Setting):
    """One rule in the SDK, a list of rules in S3."""

    def _live(self, answer: Inputs) -> Inputs:
        (rule,) = answer["ownershipControls"]["rules"]
        return {"rule": rule}


class Policy(Setting):
    """The document is text."""

    def _live(self, answer: Inputs) -> Inputs:
        return {"policy": answer["policy"]}


class Versioning(Setting):
    """Nothing is sent for Disabled; a bucket that never had versioning has no status to read."""

    def create(self, aws: Aws, inputs: Inputs) -> str:
        if inputs["versioningConfiguration"].get("status") == "Disabled":
            return inputs["bucket"]
        return super().create(aws, inputs)

    def _live(self, answer: Inputs) -> Inputs:
        return {"versioningConfiguration": {"status": answer.get("status", "Disabled")}}


def _suspend(aws: Aws, inputs: Inputs) -> None:
    """Versioning cannot be taken back; with Object Lock not even suspended, then the resource is only forgotten."""
    try:
        aws.call("s3", "get_object_lock_configuration", Bucket=inputs["bucket"])
    except NotFound:
        configuration = {"Status": "Suspended"}
        aws.call("s3", "put_bucket_versioning", Bucket=inputs["bucket"], VersioningConfiguration=configuration)


def _clear_default_retention(aws: Aws, inputs: Inputs) -> None:
    bare = {"ObjectLockEnabled": "Enabled"}
    aws.call("s3", "put_object_lock_configuration", Bucket=inputs["bucket"], ObjectLockConfiguration=bare)


def _no_logging(aws: Aws, inputs: Inputs) -> None:
    aws.call("s3", "put_bucket_logging", Bucket=inputs["bucket"], BucketLoggingStatus={})


class Lifecycle(Setting):
    """The stand-in takes what S3 refuses, so the two limits that decide plans are checked here."""

    def create(self, aws: Aws, inputs: Inputs) -> str:
        for rule in inputs.get("rules") or []:
            for step in rule.get("transitions") or []:
                if step.get("storageClass") in ("STANDARD_IA", "ONEZONE_IA") and 0 <= step.get("days", 30) < 30:
                    raise ProviderError(
                        f"{aws.what}: rule {rule.get('id')} moves objects to {step['storageClass']} after "
                        f"{step['days']} days; S3 accepts no less than 30"
                    )
        return super().create(aws, inputs)


SETTINGS: dict[str, Handler] = {
    "aws:s3/bucketVersioning:BucketVersioning": Versioning(
        put="put_bucket_versioning",
        get="get_bucket_versioning",
        argument="VersioningConfiguration",
        inside="versioningConfiguration",
        on_delete=_suspend,
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Setting(
        put="put_bucket_encryption",
        get="get_bucket_encryption",
        argument="ServerSideEncryptionConfiguration",
        remove="delete_bucket_encryption",
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Setting(
        put="put_public_access_block",
        get="get_public_access_block",
        argument="PublicAccessBlockConfiguration",
        remove="delete_public_access_block",
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Ownership(
        put="put_bucket_ownership_controls",
        get="get_bucket_ownership_controls",
        argument="OwnershipControls",
        remove="delete_bucket_ownership_controls",
        document=lambda inputs: {"Rules": [{"ObjectOwnership": inputs["rule"]["objectOwnership"]}]},
    ),
    "aws:s3/bucketPolicy:BucketPolicy": Policy(
        put="put_bucket_policy",
        get="get_bucket_policy",
        argument="Policy",
        remove="delete_bucket_policy",
        document=lambda inputs: policy_text(inputs["policy"]),
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Lifecycle(
        put="put_bucket_lifecycle_configuration",
        get="get_bucket_lifecycle_configuration",
        argument="LifecycleConfiguration",
        remove="delete_bucket_lifecycle",
        aside=("transitionDefaultMinimumObjectSize",),
    ),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": Setting(
        put="put_bucket_replication",
        get="get_bucket_replication",
        argument="ReplicationConfiguration",
        remove="delete_bucket_replication",
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": Setting(
        put="put_object_lock_configuration",
        get="get_object_lock_configuration",
        argument="ObjectLockConfiguration",
        always=(("objectLockEnabled", "Enabled"),),
        on_delete=_clear_default_retention,
    ),
    "aws:s3/bucketLogging:BucketLogging": Logging(
        put="put_bucket_logging",
        get="get_bucket_logging",
        argument="BucketLoggingStatus",
        on_delete=_no_logging,
    ),
}
