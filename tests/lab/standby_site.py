"""The standby's StatefulSet as the dr stack declares it, on a real cluster; copies of its primary in the DR bucket."""

import base64
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from cloud.control_table import ControlTable
from cloud.kubernetes_api import KubernetesApi
from cloud.lease_store import DynamoLeaseStore
from lab.aws.site import Aws
from lab.kubernetes.images import write_images
from lab.machine.addresses import POSTGRES_PORT
from lab.machine.binaries import copy_postgres
from lab.machine.processes import Supervisor
from lab.ultramarket.primary import DATABASE, Primary, database_uid
from recovery.names import (
    GUARD_ACCOUNT,
    LOG_CONTAINER,
    OPERATOR_ACCOUNT,
    PROMOTER_ROLE,
    ROLE_PROMOTER,
    ROLE_REPLICATION,
    STANDBY,
    STANDBY_LABEL,
    Names,
)
from recovery.plan.loading import load_plan
from tests.lab.beside_site import give_operator, give_programs, source_of
from tests.lab.conftest import IMAGES, REGION, Object, Workspace, associate
from tests.support import stacks
from tests.support.backup_site import Site
from tests.support.clients import client
from tests.support.drain_site import vouching_for
from tests.support.plans import ROOT
from tests.support.wal_shipping import system_of

NAMES = Names(load_plan(ROOT / "recovery.yaml"), "123456789012")
_RBAC = "rbac.authorization.k8s.io"
_WITHOUT = "guard"  # it opens the gate under a lease, which is another test's affair


@dataclass
class StandbySite:
    """`source` is production, with the DR bucket for its copies."""

    space: Workspace
    aws: Aws
    primary: Primary
    source: Site
    folder: Path
    declared: dict[str, Object]

    @property
    def operator(self) -> KubernetesApi:
        """The API with the rights of the operator's workspace."""
        return KubernetesApi(self.folder / "kubeconfig", self.space.name)

    @property
    def pod(self) -> Object:
        """The only one; empty while there is none."""
        return next(iter(self.space.pods(**STANDBY_LABEL)), {})

    def scale(self, replicas: int) -> None:
        """As a promotion does."""
        path = self.space.path("statefulsets", f"{STANDBY}/scale", "apps/v1")
        self.operator.call("PATCH", path, {"spec": {"replicas": replicas}})

    def lose_pod(self) -> None:
        """As with its node; the next one is made at once."""
        uid = self.pod["metadata"]["uid"]
        path = self.space.path("pods", self.pod["metadata"]["name"])
        self.space.api.request("DELETE", f"{path}?gracePeriodSeconds=0")
        self.space.eventually(lambda: bool(self.pod) and self.pod["metadata"]["uid"] != uid, "the next Pod")

    def ask(self, query: str) -> str:
        """One value of the standby, as the promoter reads it; empty while it does not answer."""
        with suppress(psycopg.OperationalError), self._connect() as session:
            row = session.execute(query.encode()).fetchone()
            return str(row[0]) if row else ""
        return ""

    def rows(self, what: str) -> str:
        return self.ask(f"SELECT count(*) FROM dr.probe WHERE run = '{what}'")  # noqa: S608

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=self.pod.get("status", {}).get("podIP", "127.0.0.1"),
            port=POSTGRES_PORT,
            user=ROLE_PROMOTER,
            password=self.primary.passwords[ROLE_PROMOTER],
            dbname=DATABASE,
            autocommit=True,
            connect_timeout=5,
        )

    def declare(self) -> None:
        """The set."""
        self.space.create("statefulsets", STANDBY, group="apps/v1", spec=self.spec)

    @property
    def spec(self) -> Object:
        """Without the guard, as urgent as others, and less patient. Pulumi's mocks make floats of numbers."""
        text = json.dumps(self.declared["postgres-set"]["spec"])
        spec = json.loads(text, parse_float=lambda number: int(float(number)))
        pod = spec["template"]["spec"]
        pod["containers"] = [each for each in pod["containers"] if each["name"] != _WITHOUT]
        del pod["priorityClassName"]
        (fill,) = pod["initContainers"]
        (patience,) = [each for each in fill["env"] if each["name"] == "PRIMARY_PATIENCE_SECONDS"]
        patience["value"] = "1"
        return spec


