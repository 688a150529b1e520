"""What each stack needs to know, read once. Config says only what differs by site; the plan says everything else."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from infra.backup_account import backup_account_role
from infra.config import Config, located
from infra.network_settings import DrNetwork, Peering, dr_network, peering
from recovery.budget_text import require_kept
from recovery.errors import PlanError
from recovery.loading import load_plan
from recovery.names import Names
from recovery.plan import SERVICES, Plan

NAMESPACE = "ultramarket-dr"
_NAME = r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}"
_ARN = r"arn:aws:iam::\d{12}:user/[\w+=,.@/-]+"
_BUCKET = r"[a-z0-9.-]{3,63}"
_MODES = "off|observe|enforce"


@dataclass(frozen=True, kw_only=True)
class Common:
    """What every stack knows."""

    plan: Plan
    account: str

    @property
    def names(self) -> Names:
        """Names in this account."""
        return Names(self.plan, self.account)


@dataclass(frozen=True, kw_only=True)
class FoundationSettings(Common):
    """The foundation stack."""

    zone_id: str
    prod_edge: str
    dr_edge: str
    checker_ranges: list[str]
    failover_armed: bool
    prod_cluster: str
    operators: list[str]
    replicate_images: bool
    assets_bucket: str
    assets_key: str
    log_bucket_prod: str
    log_bucket_dr: str
    backup_account_role: str


@dataclass(frozen=True, kw_only=True)
class GuardSettings(Common):
    """What guard and gate need at either site."""

    runner_image: str
    guard_mode: str
    guard_password: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class ProdSettings(GuardSettings):
    """The prod stack: addresses of what UltraMarket already runs."""

    cluster_name: str
    cluster_endpoint: str
    cluster_ca: str
    primary_host: str
    primary_port: int
    backup_host: str
    primary_pod_labels: dict[str, str]
    primary_admits: list[str]
    edge: str
    system_identifier: str
    lock_mode: str
    peering: Peering | None
    backup_password: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class DrSettings(GuardSettings):
    """The dr stack."""

    prod_stack: str
    edge: str
    certificate_arn: str
    network: DrNetwork
    public_access_cidrs: list[str]
    kubernetes_version: str
    instance_types: list[str]
    nodes_warm: int
    nodes_most: int
    postgres_image: str
    postgres_settings: dict[str, str]
    service_images: dict[str, str]
    storage_class: str
    storage_size: str
    gate_cidr: str
    pod_cidrs: list[str]
    application_password: pulumi.Output[str]
    replication_password: pulumi.Output[str]
    promoter_password: pulumi.Output[str] | None
    operator_replicas: int


_Settings = TypeVar("_Settings", bound=Common)


def foundation() -> FoundationSettings:
    """Settings of the foundation stack. Raises PlanError naming every problem; BudgetUnmet."""
    return _read("foundation", _foundation)


def prod() -> ProdSettings:
    """Settings of the prod stack. Raises PlanError naming every problem; BudgetUnmet."""
    return _read("prod", _prod)


def dr() -> DrSettings:
    """Settings of the dr stack. Raises PlanError naming every problem; BudgetUnmet."""
    return _read("dr", _dr)


def _read(stack: str, build: Callable[[Config, Plan, str], _Settings]) -> _Settings:
    config = Config(NAMESPACE)
    path = config.text("plan", r"[^\0]{1,255}", "a file name", default="recovery.yaml")[:255]
    account = config.text("account", r"\d{12}", "the AWS account's 12 digits, in quotes")
    try:
        plan = load_plan(Path(path))  # Pulumi runs the program in the project's folder
    except PlanError as error:
        _read_without_plan(config, account, build)
        if not config.problems:
            raise
        in_plan = [f"{path}: {problem}" for problem in error.problems]
        problems = [*in_plan, *_problems(config)]
        advice = f"correct {path} and Pulumi.{stack}.yaml and run the command again"
        raise PlanError(f"plan and stack configuration of {stack}", problems, next_step=advice) from None
    settings = build(config, plan, account)
    config.refuse_unknown({**get_config_env(), **CONFIG.get()})
    if config.problems:
        advice = f"correct Pulumi.{stack}.yaml (the README has a table of all keys) and run the command again"
        raise PlanError(f"stack configuration of {stack}", _problems(config), next_step=advice)
    require_kept(plan, source=path)
    return settings


def _read_without_plan(config: Config, account: str, build: Callable[[Config, Plan, str], Common]) -> None:
    """Note the configuration's problems beside those of a plan that cannot be read."""
    stand_in = Plan.model_construct(services=dict.fromkeys(SERVICES))
    try:
        build(config, stand_in, account)
    except AttributeError:
        return  # from here on the plan decides what is asked for
    config.refuse_unknown({**get_config_env(), **CONFIG.get()})


def _problems(config: Config) -> list[str]:
    """Sorted by key, each with its line in the stack's file where there is one."""
    return located(sorted(config.problems), Path(f"Pulumi.{pulumi.get_stack()}.yaml"))


