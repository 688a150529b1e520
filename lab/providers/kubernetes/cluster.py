"""One Kubernetes API server, reached with a kubeconfig through the official client's loader; paths by kind."""

import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from lab.providers import guard
from lab.providers.base import Inputs
from lab.providers.replacement import table
from lab.providers.serving import ProviderError

FIELD_MANAGER = "pulumi"
CONNECT_SECONDS, ANSWER_SECONDS = 1.5, 15.0


class Refused(ProviderError):
    """Raised when the API server answers with an error; `status` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def parse_kubeconfig(text: str) -> Inputs:
    """The content of a kubeconfig, given itself or as a path. Raises ProviderError."""
    try:
        if "\n" not in text and not text.lstrip().startswith("{"):
            text = Path(text).expanduser().read_text()
        found = yaml.safe_load(text)
    except (OSError, yaml.YAMLError) as error:
        raise ProviderError(f"the kubeconfig cannot be read: {error}") from error
    if not isinstance(found, dict) or not found.get("clusters"):
        raise ProviderError("the kubeconfig names no cluster")
    return found


class Cluster:
    """Raises guard.OutsideTheLab for a server that is not on loopback."""

    def __init__(self, kubeconfig: Inputs, context: str | None = None) -> None:
        guard.require_local_kubeconfig(kubeconfig)
        self._kubeconfig, self._context = kubeconfig, context
        self._lock = threading.Lock()
        self._client: Any = None

    def _connected(self) -> Any:
        from kubernetes import config

        with self._lock:
            if self._client is None:
                try:
                    self._client = config.new_client_from_config_dict(
                        self._kubeconfig, context=self._context, persist_config=False
                    )
                except config.ConfigException as error:
                    raise ProviderError(f"the kubeconfig cannot be used: {error}") from error
            return self._client

    def request(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json", **query: str
    ) -> Inputs:
        """One request. Raises Refused with the server's message, or ProviderError when it cannot be reached."""
        import urllib3

        client = self._connected()
        settings = client.configuration
        headers = {"Accept": "application/json", "Content-Type": kind}
        token = settings.get_api_key_with_prefix("BearerToken", alias="authorization")
        if token:
            headers["Authorization"] = token
        url = f"{settings.host}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            answer = client.rest_client.pool_manager.request(
                method,
                url,
                body=json.dumps(body) if body is not None else None,
                headers=headers,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS),
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ProviderError(
                f"the cluster at {settings.host} cannot be reached ({type(error).__name__}); run again when it is back"
            ) from error
        found = json.loads(answer.data) if answer.data else {}
        if answer.status >= 400:
            raise Refused(answer.status, found.get("message") or f"{method} {path}: HTTP {answer.status}")
        return found

    def get(self, path: str) -> Inputs | None:
        """The live object, None when it is not there."""
        try:
            return self.request("GET", path)
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def apply(self, path: str, manifest: Inputs, *, force: bool) -> Inputs:
        """Server-side apply: only the fields in the manifest become ours."""
        return self.request(
            "PATCH",
            path,
            manifest,
            kind="application/apply-patch+yaml",
            fieldManager=FIELD_MANAGER,
            force=str(force).lower(),
        )


def path_of(token: str, namespace: str, name: str) -> str:
    """Where the API has an object of this type."""
    group_version = token.split(":")[1]
    rule = table()[token]
    core = group_version == "core/v1"
    base = "/api/v1" if core else f"/apis/{group_version}"
    where = "" if rule.cluster_wide else f"/namespaces/{namespace}"
    return f"{base}{where}/{rule.plural}/{name}"
