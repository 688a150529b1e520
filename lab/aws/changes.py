"""Whether anything has been written to AWS since the last look: a count a service, kept by moto's process in files.

Who follows what is declared (replicator, DNS) looks at a file a few times a second and asks moto only when the count
has moved. Asking every time kept a tenth of a core busy with nothing.
"""

import io
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lab.aws.requests import SCOPE

FOLLOWED = ("s3", "route53", "elasticloadbalancing")
_READS = frozenset({"GET", "HEAD"})
_QUERY_READ = b"Action=Describe"
"""Elastic Load Balancing is asked by POST whatever is wanted; the body says what."""
_WIDTH = 24
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def count_of(folder: Path, service: str) -> int:
    """The count now; it never falls, and a restarted moto begins above all that was. 0 before moto's first start."""
    try:
        return int((folder / service).read_bytes() or 0)
    except FileNotFoundError:
        return 0


class Counted:
    """A WSGI application that counts the writes it has let through, each after it was carried out."""

    def __init__(self, application: Application, folder: Path) -> None:
        self._application = application
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._files = {service: os.open(folder / service, os.O_RDWR | os.O_CREAT, 0o644) for service in FOLLOWED}
        self._counts: dict[str, int] = dict.fromkeys(FOLLOWED, time.time_ns())
        for service in FOLLOWED:
            self._write(service)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """moto has done its work when it returns, so a reader who sees the new count sees what was written."""
        service = _service(environ)
        reads = environ["REQUEST_METHOD"] in _READS or (service == "elasticloadbalancing" and _is_query_read(environ))
        try:
            return self._application(environ, start_response)
        finally:
            if not reads and service in FOLLOWED:
                with self._lock:
                    self._counts[service] += 1
                    self._write(service)

    def _write(self, service: str) -> None:
        os.pwrite(self._files[service], f"{self._counts[service]:{_WIDTH}d}".encode(), 0)


def _is_query_read(environ: dict[str, Any]) -> bool:
    """The body is read here and given on."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return _QUERY_READ in body


def _service(environ: dict[str, Any]) -> str:
    """As the request's signature says. What is not signed by a header counts as S3's."""
    scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    return scope["service"] if scope else "s3"
