"""What S3 may do to a request, done to one client before anything is sent."""

import io
import threading
from collections.abc import Callable
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError

from cloud.objects import S3Bucket
from lab.machine.processes import HUNG_SECONDS

Fault = Callable[[Any], Any]
"""Gets the request; returns an answer in place of S3's, or None to let it pass, or raises."""


def refuses(status: int, code: str) -> Fault:
    """An answer of S3's that says no."""

    def answer(request: Any) -> Any:
        body = f"<Error><Code>{code}</Code><Message>{code} by the test</Message></Error>".encode()
        return AWSResponse(request.url, status, HTTPHeaders(), _Raw(body))

    return answer


def resets(request: Any) -> Any:
    """The connection breaks."""
    raise ConnectionClosedError(endpoint_url=request.url)


class Blocks:
    """A request that takes until `free` is set; `begun` tells that one waits."""

    def __init__(self) -> None:
        self.free, self.begun = threading.Event(), threading.Event()

    def __call__(self, request: Any) -> None:
        self.begun.set()
        assert self.free.wait(HUNG_SECONDS)


class Faults:
    """Puts faults into the path of one operation, such as PutObject, of a bucket's keys with `within` in them: of small
    requests, or of those with content (`bulk`)."""

    def __init__(self, store: S3Bucket, operation: str, within: str, *, bulk: bool = False) -> None:
        self._within = within
        self.asked: list[str] = []
        self.next: list[Fault] = []
        """Used up one a request."""
        self.always: Fault | None = None
        client = store._bulk if bulk else store._quick  # pyright: ignore[reportPrivateUsage]
        client.meta.events.register(f"before-send.s3.{operation}", self._handle)

    def _handle(self, request: Any, **_: Any) -> Any:
        if self._within not in request.url:
            return None
        self.asked.append(request.url)
        fault = self.next.pop(0) if self.next else self.always
        return fault(request) if fault else None


def bulk_faults(store: S3Bucket, operation: str, within: str) -> Faults:
    """The same in the path of an upload's parts, which another client sends."""
    made = Faults(store, operation, within)
    handle = made._handle  # pyright: ignore[reportPrivateUsage]
    store._bulk.meta.events.register(f"before-send.s3.{operation}", handle)  # pyright: ignore[reportPrivateUsage]
    return made


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Any:
        while chunk := self.read(1024):
            yield chunk
