"""Everything around our stacks: loopback addresses, AWS's stand-in, two clusters, production's database. Pulumi
declares the rest."""

import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import boto3

from lab.account import (
    ACCOUNT,
    DR_CLUSTER,
    PROD_CLUSTER,
    PROD_EDGE,
    PROD_NAMESPACE,
    fill_account,
)
from lab.aws.site import (
    PLACE_REGIONS,
    Aws,
    place_endpoint,
    scrubbed_environment,
    start_aws,
    start_dns,
    start_load_balancers,
)
from lab.kubernetes.control_plane import Cluster, start_clusters
from lab.kubernetes.images import Image, write_images
from lab.kubernetes.pod_identity import EksAuth
from lab.machine import binaries, byte_code, forks
from lab.machine.addresses import DNS_PORT, claim_block
from lab.machine.engine import Engine
from lab.machine.processes import Supervisor
from lab.noted import NOTED
from lab.project import ROOT, write_project
from lab.stack_settings import plain_settings, secret_settings
from lab.ultramarket import production
from lab.ultramarket.primary import APPLICATION, Primary, database_uid
from lab.ultramarket.redis import APPLICATION as REDIS_APPLICATION
from lab.ultramarket.redis import ProductionRedis
from recovery.names import ROLE_PROMOTER, Names
from recovery.plan.loading import load_plan
from recovery.plan.plan import SERVICES

LOGS = ("logs/*.log", "*/pod-logs/*.log", "ledger.jsonl")
PROMOTER_GROUP = "ultramarket:promoter"
_T = TypeVar("_T")


