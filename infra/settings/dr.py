"""What the dr stack needs to know."""

from dataclasses import dataclass

import pulumi

from infra.settings.cluster import addon_versions, cluster_admins
from infra.settings.common import (
    BUCKET_NAME,
    MODES,
    GuardSettings,
    accepted_incrementals,
    lock_mode,
    plan_file,
    read_settings,
)
from infra.settings.config import Config
from infra.settings.network import DrNetwork, dr_network
from infra.settings.postgres_server import disk_key, postgres_image, postgres_size, storage_size
from infra.settings.redis_server import RedisFollower, redis_follower
from recovery.plan.plan import Plan
from recovery.site.capacity import Size
from recovery.site.nodes import Nodes, shortage

# Not Graviton's, which have a g after the generation: the runner's image is built for x86-64, and a copy of a primary's
# files works on its architecture alone: https://www.postgresql.org/docs/18/warm-standby.html#STANDBY-PLANNING
_X86 = r"(?!a1\.|[a-z]+\d+g)[a-z0-9-]+\.[a-z0-9]+"


@dataclass(frozen=True, kw_only=True)
class DrSettings(GuardSettings):
    """The dr stack."""

    plan_file: str
    prod_stack: str
    edge: str
    certificate_arn: str
    assets_bucket: str
    network: DrNetwork
    public_access_cidrs: list[str]
    kubernetes_version: str
    addon_versions: dict[str, str]
    cluster_admins: list[str]
    instance_types: list[str]
    nodes: int
    postgres_image: str
    postgres_settings: dict[str, str]
    postgres_size: Size
    redis: RedisFollower
    service_images: dict[str, str]
    disk_key: str
    storage_size: str
    beside_size: str
    pod_cidrs: list[str]
    application_password: pulumi.Output[str]
    replication_password: pulumi.Output[str]
    promoter_password: pulumi.Output[str] | None
    backup_password: pulumi.Output[str]
    lock_mode: str
    accept_incrementals_of: str
    operator_replicas: int
    operator_scratch: str
    monitor_password: pulumi.Output[str]


def dr_settings() -> DrSettings:
    """Settings of the dr stack. Raises PlanError naming every problem; BudgetUnmet."""
    return read_settings("dr", _dr_with_nodes)


def _dr_with_nodes(config: Config, plan: Plan, account: str) -> DrSettings:
    """Full size must fit on one node less."""
    settings = _dr(config, plan, account)
    nodes = Nodes(count=settings.nodes, types=tuple(settings.instance_types))
    if not config.problems and (short := shortage(plan, settings.postgres_size, nodes, settings.redis.size)):
        config.wrong("nodes", f"more or larger nodes: {short}", settings.nodes)
    return settings


def _dr(config: Config, plan: Plan, account: str) -> DrSettings:
    return DrSettings(
        plan=plan,
        account=account,
        plan_file=plan_file(config),
        prod_stack=config.text("prodStack", r"[\w.-]+/[\w.-]+/[\w.-]+", "a stack name", default=_prod_stack()),
        edge=config.address("edge", "the DR site's edge"),
        certificate_arn=config.text("certificateArn", r"arn:aws:acm:\S+", "the ARN of an ACM certificate"),
        assets_bucket=config.text("assetsBucket", BUCKET_NAME, "production's bucket of static assets", default=""),
        network=dr_network(config, plan),
        public_access_cidrs=config.ranges("publicAccessCidrs", "a CIDR range that may reach the cluster's API"),
        kubernetes_version=config.text("kubernetesVersion", r"1\.\d{2}", "a Kubernetes version such as 1.34"),
        addon_versions=addon_versions(config),
        cluster_admins=cluster_admins(config, plan),
        instance_types=config.texts("instanceTypes", _X86, "an x86-64 instance type such as m7i.large"),
        nodes=config.number("nodes", 1, 100, default=7),
        postgres_image=postgres_image(config),
        postgres_settings=config.mapping("postgresSettings", "PostgreSQL settings by name"),
        postgres_size=postgres_size(config),
        service_images=config.images("serviceImages", list(plan.services)),
        disk_key=disk_key(config, "the DR region"),
        storage_size=storage_size(config, plan),
        beside_size=_beside_size(config),
        pod_cidrs=config.ranges("podCidrs", "a range of Pod and operator addresses"),
        application_password=config.secret("applicationPassword", "the services log in to PostgreSQL with it"),
        replication_password=config.secret("replicationPassword", "the standby and the log's shipper log in with it"),
        promoter_password=_promoter_password(config),
        backup_password=config.secret("backupPassword", "the database role dr_backup logs in with it"),
        lock_mode=lock_mode(config),
        accept_incrementals_of=accepted_incrementals(config),
        operator_replicas=config.number("operatorReplicas", 0, 1, default=1),
        operator_scratch=config.text("operatorScratch", r"[1-9]\d*(Gi|Ti)", "a size such as 300Gi", default=""),
        monitor_password=config.secret("monitorPassword", "the monitor logs in to PostgreSQL with it (dr_monitor)"),
        runner_image=config.image("runnerImage", "ultramarket/dr-runner"),
        guard_mode=config.text("guardMode", MODES, "off, observe or enforce", default="enforce"),
        guard_password=config.secret("guardPassword", "the database role dr_guard logs in with it"),
        redis=redis_follower(config, plan),
    )


def _prod_stack() -> str:
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/prod"


def _beside_size(config: Config) -> str:
    """Of the same database. Its own value, since the standby's disk grows past `storageSize`, which cannot change."""
    standby = config.text("storageSize", ".*", "", default="")
    if not config.given("besideSize"):
        return standby
    return f"{config.amount('besideSize', {'Gi': 1, 'Ti': 1024}, 'a size such as 400Gi', least=standby)}Gi"


def _promoter_password(config: Config) -> pulumi.Output[str] | None:
    """Without it there is no operator workspace."""
    if not config.given("promoterPassword"):
        return None
    return config.secret("promoterPassword", "the operator workspace logs in to PostgreSQL with it")
