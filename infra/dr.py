"""dr: the warm site. Cluster, standby, guard and gate, the services at their floor, the recovery bundle."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from components.default_deny import DefaultDeny, DefaultDenyArgs
from components.network import Network, NetworkArgs
from components.operator_workspace import OperatorWorkspace, OperatorWorkspaceArgs
from components.postgres_standby import STANDBY_HOST, STANDBY_LABEL, PostgresStandby, PostgresStandbyArgs
from components.recovery_bundle import RecoveryBundle, RecoveryBundleArgs
from components.site_capacity import SiteCapacity, SiteCapacityArgs
from components.site_guard import SiteGuard, SiteGuardArgs
from components.strategy_config import StrategyConfig, StrategyConfigArgs
from components.warm_cluster import PROMOTERS, WarmCluster, WarmClusterArgs
from components.warm_services import PORT, WarmServices, WarmServicesArgs
from components.workload import MANAGED_BY, plan_config_map
from infra.kubernetes import cluster_provider
from infra.settings import DrSettings
from recovery.errors import PlanError
from recovery.names import POSTGRES_PORT, namespace_identity
from recovery.plan import Plan

_POD_SECURITY = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}


def declare(settings: DrSettings) -> None:
    """Declare the stack; all of it is homed in the DR region. Raises PlanError for another strategy than warm."""
    _require_warm(settings.plan)
    region = settings.plan.sites.dr.region
    production = pulumi.StackReference("prod", stack_name=settings.prod_stack)
    cloud = aws.Provider("aws", region=region, allowed_account_ids=[settings.account])
    subnet_ids = _subnet_ids(settings, cloud)
    cluster = WarmCluster(
        "warm-cluster",
        WarmClusterArgs(
            names=settings.names,
            subnet_ids=subnet_ids,
            public_access_cidrs=settings.public_access_cidrs,
            version=settings.kubernetes_version,
            instance_types=settings.instance_types,
            nodes_warm=settings.nodes_warm,
            nodes_most=settings.nodes_most,
        ),
        pulumi.ResourceOptions(providers=[cloud]),
    )
    kubernetes = cluster_provider(
        name=cluster.cluster_name, endpoint=cluster.endpoint, ca_data=cluster.ca_data, region=region
    )
    namespace = _namespace(settings, kubernetes)
    opts = pulumi.ResourceOptions(providers=[cloud, kubernetes])
    _walls(settings, namespace, production, kubernetes)
    StrategyConfig(
        "strategy",
        StrategyConfigArgs(plan=settings.plan, namespace=namespace),
        pulumi.ResourceOptions(provider=kubernetes),
    )
    config = plan_config_map(settings.plan, namespace, pulumi.ResourceOptions(provider=kubernetes))
    plan_map = config.metadata.apply(lambda meta: meta.name or "")
    standby = PostgresStandby("postgres", _standby(settings, namespace, production), opts)
    guard = SiteGuard(
        "site-guard",
        _guard(settings, namespace, cluster, plan_map),
        # Kubelet gives a Pod the variables of Services that exist before it.
        pulumi.ResourceOptions(providers=[cloud, kubernetes], depends_on=[standby.service]),
    )
    WarmServices(
        "services",
        _services(settings, namespace),
        pulumi.ResourceOptions(providers=[kubernetes], depends_on=[guard.service]),
    )
    if settings.promoter_password is not None:
        workspace = _workspace(settings, settings.promoter_password, namespace, cluster, plan_map)
        OperatorWorkspace("operator", workspace, opts)
    bundle = RecoveryBundle(
        "recovery-bundle",
        RecoveryBundleArgs(
            names=settings.names,
            cluster_endpoint=cluster.endpoint,
            cluster_ca=cluster.ca_data,
            prod_edge=production.require_output("edge"),
            dr_edge=settings.edge,
            standby=pulumi.Output.format("{0}:{1}", standby.host, POSTGRES_PORT),
            gate=pulumi.Output.format("{0}:{1}", guard.host, POSTGRES_PORT),
            system_identifier=production.require_output("system_identifier"),
        ),
        pulumi.ResourceOptions(providers=[cloud]),
    )
    pulumi.export("cluster", cluster.cluster_name)
    pulumi.export("bundle", bundle.url)
    pulumi.export("edge", settings.edge)


def _subnet_ids(settings: DrSettings, cloud: aws.Provider) -> Sequence[pulumi.Input[str]]:
    """The private subnets: those that exist, or those of a network of our own."""
    wanted, sites = settings.network, settings.plan.sites
    if not wanted.cidr:
        return wanted.subnet_ids
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
        pulumi.ResourceOptions(providers=[cloud]),
    )
    if network.peering_id is not None:
        pulumi.export("peering", network.peering_id)  # for the prod stack, which accepts it
    return network.private_subnet_ids


def _namespace(settings: DrSettings, provider: k8s.Provider) -> pulumi.Output[str]:
    """The site's namespace, which says which site it is. Kept on destroy, since its claims hold the database."""
    site = settings.plan.sites.dr
    namespace = k8s.core.v1.Namespace(
        "namespace",
        metadata={
            "name": site.namespace,
            "labels": {**MANAGED_BY, **_POD_SECURITY},
            "annotations": namespace_identity("dr", settings.account, site.region),
        },
        opts=pulumi.ResourceOptions(provider=provider, retain_on_delete=True),
    )
    return namespace.metadata.apply(lambda meta: meta.name or "")


