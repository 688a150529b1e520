"""`dr plan`: the plan as tables people like to read."""

from recovery.plan import Plan
from recovery.units import format_duration as text
from scripts.context import DEFAULT_PLAN, Context, JsonOption, PlanOption
from scripts.output import emit_json, table


def plan(plan: PlanOption = DEFAULT_PLAN, json: JsonOption = False) -> None:
    """Check the recovery plan and print it.

    Example: dr plan --plan recovery.yaml --json
    """
    loaded = Context.load(plan).plan
    if json:
        emit_json({"digest": loaded.digest, "plan": loaded.model_dump(mode="json")})
    else:
        _print(loaded)


def _print(plan: Plan) -> None:
    goals, lease, dns, full = plan.objectives, plan.lease, plan.dns, plan.datasets.postgres.full
    table(
        "Objectives",
        ("what", "target"),
        [
            ("recovery time (RTO)", text(goals.rto)),
            ("data loss (RPO)", text(goals.rpo)),
            ("uptime", f"{goals.uptime:.2%}"),
            ("backup success", f"{goals.backup_success:.2%}"),
            ("integrity", f"{goals.integrity:.2%}"),
        ],
    )
    table(
        "\nSites",
        ("site", "region", "namespace"),
        [
            ("prod", plan.sites.prod.region, plan.sites.prod.namespace),
            ("dr", plan.sites.dr.region, plan.sites.dr.namespace),
            ("witness", plan.sites.witness.region, "-"),
        ],
    )
    table(
        "\nWho may write, and how the name moves",
        ("what", "value"),
        [
            ("lease", f"{text(lease.duration)}, renewed every {text(lease.renewal)}"),
            ("fence wait of a successor", text(lease.duration + lease.margin)),
            ("public name", f"{dns.name}, TTL {text(dns.ttl)}"),
            ("health check", f"every {text(dns.health_check.interval)}, {dns.health_check.failures} to switch"),
        ],
    )
    table(
        f"\nBackups ({plan.time_zone})",
        ("dataset", "kind", "schedule", "local", "cloud", "archive"),
        [("postgres", "full", full.schedule, text(full.keep.local), text(full.keep.cloud), text(full.keep.archive))],
    )
    table(
        "\nServices at the DR site",
        ("service", "warm", "after promotion"),
        [(name, service.warm, service.full) for name, service in plan.services.items()],
    )
    table("", ("digest", plan.digest[:12]), [])
