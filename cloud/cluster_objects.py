"""A cluster's objects through its API: what it serves, what there is, and server-side apply.

https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cloud.kubernetes_api import Answer, KubernetesApi
from cloud.kubernetes_login import server_of
from recovery.errors import Failed, Refused, Unreachable
from recovery.names import FIELD_MANAGER
from recovery.ports.cluster_objects import Applied, Kind, Object

_PAGE = 50  # an object may have 1.5 MB
_SECONDS = 30.0  # an aggregated API is asked by the API server in its turn
_APPLY = "application/apply-patch+yaml"  # JSON is YAML
_SECRET = "secrets"  # noqa: S105  (a kind)


class KubernetesObjects:
    """`recovery.ports.ClusterObjects`."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self._api = KubernetesApi(kubeconfig, "", cluster="the cluster")

    def server(self) -> str:
        return server_of(self._kubeconfig)

    @cached_property
    def _uid(self) -> str:
        return str(self._found("/api/v1/namespaces/kube-system", "namespace kube-system")["metadata"]["uid"])

    def uid(self) -> str:
        return self._uid

    def version(self) -> str:
        return str(self._found("/version", "its version")["gitVersion"]).removeprefix("v")

    def kinds(self, *, but: Collection[str] = ()) -> tuple[Kind, ...]:
        served, wrong = [("", "v1", "/api/v1")], list[str]()
        for group in self._found("/apis", "its API groups")["groups"]:
            name, first = group["name"], (group.get("preferredVersion") or {}).get("version")
            if name not in but:
                versions = sorted((each["version"] for each in group["versions"]), key=lambda each: each != first)
                served += [(name, version, f"/apis/{name}/{version}") for version in versions]
        found = list[Kind]()
        for group, version, path in served:
            try:
                answer = self._api.ask("GET", path, seconds=_SECONDS)
            except Unreachable as error:
                wrong.append(f"{group or 'core'}/{version} ({error.what})")
                continue
            if answer.good:
                found += [_kind(group, version, each) for each in answer.body["resources"] if "/" not in each["name"]]
            else:
                wrong.append(f"{group or 'core'}/{version} ({answer.said})")
        if wrong:
            raise Unreachable(
                f"the cluster's API cannot say what it serves of {', '.join(wrong)}: what is in there would be missing",
                next_step="see `kubectl get apiservices`: mend or remove the one that is not available; run it again",
            )
        return tuple(found)

    def list(self, kind: Kind, namespace: str = "") -> Iterator[Object]:
        path, more = _path(kind, namespace), ""
        while True:
            query = {"limit": str(_PAGE), **({"continue": more} if more else {})}
            answer = self._api.ask("GET", f"{path}?{urlencode(query)}", seconds=_SECONDS)
            if answer.status == 410:
                raise Failed(
                    f"{kind.resource} could not be listed to their end: the list expired", next_step="run it again"
                )
            page = self._read(answer, f"{kind.resource} of {namespace or 'the cluster'}", "list")
            for each in page["items"] or ():
                yield {**each, "apiVersion": kind.api_version, "kind": kind.kind}
            more = (page.get("metadata") or {}).get("continue", "")
            if not more:
                return

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        answer = self._api.ask("GET", f"{_path(kind, namespace)}/{name}", seconds=_SECONDS)
        return None if answer.status == 404 else self._read(answer, f"{kind.resource}/{name}", "get")

    def apply(self, kind: Kind, document: Object, *, trial: bool) -> Applied:
        own = document["metadata"]
        name, namespace = own["name"], own.get("namespace", "")
        query = {"fieldManager": FIELD_MANAGER, "force": "false", **({"dryRun": "All"} if trial else {})}
        path = f"{_path(kind, namespace)}/{name}?{urlencode(query)}"
        answer = self._api.ask("PATCH", path, document, content=_APPLY, seconds=_SECONDS)
        if answer.good:
            return Applied(object=answer.body)
        if answer.status == 404:
            return Applied(absent=True)
        if answer.status == 409:
            return Applied(owned=_owners(answer.body))
        if answer.passing:
            raise self._api.no(answer)
        where = f"{kind.kind} {namespace + '/' if namespace else ''}{name}"
        # What is wrong with a Secret is told by quoting it.
        why = "" if kind.resource == _SECRET else f": {answer.body.get('message', '')}"
        raise Refused(
            f"the cluster does not take {where}: {answer.said}{why}",
            next_step="see what forbids it there: rights, admission, quota, Pod security",
        )

    def _found(self, path: str, what: str) -> Any:
        return self._read(self._api.ask("GET", path, seconds=_SECONDS), what, "get")

    def _read(self, answer: Answer, what: str, verb: str) -> Any:
        if answer.good:
            return answer.body
        if answer.status in (401, 403):
            raise Refused(
                f"the cluster does not let us {verb} {what}: {answer.said}",
                next_step="give whoever runs this that right; the CronJob has it for what the plan names: kinds and "
                "cluster_objects of datasets.configuration, then `pulumi up`",
            )
        raise self._api.no(answer) if answer.passing else Refused(f"the cluster has no {what}: {answer.said}")


def _kind(group: str, version: str, said: Mapping[str, Any]) -> Kind:
    return Kind(
        group=group,
        version=version,
        plural=said["name"],
        kind=said["kind"],
        namespaced=bool(said["namespaced"]),
        listed="list" in said["verbs"],
    )


def _path(kind: Kind, namespace: str) -> str:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    return f"{root}/namespaces/{namespace}/{kind.plural}" if kind.namespaced and namespace else f"{root}/{kind.plural}"


def _owners(status: Mapping[str, Any]) -> str:
    """Whose fields they are, by Kubernetes' own words, which name no value."""
    causes = (status.get("details") or {}).get("causes") or []
    found = [
        f"{each.get('field', '')} ({each['message'].removeprefix('conflict with ').strip(chr(34))})"
        for each in causes
        if each.get("reason") == "FieldManagerConflict"
    ]
    return (
        ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "") or "it was changed meanwhile"
    )
