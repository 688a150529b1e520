"""Talking to the stand-in for AWS: clients, errors as sentences, and the base of every resource's handler."""

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lab.noted import NOTED
from lab.providers.base import Inputs
from lab.providers.serving import ProviderError
from lab.providers.values import Plain

GLOBAL_REGION = "us-east-1"
"""Route 53 and IAM are answered from here alone."""
CONNECT_SECONDS, PROBE_SECONDS, ANSWER_SECONDS = 1.5, 2.5, 25.0
"""A region that is gone must fail within 3 s, but a busy machine may take longer over honest work: so a region is asked
for a cheap sign of life first, and what it then works on is given time."""
ALIVE_SECONDS = 5.0
"""For how long a sign of life counts."""
AT_ONCE = 6
"""Requests under way at the same time, so that the stand-in is not buried by its own client."""
NOT_FOUND = {
    "404",
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchEntity",
    "NoSuchHealthCheck",
    "NoSuchHostedZone",
    "NoSuchKey",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "NatGatewayNotFound",
    "NotFoundException",
    "ObjectLockConfigurationNotFoundError",
    "OwnershipControlsNotFoundError",
    "ReplicationConfigurationNotFoundError",
    "ResourceNotFoundException",
    "ServerSideEncryptionConfigurationNotFoundError",
}


class NotFound(Exception):
    """Raised when what was asked for is not there."""


class Clients:
    """One client for each service and region; safe to use from several threads."""

    def __init__(self, credentials: dict[str, str] | None = None) -> None:
        self.first_region = GLOBAL_REGION
        self._credentials: dict[str, Any] = {**(credentials or {})}
        self._made: dict[tuple[str, str, float], Any] = {}
        self._lock = threading.Lock()
        self._seen_alive: dict[str, float] = {}
        self._probing: dict[str, threading.Lock] = {}
        self._places = threading.BoundedSemaphore(AT_ONCE)

    @cached_property
    def account(self) -> str:
        """The account of the credentials. Raises ProviderError."""
        return self.call("sts", self.first_region, "get_caller_identity")["Account"]

    def in_role(self, role_arn: str, session: str) -> "Clients":
        """The same with a role's credentials. Raises ProviderError."""
        arguments = {"RoleArn": role_arn, "RoleSessionName": session}
        got = self.call("sts", self.first_region, "assume_role", **arguments)["Credentials"]
        taken = Clients(
            {
                "aws_access_key_id": got["AccessKeyId"],
                "aws_secret_access_key": got["SecretAccessKey"],
                "aws_session_token": got["SessionToken"],
            }
        )
        taken.first_region = self.first_region
        return taken

    def client(self, service: str, region: str, *, seconds: float = ANSWER_SECONDS) -> Any:
        """The client for a service in a region, with the time it gives an answer."""
        import boto3
        from botocore.config import Config

        with self._lock:
            if (service, region, seconds) not in self._made:
                config = Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=seconds,
                    retries={"total_max_attempts": 1},
                    s3={"addressing_style": "path"},
                )
                self._made[service, region, seconds] = boto3.client(  # pyright: ignore[reportCallIssue]
                    service,  # pyright: ignore[reportArgumentType] - any service's name
                    region_name=region,
                    config=config,
                    **self._credentials,
                )
            return self._made[service, region, seconds]

    def call(self, service: str, region: str, operation: str, **arguments: Plain) -> dict[str, Any]:
        """One request. Raises NotFound, or ProviderError saying what was refused or which region is out of reach."""
        from botocore import exceptions as failed

        try:
            self._probe(region)
            client = self.client(service, region)
            with self._places:
                return getattr(client, operation)(**arguments)
        except failed.ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in NOT_FOUND or code.endswith(".NotFound"):
                raise NotFound(str(error)) from error
            text = error.response.get("Error", {}).get("Message", "")
            raise ProviderError(f"{service} {operation} in {region} was refused: {code}: {text}") from error
        except failed.ParamValidationError as error:
            raise ProviderError(f"{service} {operation} in {region}: {error}") from error
        except failed.NoCredentialsError as error:
            raise ProviderError("there are no credentials; set AWS_ACCESS_KEY_ID, or a role's") from error
        except (failed.HTTPClientError, failed.ConnectionError) as error:
            raise ProviderError(
                f"{region} cannot be reached ({service} {operation}: {type(error).__name__}); leave what is homed "
                "there as it is, or run again when the region is back"
            ) from error

    def _probe(self, region: str) -> None:
        """Raises botocore's exception when the region gives no sign of life."""
        with self._lock:
            turn = self._probing.setdefault(region, threading.Lock())
        with turn:
            if time.monotonic() - self._seen_alive.get(region, -ALIVE_SECONDS) < ALIVE_SECONDS:
                return
            self.client("sts", region, seconds=PROBE_SECONDS).get_caller_identity()
            self._seen_alive[region] = time.monotonic()


