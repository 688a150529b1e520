"""prod: what runs in production's cluster for recovery. The cluster, its namespace and primaries are UltraMarket's."""

import pulumi
import pulumi_aws as aws

from components.cluster.backup_cron_jobs import BackupCronJobs, BackupCronJobsArgs
from components.cluster.pruner import Pruner
from components.cluster.wall_check import WallCheck, WallCheckArgs
from components.databases.gate_sidecar import GateSidecar, GateSidecarArgs
from components.databases.guard_container import GuardArgs
from components.databases.log_shipper import LogShipper, LogShipperArgs
from components.databases.postgres_replica import REPLICA_HOST, PostgresReplica, PostgresReplicaArgs
from components.databases.postgres_source import postgres_source
from components.databases.primary_tls import PrimaryTls, ca_config_map
from components.databases.site_guard import SiteGuard, SiteGuardArgs
from components.network.peering_acceptance import PeeringAcceptance, PeeringAcceptanceArgs
from components.runners import Runners
from components.workload import plan_config_map, urgent_class
from infra import redis
from infra.configuration import declare_copies
from infra.kubernetes import cluster_provider
from infra.settings.prod import SIDECAR, ProdSettings
from infra.settings.replica import ReplicaSettings
from recovery.names import DISK_CLASS, POSTGRES_PORT


def declare(settings: ProdSettings) -> None:
    """Declare the stack in production's region and cluster."""
    plan = settings.plan
    site = plan.sites.prod
    cluster = cluster_provider(
        name=settings.cluster_name,
        endpoint=settings.cluster_endpoint,
        ca_data=settings.cluster_ca,
        region=site.region,
    )
    cloud = aws.Provider("aws", region=site.region, allowed_account_ids=[settings.account])
    opts = pulumi.ResourceOptions(providers=[cloud, cluster])

    config = plan_config_map(plan, site.namespace, pulumi.ResourceOptions(provider=cluster))
    at = Runners(
        site="prod",
        names=settings.names,
        cluster=settings.cluster_name,
        namespace=site.namespace,
        image=settings.runner_image,
        plan_map=config.metadata.apply(lambda meta: meta.name or ""),
    )
    urgent = urgent_class(pulumi.ResourceOptions(provider=cluster))
    postgres = plan.datasets.postgres
    tls = _tls(settings, pulumi.ResourceOptions(provider=cluster))
    priority = urgent.metadata.apply(lambda meta: meta.name or "")
    _gate(settings, at, tls, priority, opts)
    if settings.replica:
        PostgresReplica("replica", _replica(settings, settings.replica), opts)
    copies = BackupCronJobs(
        "backup-postgres",
        BackupCronJobsArgs(
            at=at,
            source=postgres_source(
                host=settings.backup_host,
                port=settings.primary_port,
                database=postgres.database,
                password=settings.backup_password,
                tls=tls,
                replica=f"{REPLICA_HOST}:{POSTGRES_PORT}" if settings.replica else "",
                accept_incrementals_of=settings.accept_incrementals_of,
            ),
            kinds={"full": postgres.full, "incremental": postgres.incremental},
            lock_mode=settings.lock_mode,
        ),
        opts,
    )
    BackupCronJobs(
        "backup-redis", redis.at_production(settings, at, copies, pulumi.ResourceOptions(provider=cluster)), opts
    )
    declare_copies(at, settings.cluster_endpoint, settings.cluster_ca, settings.lock_mode, opts)
    LogShipper(
        "postgres-log-shipper",
        LogShipperArgs(
            at=at,
            host=settings.primary_host,  # a replica may be behind, and is not what the lease is about
            port=settings.primary_port,
            password=settings.replication_password,
            lock_mode=settings.lock_mode,
            priority=priority,
            tls=tls,
        ),
        opts,
    )
    Pruner("prune", at, opts)
    WallCheck("wall", WallCheckArgs(at=at, database=f"{settings.primary_host}:{settings.primary_port}"), opts)
    if settings.peering:
        PeeringAcceptance(
            "dr-peering",
            PeeringAcceptanceArgs(
                region=site.region,
                peering=settings.peering.connection,
                dr_vpc=settings.peering.dr_vpc,
                dr_region=plan.sites.dr.region,
                dr_cidr=settings.peering.dr_cidr,
                route_tables=settings.peering.route_tables,
                security_group=settings.peering.security_group,
                primary_port=settings.primary_port,
                redis_security_group=settings.peering.redis_security_group,
                redis_port=settings.redis.port,
                private_zone=settings.peering.private_zone,
            ),
            pulumi.ResourceOptions(providers=[cloud]),
        )

    # Plain values only: the dr stack reads them, and it must never need this stack's secrets.
    pulumi.export("primary_host", settings.primary_host)
    pulumi.export("primary_port", str(settings.primary_port))
    pulumi.export("ssl_mode", settings.tls.ssl_mode)
    pulumi.export("primary_ca", settings.tls.primary_ca)
    pulumi.export("redis_host", settings.redis.host)
    pulumi.export("redis_port", str(settings.redis.port))
    pulumi.export("redis_tls", "yes" if settings.redis.tls else "no")
    pulumi.export("redis_ca", settings.redis.ca)
    pulumi.export("edge", settings.edge)
    pulumi.export("system_identifier", settings.system_identifier)


def _tls(settings: ProdSettings, opts: pulumi.ResourceOptions) -> PrimaryTls:
    """For whoever reaches the primary by the network; a guard in its Pod takes the Unix socket."""
    if not settings.tls.primary_ca:
        return PrimaryTls(mode=settings.tls.ssl_mode)
    made = ca_config_map(settings.tls.primary_ca, settings.plan.sites.prod.namespace, opts)
    return PrimaryTls(mode=settings.tls.ssl_mode, ca_map=made.metadata.apply(lambda meta: meta.name or ""))


def _replica(settings: ProdSettings, wanted: ReplicaSettings) -> PostgresReplicaArgs:
    return PostgresReplicaArgs(
        namespace=settings.plan.sites.prod.namespace,
        image=wanted.postgres_image,
        primary_host=settings.primary_host,
        primary_port=str(settings.primary_port),
        ssl_mode=settings.tls.ssl_mode,
        primary_ca=settings.tls.primary_ca,
        password=settings.replication_password,
        storage_class=DISK_CLASS,
        storage_size=wanted.storage_size,
        disk_key=wanted.disk_key,
        settings=wanted.postgres_settings,
        size=wanted.size,
        pod_cidrs=wanted.pod_cidrs,
    )


def _gate(
    settings: ProdSettings,
    at: Runners,
    tls: PrimaryTls,
    urgent: pulumi.Output[str],
    opts: pulumi.ResourceOptions,
) -> None:
    """Beside the primary in its Pod, where the database itself keeps everybody else out; or in a Pod of its own, where
    a network policy has to."""
    guard = GuardArgs(
        at=at,
        mode=settings.guard_mode,
        password=settings.guard_password,
        redis=f"{settings.redis.host}:{settings.redis.port}",
    )
    if settings.gate == SIDECAR:
        sidecar = GateSidecar(
            "gate",
            GateSidecarArgs(guard=guard, primary_labels=settings.primary_pod_labels),
            opts,
        )
        pulumi.export("gate_sidecar", sidecar.patch)
        return
    SiteGuard(
        "site-guard",
        SiteGuardArgs(
            guard=guard,
            upstream_host=settings.primary_host,
            upstream_port=settings.primary_port,
            tls=tls,
            priority=urgent,
            primary_labels=settings.primary_pod_labels,
            primary_admits=settings.primary_admits,
        ),
        opts,
    )
