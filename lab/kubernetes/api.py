"""The Kubernetes API as plain dicts.

The official client is not used inside the agent: importing it costs 1.3 s of processor time and turns every watched
object into a tree of model instances, twice, beside everything else that runs in the lab.
"""

import base64
import json
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
import yaml

Object = dict[str, Any]

CONNECT_SECONDS, READ_SECONDS, WATCH_SECONDS = 5.0, 15.0, 240


class ApiError(Exception):
    """The API server answered with an error. `status` is HTTP's; 0 when it could not be reached at all."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """A client for one API server; safe to use from several threads."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.server: str = cluster["server"]
        self._headers = {"Authorization": f"Bearer {user['token']}", "Accept": "application/json"}
        self._pool = urllib3.PoolManager(
            maxsize=16,
            ssl_context=ssl.create_default_context(cadata=authority),
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        )

    def request(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        """One call. Raises ApiError, with status 0 when the server is out of reach."""
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        try:
            answer = self._pool.request(method, url, body=data, headers={**self._headers, "Content-Type": content_type})
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, f"{method} {path}: {error}") from error
        if answer.status >= 300:
            raise ApiError(answer.status, f"{method} {path}: {answer.status} {_reason(answer.data)}")
        return json.loads(answer.data) if answer.data else {}

    def get(self, path: str) -> Object:
        """Read an object or a list."""
        return self.request("GET", path)

    def create(self, path: str, body: Object) -> Object:
        """Create an object in the collection at `path`."""
        return self.request("POST", path, body)

    def merge(self, path: str, body: Object) -> Object:
        """Merge-patch the object at `path`; lists are replaced as a whole."""
        return self.request("PATCH", path, body, content_type="application/merge-patch+json")

    def watch(self, path: str, resource_version: str) -> Iterator[Object]:
        """Events after `resource_version` until the server ends the watch. Raises ApiError as `request` does."""
        query = {
            "watch": "true",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        try:
            answer = self._pool.request(
                "GET",
                f"{self.server}{path}?{urlencode(query)}",
                headers=self._headers,
                preload_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=WATCH_SECONDS + READ_SECONDS),
            )
            if answer.status >= 300:
                raise ApiError(answer.status, f"watch {path}: {answer.status} {_reason(answer.read())}")
            yield from _json_lines(answer)
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, f"watch {path}: {error}") from error


def _json_lines(answer: urllib3.BaseHTTPResponse) -> Iterator[Object]:
    pending = b""
    for chunk in answer.stream(1 << 16):
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            if line:
                yield json.loads(line)


def _named(entries: list[Object], name: str) -> Object:
    return next(entry for entry in entries if entry["name"] == name)


def _reason(data: bytes) -> str:
    try:
        return str(json.loads(data).get("message", ""))
    except ValueError:
        return data[:200].decode(errors="replace")
