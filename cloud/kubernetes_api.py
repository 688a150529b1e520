"""One API server: requests are plain HTTP, because loading the official client's classes for every kind takes longer
than a whole `dr status` may."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cloud.kubernetes_login import KubernetesLogin
from recovery.errors import Refused, Unreachable

_CONNECT_SECONDS, _READ_SECONDS = 1.5, 3.0
_CONTENT = {"PATCH": "application/merge-patch+json", "POST": "application/json", "DELETE": "application/json"}


class Conflict(Refused):
    """The object is not what the request said it was when it was read."""


class Absent(Refused):
    """There is no such object."""


@dataclass(frozen=True)
class Answer:
    """What the server said. `said` is its status in words, `body` is JSON or Kubernetes' own Status."""

    status: int
    said: str
    body: Any

    @property
    def good(self) -> bool:
        """Whether it did what it was asked."""
        return 200 <= self.status < 300

    @property
    def passing(self) -> bool:
        """Whether asking again may help."""
        return self.status >= 500 or self.status in (408, 429)


class KubernetesApi:
    """The current context's server in `kubeconfig`; `namespace` and `cluster` are named in messages."""

    def __init__(self, kubeconfig: Path, namespace: str, *, cluster: str = "the DR cluster") -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace
        self.cluster = cluster

    @cached_property
    def _login(self) -> KubernetesLogin:
        return KubernetesLogin(self.kubeconfig)

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        content: str = "",
        seconds: float = _READ_SECONDS,
    ) -> Answer:
        """One request and its answer, whatever that says; `seconds` between two pieces of it. Raises Unreachable."""
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        login = self._login
        kind = content or _CONTENT.get(method, "")
        try:
            answer = login.connections.request(
                method,
                login.server + path,
                headers={
                    "Accept": "application/json",
                    **login.headers(),
                    **({"Content-Type": kind} if kind else {}),
                },
                body=None if body is None else json.dumps(body),
                timeout=Timeout(connect=_CONNECT_SECONDS, read=seconds),
                retries=False,
            )
            good = 200 <= answer.status < 300
            try:
                read = answer.json()
            except ValueError:
                if good:
                    raise Unreachable(f"{self.cluster}'s API answers with something else than JSON") from None
                read = {}
            return Answer(answer.status, f"{answer.status} {answer.reason}", read)
        except (HTTPError, OSError) as error:
            raise Unreachable(
                f"{self.cluster}'s API does not answer: {error}", next_step="check the network path to the cluster"
            ) from None

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One request, its answer read. Raises Unreachable, Refused, and of that Conflict and Absent."""
        answer = self.ask(method, path, body)
        if answer.good:
            return answer.body
        if answer.status == 409:
            raise Conflict(f"{path} was changed meanwhile", next_step="run it again")
        if answer.status == 404:
            raise Absent(f"{self.cluster} has no {path}", next_step="`pulumi up` on the dr stack declares it")
        raise self.no(answer)

    def no(self, answer: Answer) -> Refused | Unreachable:
        """What an answer that is none means."""
        if answer.passing:
            return Unreachable(f"{self.cluster}'s API failed: {answer.said}")
        return Refused(
            f"{self.cluster}'s API says no in namespace {self.namespace}: {answer.said}",
            next_step="check the credentials of the kubeconfig and your access to the namespace",
        )
