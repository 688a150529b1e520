"""dr: the other site, warm or cold. Cluster, standby, guard and gate, the services at their floor, the bundle."""

from collections.abc import Sequence
from dataclasses import replace

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from components.cluster.backup_cron_jobs import BackupCronJobs, BackupCronJobsArgs
from components.cluster.monitor import Monitor, MonitorArgs
from components.cluster.operator_workspace import OperatorWorkspace, OperatorWorkspaceArgs
from components.cluster.pruner import Pruner
from components.cluster.restore_room import RestoreRoom, RestoreRoomArgs
from components.cluster.site_capacity import SiteCapacity, SiteCapacityArgs
from components.cluster.warm_cluster import PROMOTERS, WarmCluster, WarmClusterArgs
from components.cluster.warm_services import PORT, WarmServices, WarmServicesArgs
from components.control.only_site import OnlySite, OnlySiteArgs
from components.control.recovery_bundle import RecoveryBundle, RecoveryBundleArgs
from components.control.strategy_config import StrategyConfig, StrategyConfigArgs
from components.databases.guard_container import GuardArgs
from components.databases.log_shipper import LogShipper, LogShipperArgs
from components.databases.postgres_beside import PostgresBeside, PostgresBesideArgs
from components.databases.postgres_source import postgres_source
from components.databases.postgres_standby import STANDBY_HOST, PostgresStandby, PostgresStandbyArgs
from components.databases.redis_replica import REDIS_REPLICA_HOST, RedisReplica
from components.network.default_deny import DefaultDeny, DefaultDenyArgs
from components.network.network import Network, NetworkArgs
from components.network.site_edge import SiteEdge, SiteEdgeArgs
from components.runners import Runners
from components.storage.encrypted_disks import EncryptedDisks, EncryptedDisksArgs
from components.workload import MANAGED_BY, plan_config_map, urgent_class
from infra import redis
from infra.configuration import declare_copies
from infra.kubernetes import cluster_provider
from infra.prod_outputs import Production
from infra.settings.dr import DrSettings
from recovery.names import DISK_CLASS, POSTGRES_PORT, REDIS_PORT, RESTORE_NAMESPACE, namespace_identity

_POD_SECURITY = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}


