"""A DR site whose `dr promote` restores first: the standby's whole Pod as declared on a real cluster, guard and gate
included; stores and copies as in `standby_site`; Deployments for the services; thin servers for edges and DNS."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from dnslib import RR
from dnslib.server import DNSLogger, DNSServer

from cloud.control_table import ControlTable
from cloud.lease_store import DynamoLeaseStore
from lab.aws.site import Aws, scrubbed_environment
from lab.kubernetes.images import Image, repository, write_images
from lab.machine import binaries
from lab.machine.addresses import POSTGRES_PORT
from lab.machine.processes import HUNG_SECONDS, Supervisor, die_with_parent
from lab.ultramarket.primary import DATABASE, database_uid
from recovery.failover.bundle import Bundle, ClusterAccess, Endpoints
from recovery.lease.lease import Heartbeat, Lease
from recovery.names import (
    DISK_CLASS,
    GATE_SERVICE,
    GUARD_CONTAINER,
    ROLE_GUARD,
    ROLE_PROMOTER,
    STANDBY,
    Names,
    namespace_identity,
)
from recovery.plan.loading import parse_plan
from tests.lab import standby_site
from tests.lab.conftest import IMAGES, REGION, Object, Workspace, python
from tests.lab.standby_site import NAMES, StandbySite
from tests.support.clients import client
from tests.support.plans import ROOT
from tests.support.promotion_site import DNS_PORT, EDGE_PORT, Answer, serve

_PLACE: Any = {"LocationConstraint": REGION}


@dataclass
class RestoringSite:
    """`site` has what is declared; `production` whether its edge answers."""

    site: StandbySite
    plan_file: Path
    production: bool = False

    def __post_init__(self) -> None:
        self.plan = parse_plan(self.plan_file.read_text())
        self.names = Names(self.plan, NAMES.account)
        clients = {region: client(self.site.aws, "dynamodb", "operator", region) for region in (REGION, "us-east-2")}
        self.leases = DynamoLeaseStore(ControlTable(self.names.control_table, clients))
        self.s3 = client(self.site.aws, "s3", "operator", REGION)

    @property
    def space(self) -> Workspace:
        return self.site.space

    def promote(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`dr promote` as the operator's workspace runs it, to its end."""
        return subprocess.run(
            self.command(*arguments), env=self.environment, cwd=self.site.folder, capture_output=True, text=True,
            timeout=2 * HUNG_SECONDS, check=False, preexec_fn=die_with_parent(),
        )  # fmt: skip

    def command(self, *arguments: str) -> list[str]:
        folder = self.site.folder
        return [
            *(sys.executable, "-m", "scripts.dr", "promote", "--bundle", str(folder / "bundle.json")),
            *("--kubeconfig", str(folder / "kubeconfig"), "--journal-dir", str(folder / "journal")),
            *("--resolver", f"{self.space.block.dns}:{DNS_PORT}", *arguments),
        ]

    @property
    def environment(self) -> dict[str, str]:
        return {
            **scrubbed_environment(),
            **self.site.aws.env("operator"),
            "PATH": f"{self.site.primary.postgres.bin}:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "PGUSER": ROLE_PROMOTER,
            "PGPASSWORD": self.site.primary.passwords[ROLE_PROMOTER],
            "COLUMNS": "200",
        }

    def lease(self) -> Lease:
        found = self.leases.read()
        assert found is not None
        return found

    def beat(self, lsn: int) -> None:
        """Production's guard says that its primary is at `lsn`."""
        now = self.lease()
        beat = Heartbeat(at=datetime.now(UTC), lsn=lsn, commits_per_second=2.0, timeline=1)
        self.leases.renew(now, boot_id="guard-prod", heartbeat=beat)

    def resolve(self, request: Any, handler: Any) -> Any:
        """DNS: the marker leads."""
        moved = self.s3.list_objects_v2(Bucket=self.names.marker_bucket).get("KeyCount")
        address = self.space.block.dr.edge if moved else self.space.block.prod.edge
        reply = request.reply()
        reply.add_answer(*RR.fromZone(f"{request.q.qname} 1 IN CNAME edge.example."))
        reply.add_answer(*RR.fromZone(f"edge.example. 1 IN A {address}"))
        return reply

    def dr_edge(self, method: str, path: str, body: bytes) -> Answer:
        """The services, which reach the database through the gate alone."""
        try:
            address = self.service(GATE_SERVICE)
            with psycopg.connect(
                host=address.partition(":")[0], port=POSTGRES_PORT, user=ROLE_PROMOTER, dbname=DATABASE,
                password=self.site.primary.passwords[ROLE_PROMOTER], connect_timeout=2,
            ) as session:  # fmt: skip
                row = session.execute("SELECT epoch FROM dr.site").fetchone()
        except psycopg.Error:
            return 503, {"site": "dr", "epoch": None, "database": "error"}
        return 200, {"site": "dr", "epoch": row[0] if row else None, "database": "ok"}

    def prod_edge(self, method: str, path: str, body: bytes) -> Answer:
        """Alive while the test says so; fenced as soon as the lease is another's."""
        if not self.production:
            return 502, {}
        if method == "GET":
            return 200, {"site": "prod", "epoch": 1, "database": "ok"}
        fenced = self.lease().site != "prod"
        return (503, {"site": "prod", "write": "refused"}) if fenced else (200, {"site": "prod", "write": "accepted"})

    def service(self, name: str) -> str:
        """host:port of a Service."""
        found = self.space.api.get(self.space.path("services", name))
        return f"{found['spec']['clusterIP']}:{POSTGRES_PORT}"

    def volumes(self) -> dict[str, str]:
        """Of this namespace's claims, whether they are there or not: name → what becomes of it."""
        found = self.space.api.get("/api/v1/persistentvolumes")["items"]
        mine = [each for each in found if each["spec"].get("claimRef", {}).get("namespace") == self.space.name]
        return {each["metadata"]["name"]: each["spec"]["persistentVolumeReclaimPolicy"] for each in mine}


