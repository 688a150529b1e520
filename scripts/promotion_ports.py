"""Builds what a promotion touches from its bundle: every AWS client in the DR region, nothing in production's."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from cloud.cluster import KubernetesCluster
from cloud.control_table import ControlTable
from cloud.edge import HttpEdge
from cloud.lease_store import DynamoLeaseStore
from cloud.marker import S3Marker, fetch
from cloud.resolver import Resolver, parse_server, system_server
from cloud.run_store import DynamoRunStore
from cloud.session import caller_account, client
from engines.postgres_standby import PostgresGate, PostgresStandby
from recovery.bundle import Bundle, read_bundle
from recovery.errors import Refused, Unreachable
from recovery.forecast import OLD_SITE_SECONDS
from recovery.loading import load_plan
from recovery.names import ROLE_PROMOTER, Names
from scripts.context import secret
from scripts.executor import Ports

_ATTEMPT_SECONDS = 1.5
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]$")


def load_bundle(wanted: str, plan: Path, account: str) -> Bundle:
    """The bundle at `wanted` (s3://bucket/key or a file), else where the plan says it is. Raises Refused."""
    url = wanted
    if not url:
        loaded = load_plan(plan)
        url = Names(loaded, account or caller_account(loaded.sites.dr.region)).bundle_url
    if not url.startswith("s3://"):
        try:
            return read_bundle(Path(url).read_bytes(), source=url)
        except OSError as error:
            raise Refused(
                f"bundle {url} cannot be read: {error.strerror}", next_step="name it with --bundle s3://… or a file"
            ) from None
    bucket, _, key = url.removeprefix("s3://").partition("/")
    if not bucket or not key:
        raise Refused(f"{url} names no object", next_step="write it as s3://BUCKET/KEY, or name a file")
    region = _REGION.search(bucket)
    body = fetch(bucket, key, region[0] if region else os.environ.get("AWS_REGION", "us-west-2"))
    if body is None:
        raise Refused(f"there is no bundle at {url}", next_step="run `pulumi up` on the dr stack, or correct --bundle")
    return read_bundle(body, source=url)


def database_login() -> None:
    """The promoter's login for libpq, from the environment; the password also from PGPASSWORD_FILE."""
    os.environ.setdefault("PGUSER", ROLE_PROMOTER)
    if os.environ.get("PGPASSWORD_FILE"):
        os.environ["PGPASSWORD"] = secret("PGPASSWORD")


def kubeconfig_path(wanted: Path | None) -> Path:
    """--kubeconfig, else KUBECONFIG's first file, else the usual place."""
    named = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return wanted or (Path(named) if named else Path.home() / ".kube" / "config")


def stores(bundle: Bundle) -> tuple[DynamoLeaseStore, DynamoRunStore]:
    """Lease and journal, at the DR region's replica."""
    dynamodb = client("dynamodb", bundle.region, timeout=_ATTEMPT_SECONDS, attempts=1)
    table = ControlTable(bundle.control_table, {bundle.region: dynamodb})
    return DynamoLeaseStore(table), DynamoRunStore(table)


def connect(bundle: Bundle, leases: DynamoLeaseStore, kubeconfig: Path, resolvers: Sequence[str]) -> Ports:
    """The ports of a promotion. Nothing is contacted yet. Raises Refused for a resolver that is no address."""
    plan, places = bundle.plan, bundle.endpoints
    servers = [parse_server(text) for text in resolvers] or [system_server()]
    by_name = [Resolver(server, port, caches) for server, port in servers for caches in (True, False)]
    plain = Resolver(*servers[0], caches=False)
    public = f"{plan.dns.name}:{HttpEdge(places.dr_edge, host=plan.dns.name, resolver=plain).port}"
    edges = {resolver.label: HttpEdge(public, host=plan.dns.name, resolver=resolver) for resolver in by_name}

    def look_up() -> None:
        for edge in edges.values():
            try:
                edge.look_up()
            except Unreachable:
                continue  # its step will say so

    return Ports(
        leases=leases,
        standby=PostgresStandby(places.standby, plan.datasets.postgres.database),
        gate=PostgresGate(places.gate, plan.datasets.postgres.database),
        cluster=KubernetesCluster(kubeconfig, bundle.namespace),
        dr_edge=HttpEdge(places.dr_edge, host=plan.dns.name, resolver=plain),
        old_site=old_edge(bundle, plain, OLD_SITE_SECONDS),
        marker=S3Marker(bundle.marker_bucket, bundle.region),
        resolvers=edges,
        look_up=look_up,
    )


def old_edge(bundle: Bundle, resolver: Resolver, timeout: float = 1.5) -> HttpEdge:
    """Production's edge, asked directly."""
    return HttpEdge(bundle.endpoints.prod_edge, host=bundle.plan.dns.name, resolver=resolver, timeout=timeout)


def first_resolver(resolvers: Sequence[str]) -> Resolver:
    """Without cache: the first named, else the machine's."""
    return Resolver(*(parse_server(resolvers[0]) if resolvers else system_server()), caches=False)
