"""What the prod stack needs to know."""

import re
from dataclasses import dataclass

import pulumi

from infra.settings.common import CLUSTER_NAME, MODES, GuardSettings, accepted_incrementals, lock_mode, read_settings
from infra.settings.config import Config
from infra.settings.network import Peering, peering
from infra.settings.primary_tls import TlsSettings, primary_tls
from infra.settings.redis_server import RedisPrimary, redis_primary
from infra.settings.replica import ReplicaSettings, replica_in_site
from recovery.plan.plan import Plan

_MANAGED = re.compile(r"\.rds\.([a-z0-9-]+\.)?amazonaws\.com(\.cn)?$|\.rds\.[a-z0-9-]+\.on\.aws$", re.IGNORECASE)
SIDECAR = "sidecar"


@dataclass(frozen=True, kw_only=True)
class ProdSettings(GuardSettings):
    """The prod stack: addresses of what UltraMarket already runs."""

    cluster_name: str
    cluster_endpoint: str
    cluster_ca: str
    primary_host: str
    primary_port: int
    backup_host: str
    replica: ReplicaSettings | None
    tls: TlsSettings
    redis: RedisPrimary
    gate: str
    primary_pod_labels: dict[str, str]
    primary_admits: list[str]
    edge: str
    system_identifier: str
    lock_mode: str
    accept_incrementals_of: str
    peering: Peering | None
    backup_password: pulumi.Output[str]
    replication_password: pulumi.Output[str]


def prod_settings() -> ProdSettings:
    """Settings of the prod stack. Raises PlanError naming every problem; BudgetUnmet."""
    return read_settings("prod", _prod)


def _prod(config: Config, plan: Plan, account: str) -> ProdSettings:
    primary = _primary(config, "primaryHost", "the host of production's PostgreSQL primary")
    gate = config.text("gate", f"{SIDECAR}|deployment", "sidecar or deployment", default="deployment")
    labels = config.mapping("primaryPodLabels", "labels of the primary's Pods")
    if gate == SIDECAR and not labels:
        config.wrong("primaryPodLabels", "labels of the primary's Pods, in which the gate is a sidecar", labels)
    return ProdSettings(
        plan=plan,
        account=account,
        cluster_name=config.text("clusterName", CLUSTER_NAME, "the name of production's EKS cluster"),
        cluster_endpoint=config.text("clusterEndpoint", r"https://\S+", "https://… as `aws eks describe-cluster` says"),
        cluster_ca=config.text("clusterCa", r"[A-Za-z0-9+/=]{16,}", "the cluster's CA certificate in base64"),
        primary_host=primary,
        primary_port=config.number("primaryPort", 1, 65535, default=5432),
        backup_host=_primary(config, "backupHost", "the host backups are read from", default=primary),
        replica=replica_in_site(config, plan),
        tls=primary_tls(config),
        redis=redis_primary(config),
        gate=gate,
        primary_pod_labels=labels,
        primary_admits=config.ranges("primaryAdmits", "a CIDR range that may reach the primary's Pods", least=0),
        edge=config.address("edge", "production's edge"),
        system_identifier=config.text("systemIdentifier", r"\d{1,20}", "PostgreSQL's system identifier", default=""),
        lock_mode=lock_mode(config),
        accept_incrementals_of=accepted_incrementals(config),
        peering=peering(config),
        backup_password=config.secret("backupPassword", "the database role dr_backup logs in with it"),
        replication_password=config.secret("replicationPassword", "the log is followed with it (dr_replication)"),
        runner_image=config.image("runnerImage", "ultramarket/dr-runner"),
        guard_mode=config.text("guardMode", MODES, "off, observe or enforce", default="enforce"),
        guard_password=config.secret("guardPassword", "the database role dr_guard logs in with it"),
    )


def _primary(config: Config, key: str, expected: str, *, default: str | None = None) -> str:
    """A host that can be copied and followed. RDS and Aurora let nobody outside do either.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_PostgreSQL.html: no access to the host, and the
    replication role is for logical replication only.
    """
    host = config.host(key, expected, default=default)
    if host != default and _MANAGED.search(host):
        config.wrong(
            key,
            "a PostgreSQL of your own: RDS and Aurora send no physical replication outside, so neither pg_basebackup "
            "nor a standby can read from them",
            host,
        )
    return host
