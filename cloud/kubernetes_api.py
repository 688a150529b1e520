"""One API server. The official client logs in (tokens, certificates, exec plug-ins); requests are plain HTTP, because
loading its classes for every kind takes longer than a whole `dr status` may."""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from recovery.errors import Refused, Unreachable

_TIMEOUT = (1.5, 3.0)  # connect, read; seconds


class Conflict(Refused):
    """The object is not what the request said it was when it was read."""


def server_of(kubeconfig: Path) -> str:
    """The API server of the current context. Raises Refused when the file is no kubeconfig."""
    try:
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        named = {item["name"]: item for item in config["contexts"]}
        cluster = named[config["current-context"]]["context"]["cluster"]
        return next(item["cluster"]["server"] for item in config["clusters"] if item["name"] == cluster)
    except OSError as error:
        raise Refused(
            f"kubeconfig {kubeconfig} cannot be read: {error.strerror}", next_step="name it with --kubeconfig"
        ) from None
    except (yaml.YAMLError, KeyError, TypeError, StopIteration, UnicodeDecodeError):
        raise Refused(
            f"{kubeconfig} is not a kubeconfig with a current context",
            next_step="make one with `aws eks update-kubeconfig`, or name another with --kubeconfig",
        ) from None


class KubernetesApi:
    """The current context's server in `kubeconfig`; `namespace` is named in messages."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace

    @cached_property
    def _login(self) -> Any:
        """The client's settings: server, certificates, credentials. Loaded on first use: it takes half a second."""
        from kubernetes import client, config
        from kubernetes.config.config_exception import ConfigException

        settings = client.Configuration()
        try:
            config.load_kube_config(config_file=str(self.kubeconfig), client_configuration=settings)
        except (ConfigException, OSError, ValueError, TypeError) as error:
            raise Refused(
                f"kubeconfig {self.kubeconfig} does not work: {error}", next_step="name another with --kubeconfig"
            ) from None
        settings.retries = False
        return settings

    @cached_property
    def _connections(self) -> Any:
        from kubernetes.client.rest import RESTClientObject

        return RESTClientObject(self._login).pool_manager

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One request, its answer read. Raises Unreachable, Refused, and of that Conflict."""
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        # Asked for each time: credentials of an exec plug-in are renewed in it.
        login = {each["key"]: each["value"] for each in self._login.auth_settings().values() if each["in"] == "header"}
        content = {
            "PATCH": {"Content-Type": "application/merge-patch+json"},
            "POST": {"Content-Type": "application/json"},
        }
        try:
            answer = self._connections.request(
                method,
                self._login.host.rstrip("/") + path,
                headers={"Accept": "application/json", **login, **content.get(method, {})},
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
        if answer.status < 500 and answer.status not in (408, 429):
            raise Refused(
                f"the DR cluster's API says no in namespace {self.namespace}: {said}",
                next_step="check the credentials of the kubeconfig and your access to the namespace",
            )
        raise Unreachable(f"the DR cluster's API failed: {said}")
