"""Edits of plan and config that a reviewer may meet, each with where it shows and what a person says to it."""

from dataclasses import dataclass
from typing import Any

from policy.verdict import Verdict
from recovery.names import ACCEPTED_INCREMENTALS, READ_REPLICA
from tests.support.review_mutations import REMOVED, C, D, N, S, W

DIGEST = "sha256:" + "1" * 64
_BACKUP = "spec.jobTemplate.spec.template.spec.containers[backup]"
_GUARD = "spec.template.spec.containers[guard]"
_FULL = "backup-postgres-full-job"
_BACKUPS = (_FULL, "backup-postgres-incremental-job", "backup-postgres-due-job")
_EVERY = (
    *_BACKUPS,
    *(f"backup-redis-{each}-job" for each in ("full", "snapshot", "due")),
    *(f"backup-configuration-{each}-job" for each in ("full", "due")),
)
_SHIPS = "spec.template.spec.containers[shipper]"
_SHIPPER = "postgres-log-shipper-deployment"


@dataclass(frozen=True)
class Edit:
    """One edit of the plan or of a stack's config, and what it shows as: (stack, resource, property, verdict).

    A resource of `*` stands for any: what is compiled from the plan may appear in more places than are named here.
    """

    what: str
    before: str
    after: Any
    shows: tuple[tuple[str, str, str, Verdict], ...]


_PLAN = 'data["recovery.yaml"]'


def _in_plan(at: str, verdict: Verdict) -> tuple[tuple[str, str, str, Verdict], ...]:
    """The plan itself is in a map at both sites and in the bundle."""
    return (
        ("prod", "plan", f"{_PLAN}.{at}", verdict),
        ("dr", "plan", f"{_PLAN}.{at}", verdict),
        ("dr", "recovery-bundle-object", f"content.plan.{at}", verdict),
    )


PLAN = (
    Edit("lease lengthened", "  duration: 10s", "  duration: 60s", _in_plan("lease.duration", W)),
    Edit("margin shortened", "  margin: 2s", "  margin: 1s", _in_plan("lease.margin", W)),
    Edit("objective lowered", "  integrity: 100%", "  integrity: 99%", _in_plan("objectives.integrity", W)),
    Edit(
        "higher objective",
        "  backup_success: 99.95%",
        "  backup_success: 99.99%",
        _in_plan("objectives.backup_success", S),
    ),
    Edit(
        "schedule slowed",
        '      schedule: "0 2 * * *"',
        '      schedule: "0 2 * * 1-5"',
        (
            *_in_plan("datasets.postgres.full.schedule", W),
            *((site, _FULL, "spec.schedule", W) for site in ("prod", "dr")),
        ),
    ),
    Edit(
        "retention shortened",
        "      keep: {local: 7d, cloud: 30d, archive: 7y}\n    incremental:",
        "      keep: {local: 7d, cloud: 20d, archive: 7y}\n    incremental:",
        (
            *_in_plan("datasets.postgres.full.keep.cloud", W),
            ("foundation", "backups-dr-lifecycle", "rules[postgres/full/]", W),
        ),
    ),
    Edit(
        "Redis's retention shortened",
        "      keep: {local: 7d, cloud: 30d, archive: 7y}\n    snapshot:",
        "      keep: {local: 7d, cloud: 20d, archive: 7y}\n    snapshot:",
        (
            *_in_plan("datasets.redis.full.keep.cloud", W),
            ("foundation", "backups-dr-lifecycle", "rules[redis/full/]", W),
            # With PostgreSQL's no lock of the writer's is as long as before, so neither may it set one: it follows.
            ("foundation", "role-writer-permission", "policy", N),
        ),
    ),
    Edit(
        "more warm replicas",
        "  auth: {warm: 1, least: 2, full: 3}",
        "  auth: {warm: 2, least: 2, full: 3}",
        (*_in_plan("services.auth.warm", N), ("dr", "strategy-map", "data.services.auth.warm", N)),
    ),
    Edit(
        "fewer after a promotion",
        "  cart: {warm: 1, least: 2, full: 3}",
        "  cart: {warm: 1, least: 2, full: 2}",
        (
            *_in_plan("services.cart.full", W),
            ("dr", "capacity-quota", "spec.hard", W),
            ("dr", "strategy-map", "data.services.cart.full", W),
        ),
    ),
    Edit(
        "a service less",
        "  payment: {warm: 1, least: 2, full: 3}\n",
        "",
        (
            *_in_plan("services.payment", W),
            ("dr", "edge-payment-rule", "deletion", W),
            ("dr", "edge-payment-nodes", "deletion", W),
            ("dr", "edge-payment", "deletion", W),
            ("dr", "default-deny-services", "spec.podSelector", W),
            ("dr", "strategy-map", "data.services.payment", W),
        ),
    ),
    Edit(
        "fewer people told",
        "promotion: [oncall@ultramarket.com, business@ultramarket.com]",
        "promotion: [oncall@ultramarket.com]",
        _in_plan("notify.promotion", W),
    ),
    Edit(
        "another hour",
        "time_zone: Asia/Tashkent",
        "time_zone: UTC",
        (*_in_plan("time_zone", N), ("prod", "*", "spec.timeZone", N), ("dr", "*", "spec.timeZone", N)),
    ),
)

