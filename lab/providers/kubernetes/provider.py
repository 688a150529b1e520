"""The lab's `pulumi-resource-kubernetes`: the kinds in `replace.yaml`, by server-side apply.

Only declared fields are ours: a refresh looks at nothing else, so that defaults, status and what other managers set
(`spec.replicas` during a promotion) are neither shown nor reset.
"""

import base64
import copy
import os
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pulumi.provider.experimental.provider as protocol

from lab.providers import guard
from lab.providers.base import Inputs, LabProvider, NameMaker
from lab.providers.kubernetes.cluster import FIELD_MANAGER, Cluster, Refused, parse_kubeconfig, path_of
from lab.providers.kubernetes.ready import WAIT_SECONDS, NotReady, wait_until_gone, wait_until_ready
from lab.providers.replacement import Rule, table
from lab.providers.serving import NotReadyError, ProviderError, serve
from lab.providers.values import Plain, has_unknown, observe

VERSION = "4.34.2"
AUTONAMED = "pulumi.com/autonamed"
_WORKLOADS = ("apps/v1", "batch/v1")


class KubernetesProvider(LabProvider):
    """Any kind of the table, all in the same way."""

    def __init__(self) -> None:
        self.cluster: Cluster | None = None
        self.namespace = "default"
        self.settings: set[str] = set()

    def do_configure(self, config: Inputs) -> None:
        self.settings = {key for key, value in config.items() if value in (True, "true")}
        if config.get("enableServerSideApply") in (False, "false"):
            raise ProviderError("enableServerSideApply: the lab's provider knows server-side apply only; leave it on")
        self.namespace = config.get("namespace") or "default"
        text = config.get("kubeconfig") or os.environ.get("KUBECONFIG") or ""
        if has_unknown(text) or not (config.get("kubeconfig") or Path(text).is_file()):
            return
        try:
            self.cluster = Cluster(parse_kubeconfig(text), config.get("context"))
        except guard.OutsideTheLab as reason:
            raise ProviderError(str(reason)) from reason

    def _cluster(self, name: str) -> Cluster:
        if self.cluster is None:
            raise ProviderError(f"{name}: no kubeconfig; give the provider one, or set KUBECONFIG")
        return self.cluster

    def fill(self, token: str, rule: Rule, name: str, inputs: Inputs, old: Inputs, make: NameMaker) -> Inputs:
        metadata = dict(inputs.get("metadata") or {})
        if metadata.get("name") is None and metadata.get("generateName") is None:
            before = old.get("metadata") or {}
            kept = before.get("name") if _autonamed(before) else None
            metadata["name"] = kept or make(f"{name}-", 8)
            metadata["annotations"] = {**(metadata.get("annotations") or {}), AUTONAMED: "true"}
        group_version, kind = token.split(":")[1:]
        version = group_version.removeprefix("core/")
        return {"apiVersion": version, "kind": kind, **inputs, "metadata": metadata}

    def comparable(self, token: str, old: Inputs, state: Inputs, new: Inputs) -> tuple[Inputs, Inputs]:
        if table()[token].cluster_wide:
            return old, new
        return self._placed(old), self._placed(new)

    def _placed(self, inputs: Inputs) -> Inputs:
        """With its namespace written out."""
        metadata = inputs.get("metadata") or {}
        return {**inputs, "metadata": {**metadata, "namespace": metadata.get("namespace") or self.namespace}}

    def same(self, token: str) -> Any:
        return lambda one, other: one == other

    def mutable(self, rule: Rule, new: Inputs) -> tuple[str, ...]:
        if new.get("immutable"):
            return ()
        return tuple(path for setting, paths in rule.mutable_with.items() if setting in self.settings for path in paths)

    def delete_first(self, rule: Rule, old: Inputs, new: Inputs) -> bool:
        before, after = self._placed(old)["metadata"], self._placed(new)["metadata"]
        same = all(before.get(key) == after.get(key) for key in ("name", "namespace"))
        return same and not _autonamed(after)

    def do_create(self, request: protocol.CreateRequest, inputs: Inputs) -> tuple[str, Inputs]:
        if request.preview:
            return "", inputs
        return self._apply(request, inputs)

    def do_update(self, request: protocol.UpdateRequest, old: Inputs, new: Inputs) -> Inputs:
        return new if request.preview else self._apply(request, new, request.ignore_changes)[1]

    def _apply(self, request: Any, inputs: Inputs, ignored: Sequence[str] = ()) -> tuple[str, Inputs]:
        cluster = self._cluster(request.name)
        path, manifest = self._path(request.type, inputs), _manifest(inputs)
        if ignored and (live := cluster.get(path)):
            manifest = _without_others(manifest, ignored, live)
        try:
            applied = cluster.apply(path, manifest, force=_annotation(inputs, "pulumi.com/patchForce") == "true")
        except Refused as error:
            raise ProviderError(f"{request.name} ({inputs['kind']}) was refused: {error}{_hint(error)}") from error
        metadata = applied["metadata"]
        resource_id = "/".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)
        state = _state(inputs, applied)
        if _annotation(inputs, "pulumi.com/skipAwait") != "true":
            try:
                wait_until_ready(cluster, path, applied, self._patience(request, inputs))
            except NotReady as error:
                message = f"{request.name} ({inputs['kind']} {resource_id}) {error}"
                raise NotReadyError(message, resource_id, state, inputs) from error
        return resource_id, state

    @staticmethod
    def _patience(request: Any, inputs: Inputs) -> float:
        written = _annotation(inputs, "pulumi.com/timeoutSeconds")
        return float(written) if written else request.timeout or WAIT_SECONDS

    def _path(self, token: str, inputs: Inputs) -> str:
        metadata = self._placed(inputs)["metadata"]
        if not metadata.get("name"):
            raise ProviderError(
                f"{token}: generateName is not supported by the lab; leave the name out to have one made"
            )
        return path_of(token, metadata["namespace"], metadata["name"])

    def do_read(self, request: protocol.ReadRequest, inputs: Inputs, state: Inputs) -> tuple[Inputs, Inputs] | None:
        if self.cluster is None:
            return inputs, state
        live = self.cluster.get(self._path(request.type, inputs))
        if live is None or live["metadata"].get("deletionTimestamp"):
            return None
        seen = observe(inputs, _readable(live), same=_same, drop_missing=True)
        return seen, _state(seen, live)

    def do_delete(self, request: protocol.DeleteRequest, state: Inputs) -> None:
        cluster, path = self._cluster(request.name), self._path(request.type, state)
        workload = request.type.split(":")[1] in _WORKLOADS
        live = cluster.get(path)
        if live is None:
            return
        uid = live["metadata"]["uid"]
        options = {"propagationPolicy": "Foreground" if workload else "Background", "preconditions": {"uid": uid}}
        try:
            cluster.request("DELETE", path, options)
            if _annotation(state, "pulumi.com/skipAwait") != "true":
                wait_until_gone(cluster, path, uid)
        except Refused as error:
            if error.status not in (404, 409):
                raise ProviderError(f"{request.name}: its deletion was refused: {error}") from error
        except NotReady as error:
            raise ProviderError(f"{request.name}: {error}") from error


