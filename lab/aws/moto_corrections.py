"""Where moto 5.2.5 differs from S3, KMS and Route 53 in what the lab needs; each put right by replacing one method."""

import io
import threading
from datetime import datetime
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.iam.access_control import PermissionResult
from moto.kms.models import KmsBackend
from moto.route53.models import Route53Backend
from moto.s3.exceptions import MissingVersion, ReplicationConfigurationNotFoundError, S3ClientError
from moto.s3.models import FakeBucket, FakeKey, S3Backend
from moto.s3.responses import S3Response

from lab.aws.bucket_policy import evaluate
from lab.aws.route53_changes import change_resource_record_sets

_copy_object = S3Backend.copy_object
_encrypt, _decrypt = KmsBackend.encrypt, KmsBackend.decrypt
_key_response_get = S3Response._key_response_get  # pyright: ignore[reportPrivateUsage]


def apply() -> None:
    """Put all of them in force in this process."""
    FakeKey.__deepcopy__ = copy_without_content  # type: ignore[attr-defined]
    FakeBucket.get_permission = bucket_permission  # type: ignore[method-assign]
    S3Response.get_bucket_replication = get_bucket_replication  # type: ignore[method-assign]
    S3Response._key_response_get = key_response_get  # type: ignore[method-assign]
    S3Backend.copy_object = copy_object  # type: ignore[method-assign]
    KmsBackend.encrypt = encrypt  # type: ignore[method-assign]
    KmsBackend.decrypt = decrypt  # type: ignore[method-assign]
    Route53Backend.change_resource_record_sets = change_resource_record_sets  # type: ignore[method-assign]


def copy_without_content(key: FakeKey, memo: dict[int, object]) -> FakeKey:
    """What `copy.deepcopy` of an S3 object does here: its properties, not its bytes.

    moto deep-copies every version of a bucket, content and uploaded parts included, to list them: a bucket with one
    100 MB backup then costs 300 MB of copying for each listing. A listing needs no content.
    """
    duplicate: FakeKey = object.__new__(FakeKey)
    state = {name: value for name, value in vars(key).items() if name not in {"_value_buffer", "lock", "multipart"}}
    # A copy disposes of its own buffer and parts when collected, so it must not share the original's.
    own = {"_etag": key.etag.strip('"'), "_value_buffer": io.BytesIO(), "lock": threading.Lock(), "multipart": None}
    for name, value in (state | own).items():
        object.__setattr__(duplicate, name, value)
    memo[id(key)] = duplicate
    return duplicate


def copy_object(
    backend: S3Backend, src_key: FakeKey, dest_bucket_name: str, dest_key_name: str, *rest: Any, **named: Any
) -> None:
    """moto's, which forgets that a checksum is one of the parts' checksums: a reader then takes it for the content's
    own and refuses what is whole."""
    _copy_object(backend, src_key, dest_bucket_name, dest_key_name, *rest, **named)
    made = backend.get_object(dest_bucket_name, dest_key_name)
    if made is not None:
        made.checksum_type, made.checksum_parts = src_key.checksum_type, src_key.checksum_parts


def encrypt(backend: KmsBackend, *rest: Any, **named: Any) -> tuple[bytes, str]:
    """moto's, which lets a disabled key encrypt, and make data keys by that."""
    made, arn = _encrypt(backend, *rest, **named)
    _require_enabled(backend, arn)
    return made, arn


def decrypt(backend: KmsBackend, *rest: Any, **named: Any) -> tuple[bytes, str]:
    """moto's, which lets a disabled key decrypt."""
    found, arn = _decrypt(backend, *rest, **named)
    _require_enabled(backend, arn)
    return found, arn


def _require_enabled(backend: KmsBackend, arn: str) -> None:
    if not backend.keys[backend.get_key_id(arn)].enabled:
        error = JsonRESTError("DisabledException", f"{arn} is disabled.")
        error.code = 400
        raise error


def bucket_permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    """A bucket policy's word, see `lab.aws.bucket_policy`."""
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    return PermissionResult[evaluate(bucket.policy.decode(), action, resource)]


def get_bucket_replication(response: Any) -> Any:
    """The rules as they were put. moto keeps them, but answers every one with an empty prefix."""
    response.data["Action"] = "GetBucketReplication"
    stored = response.backend.get_bucket_replication(response.bucket_name)
    if not stored:
        raise ReplicationConfigurationNotFoundError(bucket_name=response.bucket_name)
    rules = [replication_rule(rule) for rule in stored["Rule"]]
    return response.serialized(
        ActionResult({"ReplicationConfiguration": {"Role": stored["Role"], "Rules": rules}}),
    )


def key_response_get(response: Any, query: dict[str, Any], key_name: str) -> Any:
    """moto's, which does not know `?retention` and gives the object's content instead."""
    if "retention" not in query:
        return _key_response_get(response, query, key_name)
    version = query.get("versionId", [None])[0]
    key = response.backend.get_object(response.bucket_name, key_name, version_id=version)
    if key is None:
        raise MissingVersion
    if not key.lock_until:
        missing = S3ClientError(
            "NoSuchObjectLockConfiguration", "The object does not have an Object Lock configuration"
        )
        missing.code = 404
        raise missing
    response.data["Action"] = "GetObjectRetention"
    until = datetime.fromisoformat(key.lock_until)
    return response.serialized(ActionResult({"Retention": {"Mode": key.lock_mode, "RetainUntilDate": until}}))


def replication_rule(stored: dict[str, Any]) -> dict[str, Any]:
    """A rule as parsed from XML in the shape of the API: numbers, lists and empty elements."""
    rule = {**stored, "Priority": int(stored["Priority"])}
    if "Filter" in rule:
        selected = rule["Filter"] = dict(rule["Filter"] or {})
        if "And" in selected:
            both = dict(selected["And"])
            tags = both.pop("Tag", [])
            selected["And"] = {**both, "Tags": tags if isinstance(tags, list) else [tags]}
        elif "Prefix" in selected:
            selected["Prefix"] = selected["Prefix"] or ""
    if "Prefix" in rule:
        rule["Prefix"] = rule["Prefix"] or ""
    return rule
