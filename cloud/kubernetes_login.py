"""What a kubeconfig's current context says: which API server, how it is known, and as whom we ask it.

Read here because the official client's loader takes longer than the rest of `dr status`: it loads OAuth and websockets
for ways in that Kubernetes itself has given up. https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

import base64
import binascii
import ssl
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import yaml

from cloud.exec_credential import ExecCredential
from recovery.errors import Refused


def server_of(kubeconfig: Path) -> str:
    """The API server of the current context. Raises Refused when the file is no kubeconfig."""
    return str(_current_context(kubeconfig)[0]["server"]).rstrip("/")


class KubernetesLogin:
    """The current context of `kubeconfig`. Raises Refused, in every member too, when it or what it names is wrong."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self.server = server_of(kubeconfig)
        self._cluster, self._user = _current_context(kubeconfig)
        if "auth-provider" in self._user:
            raise self._wrong("its user has an `auth-provider`", "make one whose user has a token or an `exec` plug-in")
        plugin = self._user.get("exec")
        self._plugin = ExecCredential(plugin, kubeconfig) if plugin else None

    def headers(self) -> dict[str, str]:
        """Who asks. For each request anew: tokens in files are rotated, and those of a plug-in expire."""
        if "tokenFile" in self._user:
            token = self._read(self._user["tokenFile"]).strip()
        else:
            token = self._user.get("token") or (self._plugin.token() if self._plugin else "")
        return {"Authorization": f"Bearer {token}"} if token else {}

    @cached_property
    def connections(self) -> Any:
        """urllib3's pool: TLS as the context says, through the proxy that it or the environment names."""
        from urllib3 import PoolManager, ProxyManager

        secured = self.server.startswith("https:")
        name = self._cluster.get("tls-server-name")
        how = {"ssl_context": self._tls(), **({"server_hostname": name} if name else {})} if secured else {}
        proxy = self._cluster.get("proxy-url") or _environment_s_proxy(self.server)
        return ProxyManager(proxy, **how) if proxy else PoolManager(**how)

    def _tls(self) -> ssl.SSLContext:
        # Not ssl.create_default_context(): since Python 3.13 it wants a key identifier in each authority's
        # certificate. EKS makes none, and kubectl does without. https://github.com/kubernetes-client/python/issues/2394
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority = self._text(self._cluster, "certificate-authority")
        chain, key = (self._text(self._user, f"client-{part}") for part in ("certificate", "key"))
        if self._plugin and not chain:
            chain, key = self._plugin.certificate()
        try:
            if self._cluster.get("insecure-skip-tls-verify"):
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            elif authority:
                context.load_verify_locations(cadata=authority)
            else:
                context.load_default_certs()
            if chain:
                _load(context, f"{chain}\n{key}")
        except (ssl.SSLError, ValueError) as error:
            raise self._wrong(f"a certificate or key of it is none: {error}") from None
        return context

    def _text(self, of: Mapping[str, Any], name: str) -> str:
        """A certificate or key, given as base64 or as a file. Empty when there is none."""
        data = of.get(f"{name}-data")
        if data:
            try:
                return base64.b64decode(data, validate=True).decode("ascii")
            except (binascii.Error, ValueError):
                raise self._wrong(f"its `{name}-data` is not base64 of a PEM text") from None
        return self._read(of[name]) if of.get(name) else ""

    def _read(self, file: str) -> str:
        """A file that the kubeconfig names, by a path from its own folder."""
        path = self._kubeconfig.parent / file
        try:
            return path.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise self._wrong(f"{path} cannot be read: {reason}") from None

    def _wrong(self, why: str, next_step: str = "mend it, or name another with --kubeconfig") -> Refused:
        return Refused(f"kubeconfig {self._kubeconfig} does not work: {why}", next_step=next_step)


def _current_context(kubeconfig: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Its cluster and its user; a context without a user asks as nobody."""
    try:
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"] if context.get("user") else {}
        usable = cluster["server"].startswith(("https://", "http://")) and isinstance(user, dict)
    except OSError as error:
        raise Refused(
            f"kubeconfig {kubeconfig} cannot be read: {error.strerror}", next_step="name it with --kubeconfig"
        ) from None
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, UnicodeDecodeError):
        usable, cluster, user = False, {}, {}
    if not usable:
        raise Refused(
            f"{kubeconfig} is not a kubeconfig with a current context",
            next_step="make one with `aws eks update-kubeconfig`, or name another with --kubeconfig",
        )
    return cluster, user


def _named(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return {item["name"]: item for item in items}[name]


def _environment_s_proxy(server: str) -> str | None:
    url = urlsplit(server)
    return None if proxy_bypass(url.netloc) else getproxies().get(url.scheme)


def _load(context: ssl.SSLContext, chain_and_key: str) -> None:
    """OpenSSL reads them from a file only; this one is ours alone and gone at once."""
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
        file.write(chain_and_key)
        file.flush()
        context.load_cert_chain(file.name)