def _foundation(config: Config, plan: Plan, account: str) -> FoundationSettings:
    return FoundationSettings(
        plan=plan,
        account=account,
        zone_id=config.text("zoneId", r"[A-Z0-9]{6,32}", "a Route 53 hosted zone id such as Z0123456789ABCDEFGHIJ"),
        prod_edge=config.dns_name("prodEdge", "the host name of production's edge"),
        dr_edge=config.dns_name("drEdge", "the host name of the DR site's edge"),
        checker_ranges=config.ranges("checkerRanges", "a CIDR range of Route 53's health checkers", public=True),
        failover_armed=config.flag("failoverArmed", default=False),
        prod_cluster=config.text("prodCluster", _NAME, "the name of production's EKS cluster"),
        operators=config.texts("operators", _ARN, "the ARN of an IAM user that may promote", least=0),
        assets_bucket=config.text("assetsBucket", _BUCKET, "production's bucket of static assets", default=""),
        assets_key=config.text("assetsKey", r"arn:aws:kms:\S+", "the ARN of that bucket's KMS key", default=""),
        replicate_images=config.flag("replicateImages", default=False),
        log_bucket_prod=config.text("logBucketProd", _BUCKET, "a bucket in production's region", default=""),
        log_bucket_dr=config.text("logBucketDr", _BUCKET, "a bucket in the DR region", default=""),
        backup_account_role=backup_account_role(config, plan, account),
    )


def _prod(config: Config, plan: Plan, account: str) -> ProdSettings:
    primary = config.host("primaryHost", "the host of production's PostgreSQL primary")
    return ProdSettings(
        plan=plan,
        account=account,
        cluster_name=config.text("clusterName", _NAME, "the name of production's EKS cluster"),
        cluster_endpoint=config.text("clusterEndpoint", r"https://\S+", "https://… as `aws eks describe-cluster` says"),
        cluster_ca=config.text("clusterCa", r"[A-Za-z0-9+/=]{16,}", "the cluster's CA certificate in base64"),
        primary_host=primary,
        primary_port=config.number("primaryPort", 1, 65535, default=5432),
        backup_host=config.host("backupHost", "the host backups are read from", default=primary),
        primary_pod_labels=config.mapping("primaryPodLabels", "labels of the primary's Pods"),
        primary_admits=config.ranges("primaryAdmits", "a CIDR range that may reach the primary's Pods", least=0),
        edge=config.address("edge", "production's edge"),
        system_identifier=config.text("systemIdentifier", r"\d{1,20}", "PostgreSQL's system identifier", default=""),
        lock_mode=config.text("lockMode", "GOVERNANCE|COMPLIANCE", "GOVERNANCE or COMPLIANCE"),
        peering=peering(config),
        backup_password=config.secret("backupPassword", "the database role dr_backup logs in with it"),
        runner_image=config.image("runnerImage", "ultramarket/dr-runner"),
        guard_mode=config.text("guardMode", _MODES, "off, observe or enforce", default="enforce"),
        guard_password=config.secret("guardPassword", "the database role dr_guard logs in with it"),
    )


def _dr(config: Config, plan: Plan, account: str) -> DrSettings:
    return DrSettings(
        plan=plan,
        account=account,
        prod_stack=config.text("prodStack", r"[\w.-]+/[\w.-]+/[\w.-]+", "a stack name", default=_prod_stack()),
        edge=config.address("edge", "the DR site's edge"),
        certificate_arn=config.text("certificateArn", r"arn:aws:acm:\S+", "the ARN of an ACM certificate"),
        network=dr_network(config, plan),
        public_access_cidrs=config.ranges("publicAccessCidrs", "a CIDR range that may reach the cluster's API"),
        kubernetes_version=config.text("kubernetesVersion", r"1\.\d{2}", "a Kubernetes version such as 1.34"),
        instance_types=config.texts("instanceTypes", r"[a-z0-9-]+\.[a-z0-9]+", "an instance type such as m7i.large"),
        nodes_warm=config.number("nodesWarm", 1, 100, default=4),
        nodes_most=config.number("nodesMost", 1, 100, default=6),
        postgres_image=config.image("postgresImage", "postgres"),
        postgres_settings=config.mapping("postgresSettings", "PostgreSQL settings by name"),
        service_images=config.images("serviceImages", list(plan.services)),
        storage_class=config.text("storageClass", r"[a-z0-9.-]+", "a storage class of the DR cluster"),
        storage_size=config.text("storageSize", r"\d+(Gi|Ti)", "a size such as 200Gi"),
        gate_cidr=config.cidr("gateCidr", "the range the gate's Pods get their addresses from"),
        pod_cidrs=config.ranges("podCidrs", "a range of Pod and operator addresses"),
        application_password=config.secret("applicationPassword", "the services log in to PostgreSQL with it"),
        replication_password=config.secret("replicationPassword", "the standby streams from production with it"),
        promoter_password=_promoter_password(config),
        operator_replicas=config.number("operatorReplicas", 0, 1, default=1),
        runner_image=config.image("runnerImage", "ultramarket/dr-runner"),
        guard_mode=config.text("guardMode", _MODES, "off, observe or enforce", default="enforce"),
        guard_password=config.secret("guardPassword", "the database role dr_guard logs in with it"),
    )


def _prod_stack() -> str:
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/prod"


def _promoter_password(config: Config) -> pulumi.Output[str] | None:
    """Without it there is no operator workspace."""
    if not config.given("promoterPassword"):
        return None
    return config.secret("promoterPassword", "the operator workspace logs in to PostgreSQL with it")