def _autonamed(metadata: Inputs) -> bool:
    return (metadata.get("annotations") or {}).get(AUTONAMED) == "true"


def _annotation(inputs: Inputs, name: str) -> str | None:
    return ((inputs.get("metadata") or {}).get("annotations") or {}).get(name)


def _hint(error: Refused) -> str:
    if error.status == 409:
        return "; another manager owns these fields: leave them out, or annotate pulumi.com/patchForce"
    return ""


def _manifest(inputs: Inputs) -> Inputs:
    """What is sent. A Secret's stringData becomes data here, so that we own what we later read back."""
    manifest = {key: value for key, value in inputs.items() if not key.startswith("__")}
    if manifest["kind"] == "Secret" and manifest.get("stringData"):
        text = manifest.pop("stringData")
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in text.items()}
        manifest["data"] = {**(manifest.get("data") or {}), **encoded}
    return manifest


def _without_others(manifest: Inputs, ignored: Sequence[str], live: Inputs) -> Inputs:
    """Without what the program ignores and another manager has taken, as the real provider leaves it out: sent, it
    would be a conflict. https://github.com/pulumi/pulumi-kubernetes/blob/master/provider/pkg/await/await.go"""
    ours = [each["fieldsV1"] for each in live["metadata"].get("managedFields", ()) if each["manager"] == FIELD_MANAGER]
    result = copy.deepcopy(manifest)
    for keys in (path.split(".") for path in ignored):
        if any(_at(fields, [f"f:{key}" for key in keys]) is not None for fields in ours):
            continue
        parent = _at(result, keys[:-1])
        if isinstance(parent, dict):
            parent.pop(keys[-1], None)
    return result


def _at(tree: Any, keys: Sequence[str]) -> Any:
    """What is there; None when nothing is."""
    for key in keys:
        if not isinstance(tree, dict) or key not in tree:
            return None
        tree = tree[key]
    return tree


def _readable(live: Inputs) -> Inputs:
    """A Secret with its data also as text, to be compared with what was declared as text."""
    if live["kind"] != "Secret":
        return live
    text = {key: base64.b64decode(value).decode(errors="replace") for key, value in (live.get("data") or {}).items()}
    return {**live, "stringData": text}


def _state(inputs: Inputs, live: Inputs) -> Inputs:
    """The declared fields, the namespace, and the one address that programs use: a Service's cluster IP."""
    metadata = {**inputs["metadata"], "name": live["metadata"]["name"]}
    if "namespace" in live["metadata"]:
        metadata["namespace"] = live["metadata"]["namespace"]
    state = {**inputs, "metadata": metadata}
    if live["kind"] == "Service" and live["spec"].get("clusterIP"):
        state["spec"] = {**(inputs.get("spec") or {}), "clusterIP": live["spec"]["clusterIP"]}
    return state


_SUFFIX = {"m": Decimal("0.001"), "": Decimal(1), "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9)}
_SUFFIX |= {"Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40)}


def _same(declared: Plain, live: Plain) -> bool:
    """Equal, or the same quantity: the API server writes 0.5 as 500m and 1024Mi as 1Gi."""
    if declared == live:
        return True
    one, other = _quantity(declared), _quantity(live)
    return one is not None and one == other


def _quantity(value: Plain) -> Decimal | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([a-zA-Z]*)", str(value)) if isinstance(value, str | int | float) else None
    if found is None or found[2] not in _SUFFIX:
        return None
    return Decimal(found[1]) * _SUFFIX[found[2]]


def _warm() -> None:
    """What the first request will need."""
    import kubernetes.config  # noqa: F401


def main() -> None:
    """Entry point of the plugin. Exits 1 outside a lab run."""
    try:
        guard.require_marker(os.environ)
        named = os.environ.get("KUBECONFIG")
        if named and Path(named).is_file():
            guard.require_local_kubeconfig(parse_kubeconfig(named))
    except guard.OutsideTheLab as reason:
        guard.refuse("pulumi-resource-kubernetes", reason)
    serve(KubernetesProvider(), VERSION, _warm)


if __name__ == "__main__":
    main()
