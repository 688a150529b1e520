"""What the foundation stack needs to know."""

from dataclasses import dataclass

from infra.settings.backup_account import backup_account_role
from infra.settings.common import BUCKET_NAME, CLUSTER_NAME, Common, read_settings
from infra.settings.config import Config
from recovery.plan.plan import Plan

_ARN = r"arn:aws:iam::\d{12}:user/[\w+=,.@/-]+"


@dataclass(frozen=True, kw_only=True)
class FoundationSettings(Common):
    """The foundation stack."""

    zone_id: str
    prod_edge: str
    dr_edge: str
    dr_load_balancer: str
    checker_ranges: list[str]
    failover_armed: bool
    name_adopted: bool
    prod_cluster: str
    operators: list[str]
    replicate_images: bool
    assets_bucket: str
    assets_key: str
    log_bucket_prod: str
    log_bucket_dr: str
    backup_account_role: str


def foundation_settings() -> FoundationSettings:
    """Settings of the foundation stack. Raises PlanError naming every problem; BudgetUnmet."""
    return read_settings("foundation", _foundation)


def _foundation(config: Config, plan: Plan, account: str) -> FoundationSettings:
    return FoundationSettings(
        plan=plan,
        account=account,
        zone_id=config.text("zoneId", r"[A-Z0-9]{6,32}", "a Route 53 hosted zone id such as Z0123456789ABCDEFGHIJ"),
        prod_edge=_edge(config, plan, "prodEdge", "the host name of production's edge"),
        dr_edge=_dr_edge(config, plan),
        dr_load_balancer=_dr_load_balancer(config, plan),
        checker_ranges=config.ranges("checkerRanges", "a CIDR range of Route 53's health checkers", public=True),
        failover_armed=config.flag("failoverArmed", default=False),
        name_adopted=config.flag("nameAdopted", default=False),
        prod_cluster=config.text("prodCluster", CLUSTER_NAME, "the name of production's EKS cluster"),
        operators=config.texts("operators", _ARN, "the ARN of an IAM user that may promote", least=0),
        assets_bucket=config.text("assetsBucket", BUCKET_NAME, "production's bucket of static assets", default=""),
        assets_key=config.text("assetsKey", r"arn:aws:kms:\S+", "the ARN of that bucket's KMS key", default=""),
        replicate_images=config.flag("replicateImages", default=False),
        log_bucket_prod=config.text("logBucketProd", BUCKET_NAME, "a bucket in production's region", default=""),
        log_bucket_dr=config.text("logBucketDr", BUCKET_NAME, "a bucket in the DR region", default=""),
        backup_account_role=backup_account_role(config, plan, account),
    )


def _edge(config: Config, plan: Plan, key: str, expected: str) -> str:
    """The name of a site's edge; the public name leads to it, so it must be another."""
    edge = config.dns_name(key, expected)
    if edge and edge == plan.dns.name:
        config.wrong(key, f"{expected}, not the public name itself, which leads there", edge)
    return edge


def _dr_edge(config: Config, plan: Plan) -> str:
    """Its record is made here, so it lies in the same zone."""
    edge = _edge(config, plan, "drEdge", "the host name of the DR site's edge")
    if edge and not edge.endswith(f".{plan.dns.zone}"):
        config.wrong("drEdge", f"a name below {plan.dns.zone}, where this stack makes its record", edge)
    return edge


def _dr_load_balancer(config: Config, plan: Plan) -> str:
    """Known once the dr stack is up; without it the DR edge's name leads nowhere, so nothing is armed."""
    region = plan.sites.dr.region
    found = config.text(
        "drLoadBalancer",
        rf"[a-z0-9-]+\.{region}\.elb\.amazonaws\.com",
        f"the dr stack's output `load_balancer`, such as ultramarket-dr-edge-1234567890.{region}.elb.amazonaws.com",
        default="",
    )
    if not found and config.flag("failoverArmed", default=False):
        said = "failoverArmed needs it: without a record the DR edge's name leads nowhere"
        config.problems.append(f"{config.namespace}:drLoadBalancer: missing; {said}")
    return found
