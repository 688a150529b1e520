"""An object of a copy as another cluster gets it: what starts work there waits for a person or a promotion. Pure."""

from collections.abc import Collection
from typing import Any

from engines.configuration.index import Document

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"


def why_not_here(entry: Document) -> str:
    """Why an object is never applied by us; empty for every other."""
    if (entry.group, entry.plural) == ("", "pods"):
        return "no controller would keep it from running at once: start it yourself"
    return ""


def prepared(
    entry: Document, found: dict[str, Any], *, source: str, target: str, services: Collection[str]
) -> dict[str, Any]:
    """`found` in namespace `target` instead of `source`. CronJobs and Jobs are suspended, and how many Pods the
    Deployments of `services` have is left to whoever scales them there."""
    own = dict(found["metadata"])
    if own.get("namespace") == source:
        own["namespace"] = target
    what = (entry.group, entry.plural)
    if what == ("", "namespaces") and own["name"] == source != target:
        own = {"name": target}  # what it is there, its labels and annotations say there
    made = {**found, "metadata": own}
    if what in (("batch", "cronjobs"), ("batch", "jobs")):
        made["spec"] = {**made["spec"], "suspend": True}
    if what == ("apps", "deployments") and own["name"] in services:
        made["spec"] = {name: value for name, value in made["spec"].items() if name != "replicas"}
    if entry.group == _RBAC and "subjects" in made:
        made["subjects"] = [_moved(each, source, target) for each in made["subjects"] or ()]
    if entry.group == _ADMISSION and "webhooks" in made:
        made["webhooks"] = [_hook(each, source, target) for each in made["webhooks"] or ()]
    if entry.plural == "apiservices" and (made["spec"].get("service") or {}):
        made["spec"] = {**made["spec"], "service": _moved(made["spec"]["service"], source, target)}
    return made


def _moved(found: dict[str, Any], source: str, target: str) -> dict[str, Any]:
    return {**found, "namespace": target} if found.get("namespace") == source else found


def _hook(found: dict[str, Any], source: str, target: str) -> dict[str, Any]:
    client = found.get("clientConfig") or {}
    if "service" not in client:
        return found
    return {**found, "clientConfig": {**client, "service": _moved(client["service"], source, target)}}
