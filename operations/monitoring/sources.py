"""What `dr status` looks at, found through the bundle. Only clients are made here; nothing is contacted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cloud.beside import KubernetesBeside
from cloud.kubernetes import KubernetesCluster
from cloud.marker import S3Marker
from cloud.objects import S3Bucket
from cloud.replication import S3Replication
from engines.postgres.standby import PostgresStandby
from operations.failover.ports import dr_edge, redis_replica, stores
from recovery.copies.beside import BesideCluster
from recovery.failover.bundle import Bundle
from recovery.names import ROLE_MONITOR, Names
from recovery.ports.buckets import LogBucket, ObjectStore
from recovery.ports.cluster import Cluster
from recovery.ports.control_table import GuardReports, LeaseStore, RunReports, RunStore, WallStore
from recovery.ports.edge import Edge
from recovery.ports.metrics import ReplicationSource
from recovery.ports.public_name import Marker
from recovery.ports.redis import RedisReplica
from recovery.ports.standby import StandbyDatabase


@dataclass(frozen=True, kw_only=True)
class Sources:
    """One port for each thing. `edge` is made when it is asked, since a machine may have no DNS server; `copies`: the
    bucket that a failover would restore from; `origin`: production's. `assets`: None where none are copied."""

    leases: LeaseStore
    runs: RunStore
    reports: GuardReports
    backups: RunReports
    walls: WallStore
    standby: StandbyDatabase
    redis: RedisReplica | None
    cluster: Cluster
    beside: BesideCluster
    marker: Marker
    edge: Callable[[], Edge]
    copies: LogBucket
    origin: ObjectStore
    assets: ReplicationSource | None = None

    @classmethod
    def of(cls, bundle: Bundle, kubeconfig: Path) -> "Sources":
        """The real ones; the control table at both its replicas, the DR region's first."""
        plan, names = bundle.plan, Names(bundle.plan, bundle.account)
        leases, runs, reports, walls, backups = stores(bundle)
        return cls(
            leases=leases,
            runs=runs,
            reports=reports,
            backups=backups,
            walls=walls,
            standby=PostgresStandby(bundle.endpoints.standby, plan.datasets.postgres.database),
            redis=redis_replica(bundle, ROLE_MONITOR),
            cluster=KubernetesCluster(kubeconfig, bundle.namespace),
            beside=KubernetesBeside(kubeconfig, bundle.namespace),
            marker=S3Marker(bundle.marker_bucket, bundle.region),
            edge=lambda: dr_edge(bundle),
            copies=S3Bucket(bundle.backup_bucket, bundle.region),
            origin=S3Bucket(names.backup_bucket("prod"), plan.sites.prod.region),
            assets=_assets(bundle, names),
        )


def _assets(bundle: Bundle, names: Names) -> ReplicationSource | None:
    if not bundle.assets_bucket:
        return None
    sites = bundle.plan.sites
    return S3Replication(bundle.assets_bucket, sites.prod.region, names.assets_bucket, sites.dr.region)