@dataclass(frozen=True)
class Aws:
    """One resource's view: its region, and calls that say which resource they were for."""

    clients: Clients
    region: str
    what: str

    @property
    def account(self) -> str:
        return self.clients.account

    def call(self, service: str, operation: str, *, in_region: str | None = None, **arguments: Plain) -> dict[str, Any]:
        """Raises NotFound or ProviderError, the latter naming resource and region."""
        try:
            return self.clients.call(service, in_region or self.region, operation, **arguments)
        except ProviderError as error:
            raise ProviderError(f"{self.what}: {error}") from error

    def client(self, service: str) -> Any:
        return self.clients.client(service, self.region)


class Handler:
    """How one type is made, read, changed and removed. Errors: NotFound, ProviderError."""

    computed: tuple[str, ...] = ()
    """Outputs that exist only after creation."""
    changing: tuple[str, ...] = ()
    """Outputs that an update may change: unknown in its preview."""
    is_global = False

    def create(self, aws: Aws, inputs: Inputs) -> str:
        """Make it; the answer is its id."""
        raise NotImplementedError

    def outputs(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        """The computed properties."""
        return {}

    def imported(self, aws: Aws, resource_id: str) -> Inputs:
        """The inputs of something that no program has declared yet. Raises NotFound."""
        raise ProviderError(f"{aws.what}: the lab's provider cannot import this type; declare it instead")

    def read(self, aws: Aws, resource_id: str, inputs: Inputs) -> Inputs:
        """Live values of the inputs that can be read back; the others keep what the program said. Raises NotFound."""
        raise NotImplementedError

    def update(self, aws: Aws, resource_id: str, old: Inputs, new: Inputs) -> None:
        raise NotImplementedError

    def delete(self, aws: Aws, resource_id: str, inputs: Inputs) -> None:
        raise NotImplementedError


def tag_list(tags: Inputs | None) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in (tags or {}).items()]


def tag_map(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def removed_tags(old: Inputs, new: Inputs) -> list[str]:
    return sorted(set(old.get("tags") or {}) - set(new.get("tags") or {}))


def picked(inputs: Inputs, **names: str) -> Inputs:
    """The request arguments for those inputs that were given: picked(inputs, Description="description")."""
    return {theirs: inputs[ours] for theirs, ours in names.items() if inputs.get(ours) is not None}


class UnsupportedByMoto:
    """What the stand-in cannot hold (EKS add-ons, access entries, pod identities, table replicas), in one small file.

    Every use comes with a request to the region in question, so that a region that is gone is noticed all the same.
    """

    @contextmanager
    def _open(self) -> Iterator[dict[str, Any]]:
        folder = os.environ.get("LAB_STATE_DIR")
        if not folder:
            raise ProviderError("LAB_STATE_DIR is not set; the lab keeps there what its stand-in for AWS cannot hold")
        path = Path(folder) / NOTED
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            held = json.loads(path.read_text()) if path.exists() else {}
            yield held
            fresh = path.with_suffix(".new")
            fresh.write_text(json.dumps(held, indent=1, sort_keys=True))
            fresh.replace(path)

    def put(self, kind: str, key: str, value: Plain) -> None:
        with self._open() as held:
            held.setdefault(kind, {})[key] = value

    def get(self, kind: str, key: str) -> Plain:
        """Raises NotFound."""
        with self._open() as held:
            if key not in held.get(kind, {}):
                raise NotFound(f"{kind} {key}")
            return held[kind][key]

    def remove(self, kind: str, key: str) -> None:
        with self._open() as held:
            held.get(kind, {}).pop(key, None)


UNSUPPORTED = UnsupportedByMoto()
