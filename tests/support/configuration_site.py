"""A cluster, a bucket, keys and a lease, as the tests about copies of configuration want them."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engines.configuration.contents import Contents
from engines.configuration.full import ConfigurationFull
from engines.configuration.into_cluster import AppliedAll, ClusterOrder, execute, plan
from engines.configuration.outside import Here
from engines.configuration.restore import Restored, restore
from engines.configuration.restore_order import choose
from engines.engine import Verdict
from operations.copies import backup
from operations.copies.backup import Made, back_up
from recovery.plan.datasets import Configuration
from tests.support import plans
from tests.support.cluster_objects import DEFINITION, NAMESPACE, FakeKeys, FakeObjects
from tests.support.fakes import FakeLeases, held_lease
from tests.support.restore_site import Stock

SERVICES = ("order", "payment")


@dataclass
class ConfigurationSite:
    """Everything one copy needs; tests replace what they want to break."""

    source: Any = field(default_factory=FakeObjects)
    keys: Any = field(default_factory=FakeKeys)
    store: Any = field(default_factory=Stock)
    leases: FakeLeases = field(default_factory=lambda: FakeLeases(held_lease()))
    cluster_objects: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    namespace: str = NAMESPACE

    def here(self) -> Here:
        return Here(namespace=self.namespace, services=SERVICES, sealer=self.keys)

    def cluster(self, environment: Mapping[str, str]) -> Any:
        return self.source

    def opener(self) -> Any:
        return self.keys

    @property
    def engine(self) -> ConfigurationFull:
        """With this site handed in."""
        return ConfigurationFull().reaching(self)

    def back_up(self, *, time_limit: timedelta = timedelta(minutes=2), clock: datetime | None = None) -> Made:
        """One copy."""
        section: Configuration = plans.plan().datasets.configuration.model_copy(
            update={"cluster_objects": self.cluster_objects, "paths": self.paths}
        )
        order = backup.Order(
            site="prod",
            into="prod",
            section=section,
            plan_digest="0" * 64,
            keep=timedelta(days=3),
            time_limit=time_limit,
            longest=timedelta(days=8),
            replica_lag=timedelta(0),
            run=secrets.token_hex(4),
            program_version="test",
        )
        now = clock or datetime.now(UTC)
        return back_up(self.engine, self.store, self.leases, order, environment={}, clock=lambda: now)

    def contents(self) -> Contents:
        """Of the newest copy."""
        return Contents.of(self.store, choose(self.store, "latest").copy)

    def verify(self) -> Verdict:
        """The newest copy, without the command."""
        manifest = choose(self.store, "latest").copy
        return self.engine.verify(self.store, manifest, environment={}, scratch=Path())

    def restore(self, into: Path, *, opened: bool = False) -> Restored:
        """As files."""
        return restore(self.contents(), into, opener=self.keys if opened else None)

    def plan(self, target: Any, *, to: str = "latest", namespace: str = "", with_secrets: bool = True) -> ClusterOrder:
        """Into another cluster, as it is shown."""
        return plan(self.store, to, target, self.keys, namespace=namespace, secrets=with_secrets)

    def apply(self, target: Any, *, partial: bool = False, **more: Any) -> AppliedAll:
        """The same with --execute."""
        return execute(self.plan(target, **more), target, self.keys, partial=partial)

    def documents(self, with_secrets: bool = True) -> dict[str, dict[str, Any]]:
        """All objects of the newest copy, by resource and name."""
        contents = self.contents()
        return {
            entry.words: found
            for name in contents.names
            if ".json." in name and (with_secrets or "secrets" not in name)
            for entry, found in contents.documents(name, self.keys)
        }


def shop() -> ConfigurationSite:
    """A namespace with something of everything that matters."""
    site = ConfigurationSite()
    cluster = site.source
    owner = {"kind": "Deployment", "name": "order", "uid": "u", "controller": True}
    cluster.add("configmaps", "order-settings", data={"currency": "UZS"})
    cluster.add("configmaps", "kube-root-ca.crt", data={"ca.crt": "of this cluster"})
    cluster.add("secrets", "order-login", type="Opaque", data={"password": encoded(PASSWORD)})
    cluster.add("secrets", "token", type="kubernetes.io/service-account-token", data={"token": encoded("t0ken")})
    cluster.add("serviceaccounts", "order", secrets=[{"name": "token"}])
    cluster.add(
        "services",
        "order",
        spec={
            "clusterIP": "10.0.0.7",
            "clusterIPs": ["10.0.0.7"],
            "ports": [{"port": 80, "nodePort": 30080}],
            "selector": {"app": "order"},
        },
        status={"loadBalancer": {}},
    )
    template = {"metadata": {"labels": {"app": "order"}, "creationTimestamp": None}, "spec": {"containers": []}}
    cluster.add("deployments.apps", "order", spec={"replicas": 3, "template": template}, status={"replicas": 3})
    cluster.add("deployments.apps", "mailer", spec={"replicas": 2, "template": template}, status={"replicas": 2})
    cluster.add("replicasets.apps", "order-77", metadata={"ownerReferences": [owner]}, spec={})
    cluster.add("pods", "order-77-x", metadata={"ownerReferences": [{**owner, "kind": "ReplicaSet"}]}, spec={})
    cluster.add("events", "happened")
    cluster.add("cronjobs.batch", "report", spec={"schedule": "0 1 * * *", "suspend": False, "jobTemplate": {}})
    cluster.add("storageclasses.storage.k8s.io", "gp3", namespaced=False, provisioner="ebs.csi.aws.com")
    return site


def small() -> ConfigurationSite:
    """A namespace with one Secret."""
    site = ConfigurationSite()
    site.source.add("secrets", "order-login", type="Opaque", data={"password": encoded(PASSWORD)})
    return site


def with_definition(cluster: FakeObjects) -> None:
    """A kind of its own, with one object."""
    cluster.add(
        "customresourcedefinitions.apiextensions.k8s.io",
        namespaced=False,
        name=DEFINITION["metadata"]["name"],
        spec=DEFINITION["spec"],
        status=DEFINITION["status"],
    )


PASSWORD = "ultramarket-test-secret-sesame"


def encoded(text: str) -> str:
    """As a Secret has it."""
    return base64.b64encode(text.encode()).decode()