def declare(settings: DrSettings) -> None:
    """Declare the stack; all of it is homed in the DR region."""
    region = settings.plan.sites.dr.region
    production = Production(settings.prod_stack)
    cloud = aws.Provider("aws", region=region, allowed_account_ids=[settings.account])
    network = _network(settings, cloud)
    cluster = WarmCluster(
        "warm-cluster",
        WarmClusterArgs(
            names=settings.names,
            subnet_ids=network.private_subnet_ids if network else settings.network.subnet_ids,
            public_access_cidrs=settings.public_access_cidrs,
            version=settings.kubernetes_version,
            addon_versions=settings.addon_versions,
            admins=settings.cluster_admins,
            instance_types=settings.instance_types,
            nodes=settings.nodes,
        ),
        pulumi.ResourceOptions(providers=[cloud]),
    )
    public_subnet_ids = network.public_subnet_ids if network else settings.network.public_subnet_ids
    edge = SiteEdge("edge", _edge(settings, public_subnet_ids, cluster), pulumi.ResourceOptions(providers=[cloud]))
    kubernetes = cluster_provider(
        name=cluster.cluster_name, endpoint=cluster.endpoint, ca_data=cluster.ca_data, region=region
    )
    namespace = _namespace(settings, kubernetes, "namespace", settings.plan.sites.dr.namespace)
    opts = pulumi.ResourceOptions(providers=[cloud, kubernetes])
    everything: list[pulumi.Resource] = _walls(settings, namespace, production, kubernetes)
    strategy = StrategyConfig(
        "strategy",
        StrategyConfigArgs(plan=settings.plan, namespace=namespace),
        pulumi.ResourceOptions(provider=kubernetes),
    )
    config = plan_config_map(settings.plan, namespace, pulumi.ResourceOptions(provider=kubernetes))
    at = Runners(
        site="dr",
        names=settings.names,
        cluster=cluster.cluster_name,
        namespace=namespace,
        image=settings.runner_image,
        plan_map=config.metadata.apply(lambda meta: meta.name or ""),
    )
    urgent = urgent_class(pulumi.ResourceOptions(provider=kubernetes)).metadata.apply(lambda meta: meta.name or "")
    disks = EncryptedDisks("disks", EncryptedDisksArgs(key_arn=settings.disk_key), opts)
    on_disk = pulumi.ResourceOptions(providers=[cloud, kubernetes], depends_on=[disks.disk_class, disks.scratch_class])
    warm = settings.plan.strategy == "warm"
    keys = RedisReplica("redis", redis.replica(settings, namespace, production, urgent), on_disk)
    # Kubelet gives a Pod the variables of Services that exist before it, to the gate's Redis's.
    after_redis = pulumi.ResourceOptions.merge(on_disk, pulumi.ResourceOptions(depends_on=[keys.service]))
    standby = PostgresStandby("postgres", _standby(settings, at, production, urgent), after_redis)
    beside = PostgresBeside("postgres-beside", _beside(settings, at), on_disk)
    room = RestoreRoom("restore", _restore_room(at, kubernetes, settings), opts)
    services = WarmServices(
        "services",
        _services(settings, namespace),
        # Kubelet gives a Pod the variables of Services that exist before it.
        pulumi.ResourceOptions(providers=[kubernetes], depends_on=[standby.gate, standby.redis_gate]),
    )
    # As at production; until the promotion their runs are skipped, and the shipper waits for the lease.
    backup = BackupCronJobs("backup-postgres", _backup(settings, at), opts)
    snapshots = BackupCronJobs("backup-redis", redis.at_dr(settings, at, backup, keys), opts)
    everything += declare_copies(at, cluster.endpoint, cluster.ca_data, settings.lock_mode, opts)
    shipper = LogShipper("postgres-log-shipper", _shipper(settings, at, urgent, standby), opts)
    pruner = Pruner("prune", at, opts)
    if settings.promoter_password is not None and settings.redis.promoter_password is not None:
        passwords = settings.promoter_password, settings.redis.promoter_password
        workspace = _workspace(settings, at, passwords, cluster)
        everything.append(OperatorWorkspace("operator", workspace, on_disk))
    watching = MonitorArgs(
        at=at,
        password=settings.monitor_password,
        redis_password=settings.redis.monitor_password,
        endpoint=cluster.endpoint,
        ca_data=cluster.ca_data,
    )
    monitor = Monitor("monitor", watching, opts)
    bundle = RecoveryBundle(
        "recovery-bundle",
        RecoveryBundleArgs(
            names=settings.names,
            cluster_endpoint=cluster.endpoint,
            cluster_ca=cluster.ca_data,
            prod_edge=production.edge,
            dr_edge=settings.edge,
            standby=pulumi.Output.format("{0}:{1}", standby.host, POSTGRES_PORT),
            gate=pulumi.Output.format("{0}:{1}", standby.gate_host, POSTGRES_PORT),
            # At a cold site none waits, and it is filled by hand.
            redis=pulumi.Output.format("{0}:{1}", keys.host, REDIS_PORT) if warm else "",
            redis_gate=pulumi.Output.format("{0}:{1}", standby.redis_gate_host, REDIS_PORT) if warm else "",
            system_identifier=production.system_identifier,
            assets_bucket=settings.assets_bucket,
        ),
        pulumi.ResourceOptions(providers=[cloud]),
    )
    everything += [
        cluster,
        edge,
        strategy,
        disks,
        keys,
        standby,
        beside,
        room,
        services,
        backup,
        snapshots,
        shipper,
        pruner,
        monitor,
        bundle,
    ]
    everything += [network] if network else []
    only = OnlySiteArgs(plan_file=settings.plan_file, account=settings.account)
    OnlySite("only-site", only, pulumi.ResourceOptions(depends_on=everything))
    pulumi.export("cluster", cluster.cluster_name)
    pulumi.export("bundle", bundle.url)
    pulumi.export("edge", settings.edge)
    pulumi.export("load_balancer", edge.host)  # for foundation, which gives the edge its own name


def _network(settings: DrSettings, cloud: aws.Provider) -> Network | None:
    """A network of our own; None where private subnets exist."""
    wanted, sites = settings.network, settings.plan.sites
    if not wanted.cidr:
        return None
    network = Network(
        "network",
        NetworkArgs(
            region=sites.dr.region,
            cidr=wanted.cidr,
            zones=wanted.zones,
            peer_vpc=wanted.production_vpc,
            peer_cidr=wanted.production_cidr,
            peer_region=sites.prod.region,
        ),
        pulumi.ResourceOptions(providers=[cloud], protect=True),
    )
    if network.peering_id is not None:
        # For the prod stack, which accepts it and lets this network in.
        pulumi.export("peering", network.peering_id)
        pulumi.export("vpc", network.vpc.id)
    return network


def _edge(settings: DrSettings, subnet_ids: Sequence[pulumi.Input[str]], cluster: WarmCluster) -> SiteEdgeArgs:
    return SiteEdgeArgs(
        load_balancer=settings.names.dr_load_balancer,
        vpc_id=cluster.vpc_id,
        subnet_ids=subnet_ids,
        certificate_arn=settings.certificate_arn,
        services=list(settings.plan.services),
        nodes=cluster.nodes_group,
        nodes_security_group=cluster.security_group,
    )


def _namespace(settings: DrSettings, provider: k8s.Provider, name: str, called: str) -> pulumi.Output[str]:
    """A namespace that says of which site it is. Kept on destroy, since its claims hold databases."""
    namespace = k8s.core.v1.Namespace(
        name,
        metadata={
            "name": called,
            "labels": {**MANAGED_BY, **_POD_SECURITY},
            "annotations": namespace_identity("dr", settings.account, settings.plan.sites.dr.region),
        },
        opts=pulumi.ResourceOptions(provider=provider, protect=True, retain_on_delete=True),
    )
    return namespace.metadata.apply(lambda meta: meta.name or "")