class World:
    """One run's sites. `start` brings up what exists before Pulumi; `stop` ends and removes everything."""

    def __init__(self) -> None:
        # PostgreSQL's own user must reach its files, so they lie where every user can, not below the checkout.
        self.folder = Path(tempfile.mkdtemp(prefix="ultramarket-lab-", dir="/tmp"))
        self.folder.chmod(0o711)
        forks.ensure()  # it loads the SDKs while the rest starts
        self.block = claim_block()
        self.found = binaries.find()
        self.postgres = binaries.copy_postgres(self.folder / "postgresql")
        self.supervisor = Supervisor(self.folder / "logs")
        # The death signal of a process follows the thread that started it: these live as long as the run.
        self.pool = ThreadPoolExecutor(8, thread_name_prefix="lab")
        tokens = {"promoter": (PROMOTER_GROUP,)}
        self.prod = Cluster(self.supervisor, PROD_CLUSTER, self.block.prod, self.folder / "prod", tokens)
        self.dr = Cluster(self.supervisor, DR_CLUSTER, self.block.dr, self.folder / "dr", tokens)
        self.primary = Primary(
            self.supervisor,
            self.postgres,
            production.primary_volume(self.prod.volumes, PROD_NAMESPACE),
            self.block.primary,
            database_uid(),
            socket_folder=self.folder / "socket",
        )
        self.redis = ProductionRedis(
            self.supervisor,
            binaries.copy_redis(self.folder / "redis-server"),
            self.folder / "redis",
            self.block.redis,
            database_uid(),
        )
        self._session = boto3.session.Session(aws_access_key_id="lab", aws_secret_access_key="lab")
        self._clients: dict[tuple[str, str], Any] = {}
        self._making_clients = threading.Lock()
        self.aws: Aws
        self.engine: Engine

    def later(self, task: Callable[..., _T], *arguments: Any) -> "Future[_T]":
        """Run `task` beside the others."""
        return self.pool.submit(task, *arguments)

    def start_aws(self) -> None:
        """AWS, with what the account already has in it."""
        self.aws = start_aws(self.supervisor, self.block, self.folder / "aws")
        self.account = fill_account(self.cloud)

    def start_clusters(self) -> None:
        """Both control planes and node agents, side by side."""
        start_clusters([self.prod, self.dr])
        for place, cluster in (("prod", self.prod), ("dr", self.dr)):
            images = self.folder / f"images-{place}.json"
            write_images(images, self._images(place))
            # Production has its ingress controller; the DR site's edge is declared.
            cluster.start_node_agent(
                images, ingress=place == "prod", eks_auth=self._eks_auth(place, cluster.name), wait=False
            )
        production.create_namespace(self.prod.api(), PROD_NAMESPACE)

    def create_primary(self) -> None:
        """Production's database with orders and roles, made outside the cluster; its Pod goes on with the volume. Redis
        runs outside it for good."""
        self.redis.start()
        self.primary.create()
        self.supervisor.stop(self.primary.name)

    def start_production(self) -> None:
        """The database with its gate, whose container comes from the prod stack, and the six services."""
        sidecar = self.engine.run("stack", "output", "gate_sidecar", stack="prod").must().output
        production.create_primary(self.prod.api(), PROD_NAMESPACE, self.block.primary, sidecar)
        passwords = self.primary.passwords[APPLICATION], self.redis.passwords[REDIS_APPLICATION]
        production.create_services(self.prod.api(), PROD_NAMESPACE, *passwords)

    def start_dns(self) -> None:
        """Route 53's data plane."""
        start_dns(self.aws, {PROD_EDGE: self.block.prod.edge})
        start_load_balancers(self.aws)

    def adopt_name(self) -> None:
        """The public name is in use: the failover pair takes its place before foundation declares it."""
        stack = str(self.engine.project_dir / "Pulumi.foundation.yaml")
        resolver = f"{self.block.dns}:{DNS_PORT}"
        done = self.dr_command("name", "adopt", "--execute", "--stack-file", stack, "--resolver", resolver)
        if done.returncode:
            raise RuntimeError(f"dr name adopt ended with {done.returncode}:\n{done.stdout}{done.stderr}")

    def arm_failover(self) -> None:
        """Foundation's second apply, once its check has data and the dr stack has its load balancer."""
        balancer = self.engine.outputs("dr")["load_balancer"]
        pairs = ("ultramarket-dr:failoverArmed=true", f"ultramarket-dr:drLoadBalancer={balancer}")
        self.engine.run("config", "set-all", *(f"--plaintext={pair}" for pair in pairs), stack="foundation").must()
        self.engine.up("foundation").must()

    def make_project(self) -> None:
        """The stack files' copies and the engine that runs them."""
        project = write_project(self.folder / "project", plain_settings(self.account, self.block, self.prod))
        self.plan = load_plan(project / "recovery.yaml")
        self.names = Names(self.plan, ACCOUNT)
        bin_dir = self.folder / "bin"
        env = {
            **self.aws.env("operator"),
            # The state is written once a run instead of once a resource: nobody resumes the lab's killed engine.
            "PULUMI_EXPERIMENTAL": "true",
            "PULUMI_SKIP_CHECKPOINTS": "true",
            "LAB_RUN": self.folder.name,
            "LAB_BIN": str(self.found.bin),
            "LAB_CLUSTERS": str(self.folder / "clusters.json"),
            "LAB_STATE_DIR": str(self._provider_state),
        }
        clusters = {c.name: {"endpoint": c.endpoint, "ca_data": c.ca_data} for c in (self.prod, self.dr)}
        (self.folder / "clusters.json").write_text(json.dumps(clusters))
        self.engine = Engine(project, self.folder / "pulumi", env, bin_dir)
        self._write_aws_shim(bin_dir)
        settings = secret_settings(self.primary.passwords, self.redis.passwords)
        for future in [self.later(self._init_stack, *each) for each in settings.items()]:
            future.result()

    def _init_stack(self, stack: str, secrets: dict[str, str]) -> None:
        self.engine.init(stack)
        if secrets:
            # This run's own passwords; a person lets `pulumi config set --secret KEY` ask for the value.
            pairs = [f"--secret=ultramarket-dr:{key}={value}" for key, value in secrets.items()]
            self.engine.run("config", "set-all", *pairs, stack=stack).must()

    def cloud(self, service: str, region: str) -> Any:
        """A client of moto itself: what an outside observer sees. Clients are dear to make, so each is made once."""
        with self._making_clients:
            if (service, region) not in self._clients:
                self._clients[service, region] = self._session.client(  # pyright: ignore[reportCallIssue]
                    service,  # pyright: ignore[reportArgumentType] - any service's name
                    region_name=region,
                    endpoint_url=self.aws.moto,
                )
            return self._clients[service, region]

    def operator_env(self) -> dict[str, str]:
        """The failover engineer's environment for a process that the lab starts."""
        tools = (Path(sys.executable).parent, self.postgres.bin, self.found.haproxy.parent, "/usr/bin", "/bin")
        return {**scrubbed_environment(), **self.operator_settings(), "PATH": ":".join(map(str, tools))}

    def operator_settings(self) -> dict[str, str]:
        """What the lab adds to it: one AWS endpoint, the DR cluster, the promoter's database login."""
        return {
            **self.aws.env("operator"),
            "DR_PLAN": str(self.engine.project_dir / "recovery.yaml"),
            "DR_ACCOUNT": ACCOUNT,
            "KUBECONFIG": str(self.dr.kubeconfig("promoter")),
            "PGUSER": ROLE_PROMOTER,
            "PGPASSWORD": self.primary.passwords[ROLE_PROMOTER],
            "PGDATABASE": "ultramarket",
            "REDIS_USER": ROLE_PROMOTER,
            "REDIS_PASSWORD": self.redis.passwords[ROLE_PROMOTER],
            "PYTHONWARNINGS": "ignore",
        }

    def dr_command(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """`dr …` as the operator runs it."""
        return subprocess.run(
            [str(Path(sys.executable).parent / "dr"), *arguments],
            env={**self.operator_env(), **(env or {})},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def keep_logs(self, target: Path) -> Path:
        """Copy the run's logs to the new folder `target`, before `stop` removes them."""
        shutil.rmtree(target, ignore_errors=True)
        for found in (file for pattern in LOGS for file in self.folder.glob(pattern)):
            copy = target / found.relative_to(self.folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(found, copy)
        return target

    def stop(self) -> None:
        """End every process, the youngest first, and remove the run's files."""
        self.supervisor.stop_all()
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.block.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _provider_state(self) -> Path:
        """Where the lab's AWS provider notes what moto does not know, pod identity associations among it."""
        return self.folder / "provider-state"

    def _eks_auth(self, place: str, cluster: str) -> EksAuth:
        """What gives the cluster's Pods their credentials."""
        return EksAuth(
            cluster=cluster,
            region=PLACE_REGIONS[place],
            endpoint=place_endpoint(self.block, place),
            noted=str(self._provider_state / NOTED),
        )

    def _images(self, place: str) -> dict[str, Image]:
        python = Path(sys.executable)
        tools = (str(python.parent), str(self.found.haproxy.parent), str(self.postgres.bin))
        python_only = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **byte_code.environment()}
        # The way to AWS is the network's affair; region and credentials are the Pod's own, as in a cluster.
        runner = {**python_only, "AWS_ENDPOINT_URL": place_endpoint(self.block, place)}
        service = Image(path=tools[:1], env=python_only, entrypoint=(str(python), "-m", "lab.ultramarket.service"))
        # The official image's STOPSIGNAL, since a SIGTERM lets PostgreSQL wait for every session to end.
        database = Image(path=tools[2:], env=self.postgres.env(), uid=database_uid(), stop_signal="SIGINT")
        return {
            "ultramarket/dr-runner": Image(path=tools, env=runner, entrypoint=(str(python.parent / "dr"),)),
            "postgres": database,
            "redis": Image(path=(str(self.redis.program.parent),), uid=database_uid()),
            **{f"ultramarket/{name}": service for name in SERVICES},
        }

    def _write_aws_shim(self, bin_dir: Path) -> None:
        """`aws eks get-token` for kubeconfigs: the lab's clusters know static tokens, not IAM."""
        cases = "".join(f"*{each.name}*) token={each.token()} ;;\n" for each in (self.prod, self.dr))
        answer = '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","status":{"token":"%s"}}'
        shim = bin_dir / "aws"
        shim.write_text(f'#!/bin/sh\ncase "$*" in\n{cases}esac\nprintf \'{answer}\' "$token"\n')
        shim.chmod(0o700)
