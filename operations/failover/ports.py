"""Builds what a promotion touches from its bundle: every AWS client in the DR region, nothing in production's."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloud.control_table import ControlTable, region_clients
from cloud.edge import HttpEdge
from cloud.guard_reports import DynamoGuardReports
from cloud.kubernetes import KubernetesCluster
from cloud.lease_store import DynamoLeaseStore
from cloud.marker import S3Marker, fetch
from cloud.objects import S3Bucket
from cloud.resolver import Resolver, is_address, parse_server, system_server
from cloud.run_reports import DynamoRunReports
from cloud.run_store import DynamoRunStore
from cloud.s3_errors import Advice
from cloud.session import caller, caller_account
from cloud.standby_set import KubernetesStandbySet
from cloud.wall_store import DynamoWallStore
from engines.catalog import newest
from engines.postgres.standby import PostgresGate, PostgresStandby
from engines.postgres.wal_ahead import BucketLog
from engines.redis.standby import GateRedis, Lazy, ReplicaRedis, address_of
from operations.context import secret
from operations.failover.planner import BucketPlanner
from recovery.copies.retention import FULL
from recovery.copies.standby_set import StandbySet
from recovery.errors import Corrupt, Refused, Unreachable
from recovery.failover.bundle import Bundle, read_bundle
from recovery.failover.forecast import OLD_SITE_SECONDS
from recovery.failover.restoring import Planner
from recovery.names import ROLE_PROMOTER, Names
from recovery.plan.datasets import DatasetName
from recovery.plan.loading import load_plan
from recovery.ports.cluster import Cluster
from recovery.ports.control_table import GuardReports, LeaseStore, WallStore
from recovery.ports.edge import Edge, OldSite
from recovery.ports.public_name import Marker
from recovery.ports.redis import RedisGate, RedisReplica
from recovery.ports.standby import StandbyDatabase, StandbyLog, WriteGate

_ATTEMPT_SECONDS = 1.5
BUNDLE_ADVICE: Advice = {
    "no bucket": "correct the bucket's name in --bundle (the dr stack's output `bundle` has it) or --account, or name "
    "a copy of the bundle in a file",
    "other region": "set AWS_REGION to the bucket's region and run it again, or name a copy of the bundle in a file",
    "denied": "use the promoter's credentials (AWS_PROFILE, or the operator workspace), or name a copy of the bundle "
    "in a file; S3 also says this of a bucket that is another account's",
}
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]$")


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Everything a promotion touches."""

    leases: LeaseStore
    reports: GuardReports
    standby: StandbyDatabase
    standby_set: StandbySet  # which the standby is restored by
    planner: Planner  # what that would take
    log: StandbyLog  # what the DR bucket has of production's
    gate: WriteGate
    redis: RedisReplica | None  # None: none waits for a promotion
    redis_gate: RedisGate | None
    cluster: Cluster
    dr_edge: Edge
    production: Edge  # asked whether it is alive
    old_site: OldSite  # the same edge, asked for a write when it should be fenced
    marker: Marker
    walls: WallStore
    resolvers: Mapping[str, Edge]  # the public name, through each
    look_up: Callable[[], None]  # let resolvers with a cache fill it, as customers' have
    check_resolvers: Mapping[str, Callable[[], None]]  # raise what is wrong with each
    caller: Callable[[], tuple[str, str]]  # account and ARN of these credentials
    newest_backup: Callable[[], str]


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
    body = fetch(bucket, key, region[0] if region else os.environ.get("AWS_REGION", "us-west-2"), BUNDLE_ADVICE)
    if body is None:
        raise Refused(
            f"bucket {bucket} is there, but holds no bundle under {key}",
            next_step="correct the key in --bundle (the dr stack's output `bundle` has it); if that stack was never "
            "brought up, `pulumi up` on it writes the bundle",
        )
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


def stores(
    bundle: Bundle,
) -> tuple[DynamoLeaseStore, DynamoRunStore, DynamoGuardReports, DynamoWallStore, DynamoRunReports]:
    """Lease, journal, the guards' reports, the walls' checks and what backups did, at both replicas of the table, the
    DR region's first: production's is asked only while that one does not answer, so its death costs nothing."""
    sites = bundle.plan.sites
    regions = dict.fromkeys((bundle.region, sites.dr.region, sites.prod.region))
    table = ControlTable(bundle.control_table, region_clients([*regions], attempt_seconds=_ATTEMPT_SECONDS))
    reports = DynamoGuardReports(table), DynamoWallStore(table), DynamoRunReports(table)
    return DynamoLeaseStore(table), DynamoRunStore(table), *reports


