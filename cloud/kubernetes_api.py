"""One API server: requests are plain HTTP, because loading the official client's classes for every kind takes longer
than a whole `dr status` may."""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from cloud.kubernetes_login import KubernetesLogin
from recovery.errors import Refused, Unreachable

_TIMEOUT = (1.5, 3.0)  # connect, read; seconds


class Conflict(Refused):
    """The object is not what the request said it was when it was read."""


class Absent(Refused):
    """There is no such object."""


class KubernetesApi:
    """The current context's server in `kubeconfig`; `namespace` is named in messages."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace

    @cached_property
    def _login(self) -> KubernetesLogin:
        return KubernetesLogin(self.kubeconfig)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One request, its answer read. Raises Unreachable, Refused, and of that Conflict and Absent."""
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        login = self._login
        content = {
            "PATCH": {"Content-Type": "application/merge-patch+json"},
            "POST": {"Content-Type": "application/json"},
            "DELETE": {"Content-Type": "application/json"},
        }
        try:
            answer = login.connections.request(
                method,
                login.server + path,
                headers={"Accept": "application/json", **login.headers(), **content.get(method, {})},
                body=None if body is None else json.dumps(body),
                timeout=Timeout(connect=_TIMEOUT[0], read=_TIMEOUT[1]),
                retries=False,
            )
            said = f"{answer.status} {answer.reason}"
            if 200 <= answer.status < 300:
                return answer.json()
        except ValueError:
            raise Unreachable("the DR cluster's API answers with something else than JSON") from None
        except (HTTPError, OSError) as error:
            raise Unreachable(
                f"the DR cluster's API does not answer: {error}", next_step="check the network path to the cluster"
            ) from None
        if answer.status == 409:
            raise Conflict(f"{path} was changed meanwhile", next_step="run it again")
        if answer.status == 404:
            raise Absent(f"the DR cluster has no {path}", next_step="`pulumi up` on the dr stack declares it")
        if answer.status < 500 and answer.status not in (408, 429):
            raise Refused(
                f"the DR cluster's API says no in namespace {self.namespace}: {said}",
                next_step="check the credentials of the kubeconfig and your access to the namespace",
            )
        raise Unreachable(f"the DR cluster's API failed: {said}")