def _walls(
    settings: DrSettings, namespace: pulumi.Output[str], production: pulumi.StackReference, provider: k8s.Provider
) -> None:
    """What holds for everything in the namespace: who talks to whom, and how much it may take."""
    opts = pulumi.ResourceOptions(provider=provider)
    SiteCapacity("capacity", SiteCapacityArgs(plan=settings.plan, namespace=namespace), opts)
    DefaultDeny(
        "default-deny",
        DefaultDenyArgs(
            namespace=namespace,
            services=list(settings.plan.services),
            service_port=PORT,
            primary_port=production.require_output("primary_port").apply(int),
            edge_ports=production.require_output("edge").apply(
                lambda edge: sorted({_port_of(edge), _port_of(settings.edge)})
            ),
        ),
        opts,
    )


def _port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def _standby(
    settings: DrSettings, namespace: pulumi.Output[str], production: pulumi.StackReference
) -> PostgresStandbyArgs:
    postgres = settings.plan.datasets.postgres
    return PostgresStandbyArgs(
        namespace=namespace,
        image=settings.postgres_image,
        primary_host=production.require_output("primary_host"),
        primary_port=production.require_output("primary_port"),
        password=settings.replication_password,
        database=postgres.database,
        application_role=postgres.application_role,
        gate_cidr=settings.gate_cidr,
        pod_cidrs=settings.pod_cidrs,
        storage_class=settings.storage_class,
        storage_size=settings.storage_size,
        settings=settings.postgres_settings,
    )


def _guard(
    settings: DrSettings, namespace: pulumi.Output[str], cluster: WarmCluster, plan_map: pulumi.Output[str]
) -> SiteGuardArgs:
    return SiteGuardArgs(
        site="dr",
        account=settings.account,
        plan_map=plan_map,
        namespace=namespace,
        image=settings.runner_image,
        mode=settings.guard_mode,
        database=settings.plan.datasets.postgres.database,
        upstream_host=STANDBY_HOST,
        upstream_port=POSTGRES_PORT,
        password=settings.guard_password,
        cluster=cluster.cluster_name,
        region=settings.plan.sites.dr.region,
        role_arn=settings.names.role_arn("guard"),
        primary_labels=STANDBY_LABEL,
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
        certificate_arn=settings.certificate_arn,
        promoters=PROMOTERS,
    )


def _workspace(
    settings: DrSettings,
    password: pulumi.Output[str],
    namespace: pulumi.Output[str],
    cluster: WarmCluster,
    plan_map: pulumi.Output[str],
) -> OperatorWorkspaceArgs:
    return OperatorWorkspaceArgs(
        account=settings.account,
        namespace=namespace,
        image=settings.runner_image,
        plan_map=plan_map,
        database=settings.plan.datasets.postgres.database,
        password=password,
        cluster=cluster.cluster_name,
        endpoint=cluster.endpoint,
        ca_data=cluster.ca_data,
        region=settings.plan.sites.dr.region,
        role_arn=settings.names.role_arn("promoter"),
        bundle_url=settings.names.bundle_url,
        people=PROMOTERS,
        storage_class=settings.storage_class,
        replicas=settings.operator_replicas,
    )


def _require_warm(plan: Plan) -> None:
    """A site declared without standbys needs a restore before a promotion, and nothing restores a copy yet."""
    if plan.strategy != "warm":
        said = f"strategy: {plan.strategy} is planned and budgeted, but only warm can be declared and promoted today"
        raise PlanError("recovery.yaml", [said], next_step="set `strategy: warm`; `dr plan` shows what it promises")