def make(
    space: Workspace, aws: Aws, folder: Path, processes: Supervisor, monkeypatch: Any, change: Callable[[str], str]
) -> Iterator[RestoringSite]:
    """Everything but copies; `change` is made to the plan."""
    text = (ROOT / "recovery.yaml").read_text().replace("ultramarket-dr", space.name)
    for old, new in {"least: 2, full: 3": "least: 1, full: 1", "ttl: 10s": "ttl: 1s"}.items():
        text = text.replace(old, new)
    plan_file = folder / "plan.yaml"
    plan_file.write_text(change(text))
    for site in standby_site.make(space, aws, folder, processes, monkeypatch, plan=str(plan_file)):
        made = RestoringSite(site, plan_file)
        _objects(made)
        _declare(made)
        made.s3.create_bucket(Bucket=made.names.marker_bucket, CreateBucketConfiguration=_PLACE)
        _bundle(made)
        with ExitStack() as stack:
            for address, answer in ((space.block.dr.edge, made.dr_edge), (space.block.prod.edge, made.prod_edge)):
                server = serve(address, EDGE_PORT, answer)
                stack.callback(server.server_close)
                stack.callback(server.shutdown)
            quiet = DNSLogger(log="-request,-reply", prefix=False)
            dns = DNSServer(made, port=DNS_PORT, address=space.block.dns, logger=quiet)
            dns.start_thread()
            stack.callback(dns.server.server_close)
            stack.callback(dns.stop)
            yield made


def _objects(made: RestoringSite) -> None:
    """What the guard needs, the namespace's word on which site it is, Services, and the services' Deployments."""
    space, declared = made.space, made.site.declared
    identity = namespace_identity("dr", made.names.account, REGION)
    space.api.merge(f"/api/v1/namespaces/{space.name}", {"metadata": {"annotations": identity}})
    password = base64.b64encode(made.site.primary.passwords[ROLE_GUARD].encode()).decode()
    space.create("secrets", declared["postgres-guard-login"]["metadata"]["name"], data={"password": password})
    # Redis' as well, though none runs: the guard has its address from it.
    for name in ("redis-service", "postgres-service", "postgres-gate"):
        spec = _whole(declared[name]["spec"])
        space.create("services", declared[name]["metadata"]["name"], spec=spec)
    for name, sizes in made.plan.services.items():
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [python("import signal; signal.pause()")]}}
        spec: Object = {"replicas": sizes.warm, "selector": {"matchLabels": labels}, "template": template}
        space.create("deployments", name, group="apps/v1", spec=spec)
    found = space.api.get("/apis/storage.k8s.io/v1/storageclasses")["items"]
    if DISK_CLASS not in {each["metadata"]["name"] for each in found}:
        body: Object = {"metadata": {"name": DISK_CLASS}, "provisioner": "lab", "reclaimPolicy": "Retain"}
        space.api.create("/apis/storage.k8s.io/v1/storageclasses", body)


def _declare(made: RestoringSite) -> None:
    """The set as it is declared, with its guard."""
    site = made.site
    spec = _whole(site.declared["postgres-set"]["spec"])
    pod = spec["template"]["spec"]
    del pod["priorityClassName"]
    images = {each["name"]: each["image"] for each in pod["containers"]}
    programs, haproxy = str(site.primary.postgres.bin), str(binaries.find().haproxy.parent)
    runner = Image(
        path=(str(Path(sys.executable).parent), haproxy, programs),
        env={"PYTHONPATH": str(ROOT), "AWS_ENDPOINT_URL": site.aws.endpoint("prod")},
    )
    database = Image(path=(programs,), env=site.primary.postgres.env(), uid=database_uid(), stop_signal="SIGINT")
    mine = {repository(images[GUARD_CONTAINER]): runner, repository(images["postgres"]): database}
    write_images(site.space.cluster.run_dir.parent / "images.json", IMAGES | mine)
    site.space.create("statefulsets", STANDBY, group="apps/v1", spec=spec)


def _whole(spec: Object) -> Object:
    """Pulumi's mocks make floats of numbers."""
    return json.loads(json.dumps(spec), parse_float=lambda number: int(float(number)))


def _bundle(made: RestoringSite) -> None:
    space, block = made.space, made.space.block
    bundle = Bundle(
        account=made.names.account,
        region=REGION,
        namespace=space.name,
        control_table=made.names.control_table,
        backup_bucket=made.names.backup_bucket("dr"),
        marker_bucket=made.names.marker_bucket,
        cluster=ClusterAccess(name="dr", endpoint=space.cluster.endpoint, ca_data=""),
        endpoints=Endpoints(
            prod_edge=f"{block.prod.edge}:{EDGE_PORT}",
            dr_edge=f"{block.dr.edge}:{EDGE_PORT}",
            standby=made.service(STANDBY),
            gate=made.service(GATE_SERVICE),
        ),
        plan=made.plan,
    )
    (made.site.folder / "bundle.json").write_text(bundle.to_json())
