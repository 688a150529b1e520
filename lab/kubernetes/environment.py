"""A container's environment and command line, with the rules of the real kubelet.

References are `$(NAME)`, `$$(NAME)` is the escape, an unknown name stays as it is written
(https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/).
"""

import base64
import re
from collections.abc import Callable, Iterable, Mapping

from lab.kubernetes.api import ApiError, Object

NOT_FOUND = 404
_REFERENCE = re.compile(r"\$\$|\$\(([^()]*)\)")

_LOOPBACK = re.compile(r"(?<![0-9.])127\.0\.0\.1(?![0-9.])")

Fetch = Callable[[str, str], Object]
"""Reads an object of the Pod's namespace by plural kind and name. Raises ApiError."""


class MissingSourceError(Exception):
    """Raised when a ConfigMap, Secret, key or field that a container needs is not there (yet)."""


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by its value."""

    def replace(match: re.Match[str]) -> str:
        if match.group(0) == "$$":
            return "$"
        return values.get(match.group(1), match.group(0))

    return _REFERENCE.sub(replace, text)


def own_loopback(address: str, text: str) -> str:
    """The Pod's own address in the place of 127.0.0.1, since the lab's Pods share the machine's loopback."""
    return _LOOPBACK.sub(address, text)


def service_variables(services: Iterable[Object], namespace: str) -> dict[str, str]:
    """`{SVC}_SERVICE_HOST` and `{SVC}_SERVICE_PORT[_NAME]` for the namespace's Services that have an address."""
    found: dict[str, str] = {}
    for service in services:
        address = service["spec"].get("clusterIP")
        if service["metadata"]["namespace"] != namespace or address in (None, "", "None"):
            continue
        prefix = _variable(service["metadata"]["name"])
        ports = service["spec"].get("ports", [])
        found[f"{prefix}_SERVICE_HOST"] = address
        for port in ports:
            if port.get("name"):
                found[f"{prefix}_SERVICE_PORT_{_variable(port['name'])}"] = str(port["port"])
        if ports:
            found[f"{prefix}_SERVICE_PORT"] = str(ports[0]["port"])
    return found


def field(pod: Object, path: str) -> str:
    """The value of a `fieldRef`. Raises MissingSourceError for one the lab does not know."""
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    known = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta["namespace"],
        "metadata.uid": meta["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.podIP": status.get("podIP", ""),
        "status.podIPs": status.get("podIP", ""),
        "status.hostIP": status.get("hostIP", ""),
    }
    if path in known:
        return known[path]
    match = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    if match:
        return str(meta.get(match.group(1), {}).get(match.group(2), ""))
    raise MissingSourceError(f"fieldRef {path} is not known to the lab's node agent")


def declared_environment(container: Object, pod: Object, services: Mapping[str, str], fetch: Fetch) -> dict[str, str]:
    """Service variables, `envFrom`, then `env`, later ones winning. Raises MissingSourceError, ApiError."""
    values = dict(services)
    for source in container.get("envFrom", []):
        kind, reference = (
            ("configmaps", source["configMapRef"])
            if "configMapRef" in source
            else (
                "secrets",
                source["secretRef"],
            )
        )
        for key, value in texts(kind, reference, fetch).items():
            values[source.get("prefix", "") + key] = value
    for entry in container.get("env", []):
        value = _value(entry, pod, values, fetch)
        if value is not None:
            values[entry["name"]] = value
    return values


def _value(entry: Object, pod: Object, values: Mapping[str, str], fetch: Fetch) -> str | None:
    source = entry.get("valueFrom")
    if source is None:
        return expand(entry.get("value", ""), values)
    if "fieldRef" in source:
        return field(pod, source["fieldRef"]["fieldPath"])
    for name, kind in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if name in source:
            reference = source[name]
            found = texts(kind, reference, fetch)
            if reference["key"] in found:
                return found[reference["key"]]
            if reference.get("optional"):
                return None
            raise MissingSourceError(f"{kind} {reference['name']} has no key {reference['key']}")
    raise MissingSourceError(f"env {entry['name']}: {', '.join(source)} is not known to the lab's node agent")


def contents(kind: str, reference: Object, fetch: Fetch) -> dict[str, bytes]:
    """Keys and values of a ConfigMap or Secret; empty when it is missing and optional."""
    name = reference.get("name") or reference["secretName"]
    try:
        found = fetch(kind, name)
    except ApiError as error:
        if error.status != NOT_FOUND:
            raise
        if reference.get("optional"):
            return {}
        raise MissingSourceError(f"{kind} {name} not found") from error
    if kind == "secrets":
        return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
    plain = {key: value.encode() for key, value in (found.get("data") or {}).items()}
    return plain | {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}


def texts(kind: str, reference: Object, fetch: Fetch) -> dict[str, str]:
    """As `contents`, decoded for the environment."""
    return {key: value.decode(errors="surrogateescape") for key, value in contents(kind, reference, fetch).items()}


def _variable(name: str) -> str:
    return name.upper().replace("-", "_").replace(".", "_")