def make(
    space: Workspace, aws: Aws, folder: Path, processes: Supervisor, monkeypatch: Any, **changes: Any
) -> Iterator[StandbySite]:
    """Everything but copies and the set itself; `changes` are of the dr stack's configuration."""
    databases = Path(tempfile.mkdtemp(prefix="standby-", dir="/tmp"))
    databases.chmod(0o755)
    monkeypatch.chdir(ROOT)
    primary = Primary(
        supervisor=processes,
        postgres=copy_postgres(databases / "programs"),
        folder=databases / "source",
        address=space.block.primary,
        uid=database_uid(),
        name="standby-source",
    )
    outputs = {"primary_host": primary.address, "ssl_mode": "disable"}
    found = stacks.declare("dr", {"podCidrs": ["127.0.0.0/8"], "postgresMemory": "512Mi", **changes}, outputs)
    declared = {each.name: each.inputs for each in found}
    try:
        primary.create()
        source = source_of(primary, aws, folder, monkeypatch)
        site = StandbySite(space, aws, primary, source, folder, declared)
        _images(site)
        _aws(site)
        _objects(site)
        give_operator(space, folder)
        yield site
    finally:
        write_images(space.cluster.run_dir.parent / "images.json", IMAGES)
        shutil.rmtree(databases, ignore_errors=True)


def _images(site: StandbySite) -> None:
    images = {each["name"]: each["image"] for each in site.spec["template"]["spec"]["containers"]}
    give_programs(site.space, site.aws, site.primary, runner=images[LOG_CONTAINER], server=images["postgres"])


def _aws(site: StandbySite) -> None:
    """The DR bucket, and production's lease, whose guard has seen this primary."""
    site.source.s3.create_bucket(
        Bucket=site.source.store.bucket,
        ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": REGION},
    )
    clients = {region: client(site.aws, "dynamodb", "operator", region) for region in (REGION, "us-east-2")}
    clients[REGION].create_table(
        TableName=NAMES.control_table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    DynamoLeaseStore(ControlTable(NAMES.control_table, clients)).create(vouching_for(system_of(site.source)))


def _objects(site: StandbySite) -> None:
    """What the set needs, and the promoter's rights."""
    space, declared = site.space, site.declared
    space.create("serviceaccounts", GUARD_ACCOUNT, automountServiceAccountToken=False)
    associate(space, GUARD_ACCOUNT, NAMES.role_arn("guard"))
    for name in ("postgres-config", "postgres-order", "plan"):
        space.create("configmaps", declared[name]["metadata"]["name"], data=declared[name].get("data"))
    password = base64.b64encode(site.primary.passwords[ROLE_REPLICATION].encode()).decode()
    space.create("secrets", declared["postgres-login"]["metadata"]["name"], data={"password": password})
    mine = [{"kind": "ServiceAccount", "name": OPERATOR_ACCOUNT, "namespace": space.name}]
    space.create("roles", PROMOTER_ROLE, group=f"{_RBAC}/v1", rules=declared["services-promoter-role"]["rules"])
    reference = {"apiGroup": _RBAC, "kind": "Role", "name": PROMOTER_ROLE}
    space.create("rolebindings", PROMOTER_ROLE, group=f"{_RBAC}/v1", roleRef=reference, subjects=mine)
    everywhere = f"{space.name}-promoter"
    rules = declared["services-nodes-role"]["rules"]
    space.api.create(f"/apis/{_RBAC}/v1/clusterroles", {"metadata": {"name": everywhere}, "rules": rules})
    reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": everywhere}
    binding = {"metadata": {"name": everywhere}, "roleRef": reference, "subjects": mine}
    space.api.create(f"/apis/{_RBAC}/v1/clusterrolebindings", binding)
