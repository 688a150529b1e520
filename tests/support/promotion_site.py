"""A DR site for promotions: real PostgreSQL standby, AWS's stand-in, and thin servers for the cluster's API, the
edges and DNS."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest
from dnslib import RR
from dnslib.server import DNSLogger, DNSServer

from cloud.control_table import ControlTable
from cloud.guard_reports import DynamoGuardReports
from cloud.lease_store import DynamoLeaseStore
from lab.aws.site import Aws, scrubbed_environment
from lab.machine.addresses import Block
from lab.machine.processes import HUNG_SECONDS, Child, Supervisor, die_with_parent, wait_until
from lab.ultramarket.primary import Primary
from recovery.failover.bundle import Bundle, ClusterAccess, Endpoints
from recovery.lease.guard_report import DatabaseSeen, GuardReport
from recovery.lease.lease import Heartbeat, Lease
from recovery.names import GUARD_CONTAINER, MARKER_KEY, STANDBY_CLAIM, Names, namespace_identity
from recovery.plan.loading import parse_plan
from tests.support.clients import client
from tests.support.plans import ROOT

ACCOUNT = "123456789012"
KUBERNETES_PORT, EDGE_PORT, DNS_PORT = 6999, 8081, 10054
Answer = tuple[int, dict[str, Any]]


def serve(address: str, port: int, answer: Callable[[str, str, bytes], Answer]) -> ThreadingHTTPServer:
    """An HTTP server in a thread: (method, path, body) → (status, JSON)."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, value = answer(self.command, self.path.partition("?")[0], body)
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = _any

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer((address, port), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


@dataclass
class DrSite:
    """What a promotion meets. `replicas` is the cluster's state, changed by the scale subresource."""

    aws: Aws
    block: Block
    processes: Supervisor
    primary: Primary
    leases: DynamoLeaseStore
    folder: Path
    databases: Path
    replicas: dict[str, int] = field(default_factory=dict)
    scaled: list[str] = field(default_factory=list)
    servers: list[Any] = field(default_factory=list)
    may_scale: bool = True

    def __post_init__(self) -> None:
        text = (ROOT / "recovery.yaml").read_text()
        for old, new in {
            "duration: 30s": "duration: 3s",
            "renewal: 5s": "renewal: 1s",
            "margin: 2s": "margin: 1s",
            "ttl: 10s": "ttl: 1s",
        }.items():
            text = text.replace(old, new)
        self.plan = parse_plan(text)
        self.names = Names(self.plan, ACCOUNT)
        self.s3 = client(self.aws, "s3", "operator", "us-west-2")
        self.replicas = {name: service.warm for name, service in self.plan.services.items()}
        self.standby = replace(self.primary, address=self.block.host(51), name="standby", folder=self.databases)

    def start(self, now_minus: Heartbeat) -> None:
        """Bucket, lease, standby and servers; production keeps running until `lose_production`."""
        place: Any = {"LocationConstraint": "us-west-2"}
        for bucket in (self.names.marker_bucket, self.names.backup_bucket("dr")):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        with self.primary.connect() as connection:
            row = connection.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
        self.leases.create(
            Lease(
                site="prod",
                epoch=1,
                state="held",
                lease_seconds=3.0,
                margin_seconds=1.0,
                holder_run="init",
                heartbeat=now_minus,
                system_identifier=str(row[0]) if row else "",
            )
        )
        self._copy_primary()
        self.servers += [
            serve(self.block.dr.api_server, KUBERNETES_PORT, self._kubernetes),
            serve(self.block.dr.edge, EDGE_PORT, self._edge),
        ]
        dns = DNSServer(
            self, port=DNS_PORT, address=self.block.dns, logger=DNSLogger(log="-request,-reply", prefix=False)
        )
        dns.start_thread()
        self.servers.append(dns)
        config = {
            "current-context": "dr",
            "contexts": [{"name": "dr", "context": {"cluster": "dr", "user": "dr"}}],
            "clusters": [{"name": "dr", "cluster": {"server": self.api}}],
            "users": [{"name": "dr", "user": {"token": "t"}}],
        }
        (self.folder / "kubeconfig").write_text(json.dumps(config))
        self.write_bundle()

    @property
    def api(self) -> str:
        """The cluster's endpoint."""
        return f"http://{self.block.dr.api_server}:{KUBERNETES_PORT}"

    def write_bundle(self, **changes: Any) -> Path:
        """The bundle's file, possibly with other content."""
        bundle = Bundle(
            account=ACCOUNT,
            region="us-west-2",
            namespace="ultramarket-dr",
            control_table=self.names.control_table,
            backup_bucket=self.names.backup_bucket("dr"),
            marker_bucket=self.names.marker_bucket,
            cluster=ClusterAccess(name="ultramarket-dr", endpoint=self.api, ca_data=""),
            endpoints=Endpoints(
                prod_edge=f"{self.block.prod.edge}:{EDGE_PORT}",
                dr_edge=f"{self.block.dr.edge}:{EDGE_PORT}",
                standby=f"{self.standby.address}:5432",
                gate=f"{self.standby.address}:5432",
            ),
            plan=self.plan,
        ).model_copy(update=changes)
        path = self.folder / "bundle.json"
        path.write_text(bundle.to_json())
        return path

    def start_production_edge(self) -> ThreadingHTTPServer:
        """Production answers its customers."""
        server = serve(
            self.block.prod.edge,
            EDGE_PORT,
            lambda method, path, body: (200, {"site": "prod", "epoch": 1, "database": "ok"}),
        )
        self.servers.append(server)
        return server

    def lose_production(self) -> None:
        """kill -9, and the stream breaks."""
        self.processes.kill(self.primary.name)

    def promote(self, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """`dr promote` to its end."""
        return subprocess.run(
            self.command(*arguments), env=self.environment() | (environment or {}), cwd=ROOT, capture_output=True,
            text=True, timeout=HUNG_SECONDS, check=False, preexec_fn=die_with_parent(),
        )  # fmt: skip

    def start_promote(self, name: str, *arguments: str) -> Child:
        """`dr promote` as a process to be disturbed."""
        return self.processes.start(name, self.command(*arguments), env=self.environment(), cwd=ROOT)

    def command(self, *arguments: str) -> list[str]:
        """The command line."""
        return [
            *(sys.executable, "-m", "scripts.dr", "promote", "--bundle", str(self.folder / "bundle.json")),
            *("--kubeconfig", str(self.folder / "kubeconfig"), "--journal-dir", str(self.folder / "journal")),
            *("--resolver", f"{self.block.dns}:{DNS_PORT}", *arguments),
        ]

    def environment(self) -> dict[str, str]:
        """The operator's shell."""
        return {
            **scrubbed_environment(),
            **self.aws.env("operator"),
            "PGPASSWORD": self.primary.passwords["dr_promoter"],
            "COLUMNS": "200",
        }

    def in_recovery(self) -> bool:
        """Asked of the standby directly."""
        with self.standby.connect() as connection:
            row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
        return bool(row and row[0])

    def stop(self) -> None:
        """End the servers."""
        for server in self.servers:
            if isinstance(server, DNSServer):
                server.stop()
                server.server.server_close()
            else:
                server.shutdown()
                server.server_close()
        self.processes.kill("standby")
        with contextlib.suppress(Exception):
            self.s3.delete_object(Bucket=self.names.marker_bucket, Key=MARKER_KEY)
        for bucket in (self.names.marker_bucket, self.names.backup_bucket("dr")):
            self.s3.delete_bucket(Bucket=bucket)

    def resolve(self, request: Any, handler: Any) -> Any:
        """DNS: the marker leads."""
        address = self.block.dr.edge if self.marker() else self.block.prod.edge
        reply = request.reply()
        reply.add_answer(*RR.fromZone(f"{request.q.qname} 1 IN CNAME edge.example."))
        reply.add_answer(*RR.fromZone(f"edge.example. 1 IN A {address}"))
        return reply

    def marker(self) -> bool:
        """Whether it was put."""
        return bool(self.s3.list_objects_v2(Bucket=self.names.marker_bucket).get("KeyCount"))

    def _copy_primary(self) -> None:
        base = self.primary.postgres.bin / "pg_basebackup"
        login = {"PGPASSWORD": self.primary.passwords["dr_replication"], "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        source = f"host={self.primary.address} port=5432 user=dr_replication password={login['PGPASSWORD']}"
        subprocess.run(
            [str(base), "-D", str(self.standby.data), "-d", source, "-R", "-X", "stream", "--checkpoint=fast"],
            env=login, check=True, capture_output=True, timeout=HUNG_SECONDS,
            preexec_fn=die_with_parent(self.primary.uid),
        )  # fmt: skip
        with (self.standby.data / "postgresql.auto.conf").open("a") as conf:
            conf.write(f"listen_addresses = '{self.standby.address}'\nwal_retrieve_retry_interval = '200ms'\n")
        hba = self.standby.data / "pg_hba.conf"
        hba.write_text(hba.read_text().replace(self.primary.address, self.standby.address))
        child = self.standby.start()
        wait_until(self._streams, what="the standby to stream", alive=[child])

    def _streams(self) -> bool:
        with self.standby.connect() as connection:
            return connection.execute("SELECT status FROM pg_stat_wal_receiver").fetchone() == ("streaming",)

    def _edge(self, method: str, path: str, body: bytes) -> Answer:
        try:
            with self.standby.connect("dr_promoter") as connection:
                row = connection.execute("SELECT epoch FROM dr.site").fetchone()
        except psycopg.Error:
            return 503, {"site": "dr", "epoch": None, "database": "error"}
        return 200, {"site": "dr", "epoch": row[0] if row else None, "database": "ok"}

    def _kubernetes(self, method: str, path: str, body: bytes) -> Answer:
        if path.endswith("/namespaces/ultramarket-dr"):
            identity = namespace_identity("dr", ACCOUNT, "us-west-2")
            return 200, {"metadata": {"name": "ultramarket-dr", "annotations": identity}}
        if path.endswith("/scale"):
            name = path.split("/")[-2]
            self.scaled.append(name)
            self.replicas[name] = json.loads(body)["spec"]["replicas"]
            return 200, {"metadata": {"name": name}, "spec": {"replicas": self.replicas[name]}}
        if path.endswith("/deployments"):
            return 200, {"items": [_deployment(name, count) for name, count in self.replicas.items()]}
        if path.endswith(f"/persistentvolumeclaims/{STANDBY_CLAIM}"):
            return 200, {"status": {"capacity": {"storage": "400Gi"}}}
        if path == "/api/v1/nodes":
            ready = [{"type": "Ready", "status": "True"}]
            status = {"allocatable": {"cpu": "64", "memory": "256Gi", "pods": "110"}, "conditions": ready}
            return 200, {"items": [{"metadata": {"name": "node"}, "spec": {}, "status": status}]}
        if path.endswith(("/cronjobs", "/jobs")):
            return 200, {"items": []}
        if path.endswith("/pods"):
            return 200, {"items": [_database_pod()]}
        if path.endswith("/selfsubjectaccessreviews"):
            return 201, {**json.loads(body), "status": {"allowed": self.may_scale}}
        return 404, {"message": path}


def _database_pod() -> dict[str, Any]:
    """Server and guard run; the gate is closed."""
    names = ("postgres", GUARD_CONTAINER)
    return {
        "metadata": {"name": "postgres-standby-0", "labels": {}},
        "spec": {"containers": [{"name": name} for name in names]},
        "status": {"containerStatuses": [{"name": name, "state": {"running": {}}} for name in names]},
    }


def _deployment(name: str, count: int) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": name}]}}
    return {
        "metadata": {"name": name},
        "spec": {"replicas": count, "selector": {"matchLabels": {"app": name}}, "template": template},
        "status": {"readyReplicas": count, "replicas": count},
    }


@pytest.fixture
def dr_site(
    aws: Aws,
    block: Block,
    processes: Supervisor,
    postgres: Primary,
    table_at: Callable[[str], ControlTable],
    lease_at: Callable[[str], DynamoLeaseStore],
    tmp_path: Path,
    database_folder: Path,
) -> Iterator[DrSite]:
    """A DR site whose production was heard of a minute ago, and whose database still streams."""
    folder = database_folder / f"standby-{os.urandom(4).hex()}"
    folder.mkdir(mode=0o700)
    if postgres.uid is not None:
        os.chown(folder, postgres.uid, postgres.uid)
    site = DrSite(aws, block, processes, postgres, lease_at("operator"), tmp_path, folder)
    with postgres.connect() as connection:
        row = connection.execute("SELECT pg_current_wal_lsn() - '0/0'").fetchone()
    beat = Heartbeat(
        at=datetime.now(UTC) - timedelta(minutes=1), lsn=int(row[0]) if row else 0, commits_per_second=5.0, timeline=1
    )
    site.start(beat)
    DynamoGuardReports(table_at("operator")).write(_guard_at_work(postgres))
    yield site
    site.stop()
    shutil.rmtree(folder, ignore_errors=True)


def _guard_at_work(postgres: Primary) -> GuardReport:
    """What the DR site's guard says; dated so that it stays fresh however long a test takes."""
    with postgres.connect() as connection:
        row = connection.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
    now = datetime.now(UTC)
    return GuardReport(
        site="dr",
        boot_id="guard-dr",
        started=now,
        at=now + timedelta(minutes=10),
        mode="enforce",
        version="0.1.0",
        gate_open=False,
        lease="site prod, epoch 1, held",
        database=DatabaseSeen(system_identifier=str(row[0]) if row else "", in_recovery=True, slots=()),
    )


def wait_for_log(child: Child, text: str) -> None:
    """Until the process said it."""
    wait_until(lambda: text in child.log.read_text(), what=f"{child.name} to say {text!r}", alive=[child])
