"""A cluster's objects, as they are listed and put back."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Object = Mapping[str, Any]
"""One object as its API writes it."""


@dataclass(frozen=True, order=True)
class Kind:
    """A kind of object that an API server serves. `group` is empty for the core's."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    listed: bool = True

    @property
    def api_version(self) -> str:
        """As an object names it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """As RBAC and kubectl name it: `storageclasses.storage.k8s.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What the API server answers to an object that is put back: how it would be or is, or why it is not. `absent`: its
    namespace or its kind is not there yet. `owned`: whose fields it would overwrite."""

    object: Object | None = None
    absent: bool = False
    owned: str = ""


class ClusterObjects(Protocol):
    """The cluster of a kubeconfig. Every method raises Unreachable when it does not answer, Refused when it says no."""

    def server(self) -> str:
        """The API server that the kubeconfig names."""
        ...

    def uid(self) -> str:
        """What tells this cluster from every other: the uid of its namespace kube-system."""
        ...

    def version(self) -> str:
        """Kubernetes' own."""
        ...

    def kinds(self, *, but: Collection[str] = ()) -> tuple[Kind, ...]:
        """All that is served, in every version, the preferred one first; groups in `but` are not asked. Raises
        Unreachable naming each group that cannot be listed: what is in it would be missing silently."""
        ...

    def list(self, kind: Kind, namespace: str = "") -> Iterator[Object]:
        """Every object of a kind, page by page."""
        ...

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        """None when there is none."""
        ...

    def apply(self, kind: Kind, document: Object, *, trial: bool) -> Applied:
        """Server-side apply under our own field manager; as a `trial` nothing is kept. Never takes what another
        manager owns. Raises Refused without the document's content."""
        ...
