"""One copy of a cluster's objects: what is listed, cleaned, judged, and handed on in the order of a restore."""

from collections.abc import Callable, Iterator, Sequence

from engines.configuration.certificates import Certificates
from engines.configuration.cleaning import clean, why_left
from engines.configuration.index import SECRETS, Document, Left, part_name
from engines.configuration.kinds import CRD_GROUP, CRD_PLURAL, in_order, preferred, stage_of, why_not
from engines.configuration.kinds import SECRETS as SECRET_KIND
from engines.configuration.values import texts_of
from recovery.errors import Failed, Refused
from recovery.ports.cluster_objects import ClusterObjects, Kind, Object

_NAMES = 5


class Taking:
    """Objects of a namespace and named ones of the cluster. Its lists are full when all stages were asked for."""

    def __init__(
        self,
        cluster: ClusterObjects,
        kinds: Sequence[Kind],
        namespace: str,
        wanted: Sequence[str],
        hurry: Callable[[], None],
    ) -> None:
        self._cluster, self._namespace, self._hurry = cluster, namespace, hurry
        self._kinds = in_order(preferred(kinds))
        self._wanted = _by_kind(wanted, self._kinds, namespace)
        self._custom: set[tuple[str, str]] = set()
        self._left: dict[tuple[str, str], list[str]] = {}
        self.documents: list[Document] = []
        self.certificates = Certificates()

    def objects(self, stage: str, *, secrets: bool = False) -> Iterator[Object]:
        """Those of a stage, each as it can be applied; of the stage with Secrets the one or the other. Definitions of
        what was found come after everything else was asked for. Raises Failed, Refused, Unreachable."""
        part = SECRETS if secrets else part_name(stage)
        for kind in self._kinds:
            what = (kind.group, kind.plural)
            if stage_of(*what) == stage and (what == SECRET_KIND) == secrets:
                for found in self._found(kind):
                    self._hurry()
                    own = found["metadata"]
                    if why := why_left(kind, found):
                        self._leave(kind, why, own["name"])
                        continue
                    self._custom.add(what)
                    for where, text in texts_of(kind, found):
                        self.certificates.see(where, text)
                    self.documents.append(
                        Document(
                            part=part,
                            api_version=kind.api_version,
                            kind=kind.kind,
                            plural=kind.plural,
                            namespace=own.get("namespace", ""),
                            name=own["name"],
                        )
                    )
                    yield clean(kind, found)

    @property
    def left(self) -> tuple[Left, ...]:
        """What was found and is not in the copy."""
        return tuple(
            Left(resource=resource, why=why, count=len(names), names=tuple(names[:_NAMES]))
            for (resource, why), names in sorted(self._left.items())
        )

    def _found(self, kind: Kind) -> Iterator[Object]:
        what = (kind.group, kind.plural)
        if what == (CRD_GROUP, CRD_PLURAL):
            yield from self._definitions(kind)
        elif kind.namespaced and kind.listed:
            if why := why_not(kind):
                self._left[kind.resource, why] = []
            else:
                yield from self._cluster.list(kind, self._namespace)
        elif not kind.namespaced:
            for name in self._wanted.get(kind.resource, ()):
                yield self._named(kind, name)

    def _definitions(self, kind: Kind) -> Iterator[Object]:
        """Of each kind that has an object in the copy; an API that is served by a program of its own has none."""
        named = [*self._wanted.get(kind.resource, ())]
        implied = [f"{plural}.{group}" for group, plural in self._custom if "." in group]
        for name in dict.fromkeys([*named, *sorted(implied)]):
            found = self._cluster.get(kind, name)
            if found:
                yield {**found, "apiVersion": kind.api_version, "kind": kind.kind}
            elif name in named:
                raise _absent(kind, name)

    def _named(self, kind: Kind, name: str) -> Object:
        found = self._cluster.get(kind, name)
        if found is None:
            raise _absent(kind, name)
        return {**found, "apiVersion": kind.api_version, "kind": kind.kind}

    def _leave(self, kind: Kind, why: str, name: str) -> None:
        self._left.setdefault((kind.resource, why), []).append(name)


def _by_kind(wanted: Sequence[str], kinds: Sequence[Kind], namespace: str) -> dict[str, list[str]]:
    """Names by kind. Raises Refused for a kind that is not there, or not the cluster's."""
    served = {each.resource: each for each in kinds}
    found: dict[str, list[str]] = {}
    for each in (f"namespaces/{namespace}", *wanted):
        resource, _, name = each.partition("/")
        kind = served.get(resource)
        if kind is None or kind.namespaced:
            problem = "lies in a namespace" if kind else "is nothing that this cluster serves"
            raise Refused(
                f"datasets.configuration.cluster_objects names {each}, and {resource} {problem}",
                next_step="name objects of the cluster, such as storageclasses.storage.k8s.io/gp3 (kubectl "
                "api-resources --namespaced=false)",
            )
        if name not in found.setdefault(resource, []):
            found[resource].append(name)
    return found


def _absent(kind: Kind, name: str) -> Failed:
    return Failed(
        f"there is no {kind.resource}/{name} in the cluster, and the plan names it: nothing is left out silently",
        next_step="mend its name in datasets.configuration.cluster_objects, or find out who deleted it",
    )
