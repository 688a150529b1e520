"""What `dr restore --beside` meets: a real cluster with what the dr stack declares for it, a backup and its log in the
DR bucket, and the operator's service account."""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from cloud.objects import S3Bucket
from lab.aws.site import Aws, scrubbed_environment
from lab.kubernetes.images import Image, repository, write_images
from lab.machine.binaries import copy_postgres
from lab.machine.processes import Supervisor
from lab.ultramarket.primary import DATABASE, Primary, database_uid
from recovery.copies.server_order import ServerOrder
from recovery.names import (
    BESIDE,
    BESIDE_LABEL,
    OPERATOR_ACCOUNT,
    PROMOTER_ROLE,
    RESTORER_ACCOUNT,
    ROLE_PROMOTER,
    Names,
    namespace_identity,
)
from recovery.plan.loading import load_plan
from recovery.site.kubeconfig import token_kubeconfig
from tests.lab.conftest import IMAGES, REGION, Object, Workspace, associate
from tests.support import stacks
from tests.support.backup_site import Site
from tests.support.clients import client
from tests.support.fakes import FakeLeases, held_lease
from tests.support.plans import ROOT

NAMES = Names(load_plan(ROOT / "recovery.yaml"), "123456789012")
_RBAC = "rbac.authorization.k8s.io"
_PLACE: Any = {"LocationConstraint": REGION}


@dataclass
class BesideSite:
    """`primary` is the source. `dr(…)` is the command as the operator's workspace runs it."""

    space: Workspace
    aws: Aws
    primary: Primary
    folder: Path
    declared: dict[str, Object]

    def command(self, *options: str) -> list[str]:
        return [sys.executable, "-m", "scripts.dr", "restore", "postgres", "--beside", *options]

    @property
    def environment(self) -> dict[str, str]:
        return {
            **scrubbed_environment(),
            **self.aws.env("operator"),
            "PATH": f"{self.primary.postgres.bin}:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "DR_PLAN": str(self.folder / "recovery.yaml"),
            "DR_ACCOUNT": NAMES.account,
            "KUBECONFIG": str(self.folder / "kubeconfig"),
            "PGUSER": ROLE_PROMOTER,
            "PGPASSWORD": self.primary.passwords[ROLE_PROMOTER],
        }

    def dr(self, *options: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*options), env=self.environment, cwd=self.folder, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    def order(self) -> dict[str, str]:
        """What the ConfigMap says."""
        return self.space.api.get(self.space.path("configmaps", BESIDE)).get("data") or {}

    def replicas(self) -> int:
        return self.space.api.get(self.space.path("deployments", BESIDE, "apps/v1"))["spec"]["replicas"]

    def pods(self) -> list[Object]:
        return self.space.pods(**BESIDE_LABEL)

    def connect(self, address: str, role: str) -> psycopg.Connection:
        """A session in the restored server, at host:port."""
        host, _, port = address.rpartition(":")
        password = self.primary.passwords[role]
        return psycopg.connect(
            host=host, port=port, user=role, password=password, dbname=DATABASE, autocommit=True, connect_timeout=5
        )


def make(space: Workspace, aws: Aws, folder: Path, processes: Supervisor, monkeypatch: Any) -> Iterator[BesideSite]:
    """Everything but a backup, with Pods' images that are real programs of this machine."""
    databases = Path(tempfile.mkdtemp(prefix="beside-", dir="/tmp"))
    databases.chmod(0o755)
    monkeypatch.chdir(ROOT)
    found = {each.name: each.inputs for each in stacks.declare("dr", {"podCidrs": ["127.0.0.0/8"]})}
    primary = Primary(
        supervisor=processes,
        postgres=copy_postgres(databases / "programs"),
        folder=databases / "source",
        address=space.block.primary,
        uid=database_uid(),
        name="beside-source",
    )
    site = BesideSite(space, aws, primary, folder, found)
    try:
        primary.create()
        _images(site)
        _declare(site)
        give_operator(site.space, site.folder)
        client(aws, "s3", "operator", REGION).create_bucket(
            Bucket=NAMES.backup_bucket("dr"), ObjectLockEnabledForBucket=True, CreateBucketConfiguration=_PLACE
        )
        yield site
    finally:
        write_images(space.cluster.run_dir.parent / "images.json", IMAGES)
        shutil.rmtree(databases, ignore_errors=True)