def _walls(
    settings: DrSettings, namespace: pulumi.Output[str], production: Production, provider: k8s.Provider
) -> list[pulumi.Resource]:
    """What holds for everything in the namespace: who talks to whom, and how much it may take."""
    opts = pulumi.ResourceOptions(provider=provider)
    capacity = SiteCapacity(
        "capacity",
        SiteCapacityArgs(
            plan=settings.plan, postgres=settings.postgres_size, redis=settings.redis.size, namespace=namespace
        ),
        opts,
    )
    denied = DefaultDeny(
        "default-deny",
        DefaultDenyArgs(
            namespace=namespace,
            services=list(settings.plan.services),
            service_port=PORT,
            primary_port=production.primary_port.apply(int),
            redis_port=production.redis_port.apply(int),
            edge_ports=production.edge.apply(lambda edge: sorted({_port_of(edge), _port_of(settings.edge)})),
        ),
        opts,
    )
    return [capacity, denied]


def _port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def _standby(
    settings: DrSettings, at: Runners, production: Production, urgent: pulumi.Output[str]
) -> PostgresStandbyArgs:
    postgres = settings.plan.datasets.postgres
    return PostgresStandbyArgs(
        image=settings.postgres_image,
        follows="production" if settings.plan.strategy == "warm" else "bucket",
        primary_host=production.primary_host,
        primary_port=production.primary_port,
        ssl_mode=production.ssl_mode,
        primary_ca=production.primary_ca,
        password=settings.replication_password,
        database=postgres.database,
        application_role=postgres.application_role,
        pod_cidrs=settings.pod_cidrs,
        storage_class=DISK_CLASS,
        storage_size=settings.storage_size,
        settings=settings.postgres_settings,
        guard=GuardArgs(
            at=at,
            mode=settings.guard_mode,
            password=settings.guard_password,
            redis=f"{REDIS_REPLICA_HOST}:{REDIS_PORT}",
        ),
        priority=urgent,
        size=settings.postgres_size,
    )


def _beside(settings: DrSettings, at: Runners) -> PostgresBesideArgs:
    return PostgresBesideArgs(
        at=at,
        image=settings.postgres_image,
        storage_size=settings.beside_size,
        pod_cidrs=settings.pod_cidrs,
        people=PROMOTERS,
    )


def _restore_room(at: Runners, provider: k8s.Provider, settings: DrSettings) -> RestoreRoomArgs:
    namespace = _namespace(settings, provider, "restore-namespace", RESTORE_NAMESPACE)
    return RestoreRoomArgs(at=replace(at, namespace=namespace), site_namespace=at.namespace, people=PROMOTERS)


def _backup(settings: DrSettings, at: Runners) -> BackupCronJobsArgs:
    postgres = settings.plan.datasets.postgres
    return BackupCronJobsArgs(
        at=at,
        source=postgres_source(
            host=STANDBY_HOST,
            port=POSTGRES_PORT,
            database=postgres.database,
            password=settings.backup_password,
            accept_incrementals_of=settings.accept_incrementals_of,
        ),
        kinds={"full": postgres.full, "incremental": postgres.incremental},
        lock_mode=settings.lock_mode,
    )


def _shipper(settings: DrSettings, at: Runners, urgent: pulumi.Output[str], standby: PostgresStandby) -> LogShipperArgs:
    return LogShipperArgs(
        at=at,
        host=STANDBY_HOST,
        port=POSTGRES_PORT,
        password=settings.replication_password,
        lock_mode=settings.lock_mode,
        priority=urgent,
        after=[standby.service],
    )


def _services(settings: DrSettings, namespace: pulumi.Output[str]) -> WarmServicesArgs:
    postgres = settings.plan.datasets.postgres
    return WarmServicesArgs(
        plan=settings.plan,
        namespace=namespace,
        images=settings.service_images,
        database=postgres.database,
        database_user=postgres.application_role,
        database_password=settings.application_password,
        redis_user=settings.plan.datasets.redis.application_user,
        redis_password=settings.redis.application_password,
        promoters=PROMOTERS,
    )


def _workspace(
    settings: DrSettings, at: Runners, passwords: tuple[pulumi.Output[str], pulumi.Output[str]], cluster: WarmCluster
) -> OperatorWorkspaceArgs:
    return OperatorWorkspaceArgs(
        at=at,
        database=settings.plan.datasets.postgres.database,
        password=passwords[0],
        redis_password=passwords[1],
        endpoint=cluster.endpoint,
        ca_data=cluster.ca_data,
        people=PROMOTERS,
        storage_class=DISK_CLASS,
        scratch=settings.operator_scratch,
        replicas=settings.operator_replicas,
    )