_RANGES = ["203.0.113.0/24", "198.51.0.0/16"]
CONFIG = (
    Edit(
        "lock relaxed",
        "prod:lockMode",
        "GOVERNANCE",
        (
            *(("prod", each, f"{_BACKUP}.env[DR_LOCK_MODE].value", W) for each in _EVERY),
            ("prod", _SHIPPER, f"{_SHIPS}.env[DR_LOCK_MODE].value", W),
        ),
    ),
    Edit(
        "doubtful incrementals trusted",
        "prod:acceptIncrementalsOf",
        "18.5",
        tuple(("prod", each, f"{_BACKUP}.env[{ACCEPTED_INCREMENTALS}].value", W) for each in _BACKUPS),
    ),
    Edit(
        "the replica in the site given up",
        "prod:replicaInSite",
        False,
        (
            ("prod", "replica-set", "deletion", D),
            *(("prod", f"replica-{each}", "deletion", W) for each in ("config", "login", "service", "class", "way")),
            *(("prod", each, f"{_BACKUP}.env[{READ_REPLICA}]", C) for each in _BACKUPS),
        ),
    ),
    Edit(
        "guard not enforcing",
        "prod:guardMode",
        "observe",
        (("prod", "site-guard-guard", f"{_GUARD}.command.--mode", W),),
    ),
    Edit(
        "a new build by digest",
        "prod:runnerImage",
        f"ultramarket/dr-runner@{DIGEST}",
        tuple(("prod", each, f"{_BACKUP}.image", N) for each in _EVERY),
    ),
    Edit(
        "the primary's Pods opened", "prod:primaryPodLabels", REMOVED, (("prod", "site-guard-only-way", "deletion", W),)
    ),
    Edit(
        "another edge",
        "dr:edge",
        "edge.elsewhere.test:443",
        (
            ("dr", "recovery-bundle-object", "content.endpoints.dr_edge", C),
            ("dr", "default-deny-runners", "spec.egress", W),
        ),
    ),
    Edit(
        "a service less",
        "dr:serviceImages.payment",
        REMOVED,
        tuple(("dr", f"services-payment-{kind}", "deletion", W) for kind in ("deployment", "service", "disruption")),
    ),
    Edit("guard off", "dr:guardMode", "off", (("dr", "postgres-set", f"{_GUARD}.command.--mode", W),)),
    Edit(
        "cluster opened",
        "dr:publicAccessCidrs",
        _RANGES,
        (("dr", "warm-cluster-cluster", "vpcConfig.publicAccessCidrs", W),),
    ),
    Edit("more nodes", "dr:nodes", 9, (("dr", "warm-cluster-nodes", "scalingConfig.maxSize", N),)),
    Edit("Kubernetes upgraded", "dr:kubernetesVersion", "1.35", (("dr", "warm-cluster-cluster", "version", N),)),
    Edit(
        "database admits more",
        "dr:podCidrs",
        ["127.0.0.0/8", "10.0.0.0/8"],
        (
            ("dr", "postgres-config", 'data["pg_hba.conf"]', W),
            ("dr", "postgres-config", "replacement", N),
            ("dr", "postgres-beside-config", 'data["pg_hba.conf"]', W),
        ),
    ),
    Edit(
        "a larger volume",
        "dr:storageSize",
        "500Gi",
        (
            ("dr", "postgres-set", "spec.volumeClaimTemplates", D),
            ("dr", "postgres-set", "replacement", D),
            ("dr", "postgres-beside-deployment", "spec.template.spec.volumes[data]", N),
        ),
    ),
    Edit("disarmed", "foundation:failoverArmed", False, (("foundation", "failover-primary", "healthCheckId", W),)),
)
