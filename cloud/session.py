"""The one place where AWS clients are made: region always named, time-outs short, retries chosen by the caller."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from recovery.errors import Refused, Unreachable


@cache
def _session() -> Any:
    """One session, so that service descriptions are read once. botocore's own: boto3 adds nothing that we use."""
    import botocore.session

    from cloud import pod_identity

    session = botocore.session.Session()
    pod_identity.prefer(session)
    return session


WITHOUT_CREDENTIALS = (NoCredentialsError, PartialCredentialsError)
"""What the SDK raises when it found none, or half of them."""


def no_credentials(error: BotoCoreError) -> Unreachable:
    """One of WITHOUT_CREDENTIALS in words. In a Pod of ours `cloud.pod_identity` says it, more exactly."""
    return Unreachable(
        f"no AWS credentials: {str(error).rstrip('.')}",
        next_step="give this shell an AWS profile, or a role's session; a Pod has its pod identity association",
    )


def client(
    service: str,
    region: str,
    *,
    timeout: float = 5.0,
    attempts: int = 3,
    payload_signed: bool = True,
    connections: int = 10,
) -> Any:
    """A client for `service` in `region`; `timeout` seconds to connect and to read; `attempts` with the first.
    Without `payload_signed` S3 is sent no hash of a body beside the checksum that the caller gives, which is signed.
    `connections`: how many threads may use it at once without waiting for each other.

    A client may be used by many threads, but clients are made by one (the SDK's session is not safe for it).
    Raises Refused when the SDK's own settings are wrong.
    """
    from botocore.config import Config

    with sdk_settings():
        return _session().create_client(
            service,
            region_name=region,
            config=Config(
                connect_timeout=timeout,
                read_timeout=timeout,
                retries={"total_max_attempts": attempts, "mode": "standard"},
                tcp_keepalive=True,
                max_pool_connections=connections,
                s3=None if payload_signed else {"payload_signing_enabled": False},
            ),
        )


@contextmanager
def sdk_settings() -> Iterator[None]:
    """Within it a client is made. Raises Refused when what the SDK finds in the environment and its files is wrong."""
    try:
        yield
    except (BotoCoreError, ValueError) as error:
        raise Refused(
            f"the AWS settings of this process are wrong: {error}",
            next_step="correct AWS_PROFILE, AWS_CONFIG_FILE, AWS_ENDPOINT_URL or the AWS configuration file",
        ) from None


def caller(region: str) -> tuple[str, str]:
    """Account and ARN of our credentials. Raises Unreachable when STS of that region does not answer or refuses."""
    try:
        said = client("sts", region).get_caller_identity()
    except WITHOUT_CREDENTIALS as error:
        raise no_credentials(error) from None
    except (BotoCoreError, ClientError) as error:
        raise Unreachable(
            f"STS in {region} did not say which account this is: {error}",
            next_step="check the AWS credentials of this shell and the network path to the region",
        ) from None
    return said["Account"], said.get("Arn", "")


def caller_account(region: str) -> str:
    """The account of our credentials. Raises Unreachable."""
    return caller(region)[0]


def require_account(expected: str, region: str) -> None:
    """Raises Refused when the credentials are of another account than `expected`."""
    actual = caller_account(region)
    if actual != expected:
        raise Refused(
            f"these credentials are of account {actual}, this is about account {expected}",
            next_step="switch to the right AWS profile and run the command again",
        )
