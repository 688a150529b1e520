"""What S3 said, in words: which bucket, what was being done, what to do next."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Literal, Protocol

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from recovery.errors import DrError, Refused, Unreachable

# What a caller may have better advice for than this module.
Trouble = Literal["no bucket", "other region", "denied"]
Advice = Mapping[Trouble, str]
ADVICE: Advice = {
    "no bucket": "run `pulumi up` on the foundation stack, or check --account",
    "other region": "compare the regions under `sites` in recovery.yaml with the foundation stack's",
    "denied": "use the role of this duty (writer, restorer, monitor), or check the bucket's policy and key",
}


class _Bucket(Protocol):
    bucket: str
    region: str


_OTHER_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"}
_DENIED = {"AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403", "ExpiredToken"}
_KEY_TROUBLE = {"KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException"}


def code_of(error: ClientError) -> str:
    """S3's error code, or the HTTP status of an answer without a body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def was_retried(error: ClientError) -> bool:
    """Whether an earlier try of the same request may have had its effect."""
    return error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0


@contextlib.contextmanager
def worded(bucket: _Bucket, doing: str, advice: Advice = ADVICE) -> Iterator[None]:
    """Turn botocore's errors into ours; `doing` completes "S3 ... to {doing}"."""
    try:
        yield
    except ClientError as error:
        raise _refusal(bucket, doing, error, advice) from None
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise Refused(
            f"no AWS credentials to {doing} in bucket {bucket.bucket}: {error}",
            next_step="give this shell or Pod credentials (an AWS profile, or its EKS Pod Identity association)",
        ) from None
    except BotoCoreError as error:
        raise Unreachable(
            f"S3 in {bucket.region} did not answer the request to {doing} in bucket {bucket.bucket}: {error}",
            next_step="check the network path to the region; the other site's bucket holds copies as well",
        ) from None


def _refusal(bucket: _Bucket, doing: str, error: ClientError, advice: Advice) -> DrError:
    code, said = code_of(error), error.response.get("Error", {}).get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "NoSuchBucket":
        return Refused(
            f"bucket {bucket.bucket} does not exist in {bucket.region}",
            next_step=advice["no bucket"],
        )
    if code in _OTHER_REGION:
        return Refused(
            f"bucket {bucket.bucket} is not in {bucket.region}: {said}",
            next_step=advice["other region"],
        )
    if code in _DENIED:
        return Refused(
            f"S3 does not allow these credentials to {doing} in bucket {bucket.bucket} ({code}: {said})",
            next_step=advice["denied"],
        )
    if code in _KEY_TROUBLE:
        return Refused(
            f"the KMS key of bucket {bucket.bucket} cannot be used to {doing} ({code}: {said})",
            next_step="enable the key or cancel its deletion; until then use the other site's bucket",
        )
    if code == "RequestTimeTooSkewed":
        return Refused(
            f"S3 does not take requests to {doing} in bucket {bucket.bucket}: this machine's clock is wrong ({said})",
            next_step="set the clock of this machine (or node); S3 allows 15 minutes",
        )
    if code == "InvalidRequest" and "Lock" in said:
        return Refused(
            f"bucket {bucket.bucket} has no Object Lock, so nothing is written to it ({said})",
            next_step="run `pulumi up` on the foundation stack: Object Lock is set when a bucket is created",
        )
    if code == "InvalidObjectState":
        return Refused(
            f"S3 keeps it in an archive class, so it cannot {doing} from bucket {bucket.bucket} now",
            next_step="restore the object to a readable class first (hours), or use a newer backup",
        )
    if status >= 500 or code in ("SlowDown", "RequestTimeout", "503", "500"):
        return Unreachable(
            f"S3 in {bucket.region} failed to {doing} in bucket {bucket.bucket}, retries included ({code}: {said})",
            next_step="run the command again",
        )
    return Refused(f"S3 refused to {doing} in bucket {bucket.bucket} ({code}: {said})")
