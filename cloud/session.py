"""The one place where AWS clients are made: region always named, time-outs short, retries chosen by the caller."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from recovery.errors import Refused, Unreachable


@cache
def _session() -> Any:
    """One session, so that service descriptions are read once. Imported late: it costs half a second."""
    import boto3.session

    return boto3.session.Session()


def client(service: str, region: str, *, timeout: float = 5.0, attempts: int = 3) -> Any:
    """A client for `service` in `region`; `timeout` seconds to connect and to read; `attempts` with the first.

    A client may be used by many threads, but clients are made by one (the SDK's session is not safe for it).
    Raises Refused when the SDK's own settings are wrong.
    """
    from botocore.config import Config

    with sdk_settings():
        return _session().client(
            service,
            region_name=region,
            config=Config(
                connect_timeout=timeout,
                read_timeout=timeout,
                retries={"total_max_attempts": attempts, "mode": "standard"},
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


def caller_account(region: str) -> str:
    """The account of our credentials. Raises Unreachable when STS of that region does not answer or refuses."""
    try:
        return client("sts", region).get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise Unreachable(
            f"STS in {region} did not say which account this is: {error}",
            next_step="check the AWS credentials of this shell and the network path to the region",
        ) from None


def require_account(expected: str, region: str) -> None:
    """Raises Refused when the credentials are of another account than `expected`."""
    actual = caller_account(region)
    if actual != expected:
        raise Refused(
            f"these credentials are of account {actual}, this is about account {expected}",
            next_step="switch to the right AWS profile and run the command again",
        )