def source(site: BesideSite, monkeypatch: Any) -> Site:
    """The source as the tests about copies see it, with the DR bucket for its copies."""
    scratch = site.folder / "scratch"
    scratch.mkdir()
    return source_of(site.primary, site.aws, scratch, monkeypatch)


def source_of(primary: Primary, aws: Aws, scratch: Path, monkeypatch: Any) -> Site:
    """`primary` as the tests about copies see it, its copies in the DR bucket, and this process as its Pods."""
    for name, value in aws.env("prod").items():  # before its clients are made
        monkeypatch.setenv(name, value)
    made = Site(
        primary,
        S3Bucket(NAMES.backup_bucket("dr"), REGION),
        client(aws, "s3", "operator", REGION),
        scratch,
        leases=FakeLeases(held_lease()),
    )
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def an_order(to: str) -> ServerOrder:
    """Of this point."""
    return ServerOrder(asked=to, to=to, at=datetime(2026, 11, 30, 12, tzinfo=UTC))


def give_programs(space: Workspace, aws: Aws, primary: Primary, *, runner: str, server: str) -> None:
    """Pods of these two images run programs of this machine: ours, and those of `primary`."""
    programs = str(primary.postgres.bin)
    ours = Image(
        path=(str(Path(sys.executable).parent), programs),
        env={"PYTHONPATH": str(ROOT), "AWS_ENDPOINT_URL": aws.endpoint("prod")},
    )
    database = Image(path=(programs,), env=primary.postgres.env(), uid=database_uid(), stop_signal="SIGINT")
    mine = {repository(runner): ours, repository(server): database}
    write_images(space.cluster.run_dir.parent / "images.json", IMAGES | mine)


def _images(site: BesideSite) -> None:
    (restore,) = site.declared["postgres-beside-deployment"]["spec"]["template"]["spec"]["initContainers"]
    (server,) = site.declared["postgres-beside-deployment"]["spec"]["template"]["spec"]["containers"]
    give_programs(site.space, site.aws, site.primary, runner=restore["image"], server=server["image"])


def _declare(site: BesideSite) -> None:
    """As the dr stack declares it; Pulumi's mocks make floats of numbers, and claims have no provisioner."""
    space, declared = site.space, site.declared
    identity = namespace_identity("dr", NAMES.account, REGION)
    space.api.merge(f"/api/v1/namespaces/{space.name}", {"metadata": {"annotations": identity}})
    space.create("serviceaccounts", RESTORER_ACCOUNT, automountServiceAccountToken=False)
    associate(space, RESTORER_ACCOUNT, NAMES.role_arn("restorer"))
    for name in ("postgres-beside-config", "postgres-beside-order", "plan"):
        space.create("configmaps", declared[name]["metadata"]["name"], data=declared[name].get("data"))
    text = json.dumps(declared["postgres-beside-deployment"]["spec"])
    spec = json.loads(text, parse_float=lambda number: int(float(number)))
    space.create("deployments", BESIDE, group="apps/v1", spec=spec)
    for name in ("services-promoter-role", "postgres-beside-role"):
        space.create("roles", declared[name]["metadata"]["name"], group=f"{_RBAC}/v1", rules=declared[name]["rules"])
    mine = [{"kind": "ServiceAccount", "name": OPERATOR_ACCOUNT, "namespace": space.name}]
    for role in (PROMOTER_ROLE, BESIDE):
        reference = {"apiGroup": _RBAC, "kind": "Role", "name": role}
        space.create("rolebindings", role, group=f"{_RBAC}/v1", roleRef=reference, subjects=mine)
    space.create("secrets", "somebodys", data={"password": base64.b64encode(b"its own").decode()})


def give_operator(space: Workspace, folder: Path) -> None:
    """Its plan, and a kubeconfig with a token of the workspace's service account, both in `folder`."""
    plan = (ROOT / "recovery.yaml").read_text()
    (folder / "recovery.yaml").write_text(plan.replace("ultramarket-dr", space.name))
    space.create("serviceaccounts", OPERATOR_ACCOUNT, automountServiceAccountToken=False)
    asked: Object = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = space.api.create(space.path("serviceaccounts", f"{OPERATOR_ACCOUNT}/token"), asked)["status"]["token"]
    (folder / "token").write_text(token)
    text = token_kubeconfig(
        name="dr", endpoint=space.cluster.endpoint, ca_data=space.cluster.ca_data, token_file=str(folder / "token")
    )
    (folder / "kubeconfig").write_text(text)
    os.chmod(folder / "kubeconfig", 0o600)  # noqa: PTH101
