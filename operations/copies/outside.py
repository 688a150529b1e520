"""What engines need of cluster and keys, handed to those that do."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

from cloud.cluster_objects import KubernetesObjects
from cloud.sealing import KmsOpener, KmsSealer
from engines.configuration.outside import Here, Outside
from operations.context import Context
from recovery.errors import Refused
from recovery.ports.cluster_objects import ClusterObjects
from recovery.ports.sealing import Opener

Found = TypeVar("Found")


@runtime_checkable
class Reaching(Protocol):
    """An engine that needs what this file has."""

    def reaching(self, outside: Outside) -> Any:
        """The same with it."""
        ...


@dataclass(frozen=True)
class CloudOutside:
    """`engines.configuration.outside.Outside`. Without a context there is no site: enough to verify and restore."""

    context: Context | None = None

    def here(self) -> Here:
        if self.context is None:
            raise Refused("no plan says which namespace this is about", next_step="name it with --plan")
        names, plan = self.context.names, self.context.plan
        return Here(
            namespace=plan.site(self.context.site).namespace,
            services=tuple(plan.services),
            sealer=KmsSealer(dr=names.key_alias_arn("dr"), prod=names.key_alias_arn("prod")),
        )

    def cluster(self, environment: Mapping[str, str]) -> ClusterObjects:
        named = environment.get("KUBECONFIG", "")
        if not named:
            raise Refused("no cluster is named", next_step="set KUBECONFIG, or name a kubeconfig with --kubeconfig")
        return KubernetesObjects(Path(named))

    def opener(self) -> Opener:
        return KmsOpener()


def handed(engine: Found, context: Context | None = None) -> Found:
    """The engine, with a cluster and keys where it needs some."""
    if isinstance(engine, Reaching):
        return cast("Found", engine.reaching(CloudOutside(context)))
    return engine