def dr_edge(bundle: Bundle, resolver: str = "") -> HttpEdge:
    """The DR edge by its own name, through `resolver` or the machine's own. Raises Refused for one that is no
    address."""
    plan, target = bundle.plan, bundle.endpoints.dr_edge
    return edge_at(target, plan.dns.name, resolver)


def edge_at(target: str, host: str, resolver: str = "") -> HttpEdge:
    """Any edge, asked for customers' name. Raises Refused."""
    server, port = parse_server(resolver) if resolver else _server_for(target)
    return HttpEdge(target, host=host, resolver=Resolver(server, port, caches=False))


def _server_for(target: str) -> tuple[str, int]:
    """An address needs no DNS server, so a machine without one may ask it."""
    return ("", 0) if is_address(target.rpartition(":")[0]) else system_server()


def connect(
    bundle: Bundle,
    kept: tuple[DynamoLeaseStore, DynamoGuardReports, DynamoWallStore],
    kubeconfig: Path,
    resolvers: Sequence[str],
) -> Ports:
    """The ports of a promotion; `kept` is in the control table. Nothing is contacted yet. Raises Refused for a resolver
    that is no address."""
    plan, places, (leases, reports, walls) = bundle.plan, bundle.endpoints, kept
    servers = [parse_server(text) for text in resolvers] or [system_server()]
    by_name = [Resolver(server, port, caches) for server, port in servers for caches in (True, False)]
    plain = Resolver(*servers[0], caches=False)
    public = f"{plan.dns.name}:{HttpEdge(places.dr_edge, host=plan.dns.name, resolver=plain).port}"
    edges = {resolver.label: HttpEdge(public, host=plan.dns.name, resolver=resolver) for resolver in by_name}
    bucket = S3Bucket(bundle.backup_bucket, bundle.region)
    return Ports(
        leases=leases,
        reports=reports,
        standby=PostgresStandby(places.standby, plan.datasets.postgres.database),
        standby_set=KubernetesStandbySet(kubeconfig, bundle.namespace),
        planner=BucketPlanner(store=bucket, environment=dict(os.environ)),
        log=BucketLog(store=S3Bucket(bundle.backup_bucket, bundle.region, patience=(2, 2))),
        gate=PostgresGate(places.gate, plan.datasets.postgres.database),
        redis=redis_replica(bundle, ROLE_PROMOTER),
        redis_gate=GateRedis(_redis_at(places.redis_gate, ROLE_PROMOTER)) if places.redis_gate else None,
        cluster=KubernetesCluster(kubeconfig, bundle.namespace),
        dr_edge=HttpEdge(places.dr_edge, host=plan.dns.name, resolver=plain),
        production=HttpEdge(places.prod_edge, host=plan.dns.name, resolver=plain),
        old_site=HttpEdge(places.prod_edge, host=plan.dns.name, resolver=plain, timeout=OLD_SITE_SECONDS),
        marker=S3Marker(bundle.marker_bucket, bundle.region),
        walls=walls,
        resolvers=edges,
        look_up=lambda: _look_up(edges),
        check_resolvers={f"{each.server}:{each.port}": _check(each, plan.dns.name) for each in by_name if each.caches},
        caller=lambda: caller(bundle.region),
        newest_backup=lambda: _newest_backup(bundle, "postgres", FULL),  # for a lost standby, which is PostgreSQL's
    )


def redis_replica(bundle: Bundle, user: str) -> ReplicaRedis | None:
    """The DR site's Redis, asked as `user` unless REDIS_USER says otherwise; None where none waits."""
    return ReplicaRedis(_redis_at(bundle.endpoints.redis, user)) if bundle.endpoints.redis else None


def _redis_at(endpoint: str, user: str) -> Lazy:
    return address_of(endpoint, os.environ, user, lambda: secret("REDIS_PASSWORD"))


def _check(resolver: Resolver, name: str) -> Callable[[], None]:
    return lambda: resolver.require_record(name)


def _look_up(edges: Mapping[str, HttpEdge]) -> None:
    for edge in edges.values():
        try:
            edge.look_up()
        except Unreachable:
            continue  # its step will say so


def _newest_backup(bundle: Bundle, dataset: DatasetName, kind: str) -> str:
    """What a restore would start from."""
    try:
        found = newest(S3Bucket(bundle.backup_bucket, bundle.region), dataset, kind)
    except (Unreachable, Refused, Corrupt) as error:
        return f"not known: {error.what}"
    return found.key if found.manifest else "there is none in the DR bucket that is all there"
