"""What `dr plan` prints: the plan as tables, and the budget."""

from recovery.budget.budget import Budget
from recovery.plan.datasets import DATASETS
from recovery.plan.plan import Plan
from recovery.plan.strategy import consequences
from recovery.units import format_duration as text
from scripts.budget_output import print_budget
from scripts.copies_output import print_copies
from scripts.output import console, table


def print_plan(plan: Plan, found: Budget, *, terms: bool) -> None:
    """All of it; with `terms` also what every figure of the budget is made of."""
    _goals(plan)
    _places(plan)
    print_copies(plan)
    print_budget(found, terms=terms)
    console.print(f"\ndigest {plan.digest[:12]}")


def _goals(plan: Plan) -> None:
    goals = plan.objectives
    table(
        "Objectives",
        ("what", "target"),
        [
            ("back within (RTO)", text(goals.rto)),
            ("data lost at most (RPO)", text(goals.rpo)),
            ("uptime", _share(goals.uptime)),
            ("backups that succeed", _share(goals.backup_success)),
            ("integrity", _share(goals.integrity)),
        ],
    )
    exceptions = [(name, getattr(plan.datasets, name).exception) for name in DATASETS]
    rows = [
        (name, text(each.rpo) if each.rpo else "-", text(each.rto) if each.rto else "-", each.reason)
        for name, each in exceptions
        if each
    ]
    if rows:
        table("\nExceptions", ("dataset", "RPO", "RTO", "why"), rows)
    promised = {name: text(value) for name, value in plan.strategies}
    table(
        f"\nStrategy: {plan.strategy}, back within {promised[plan.strategy]} when the region is lost",
        ("what", "how"),
        [*consequences(plan).words(), ("all strategies", ", ".join(f"{n} {t}" for n, t in promised.items()))],
    )


def _places(plan: Plan) -> None:
    sites, lease, dns = plan.sites, plan.lease, plan.dns
    table(
        "\nSites",
        ("site", "region", "namespace"),
        [
            ("prod", sites.prod.region, sites.prod.namespace),
            ("dr", sites.dr.region, sites.dr.namespace),
            ("witness", sites.witness.region, "-"),
        ],
    )
    if plan.backup_account:
        console.print(f"the copies in {sites.dr.region} are in an account of their own, {plan.backup_account}")
    check = dns.health_check
    table(
        "\nWho may write, and how the name moves",
        ("what", "value"),
        [
            ("lease", f"{text(lease.duration)}, renewed every {text(lease.renewal)}"),
            ("fence wait of a successor", text(lease.duration + lease.margin)),
            ("public name", f"{dns.name}, TTL {text(dns.ttl)}"),
            ("health check", f"every {text(check.interval)}, {check.failures} to switch"),
        ],
    )
    table(
        "\nServices at the DR site",
        ("service", "while production lives", "traffic moves at", "after a promotion"),
        [(name, service.warm, service.least, service.full) for name, service in plan.services.items()],
    )
    table(
        "\nWho is told",
        ("of", "addresses"),
        [("promotions", ", ".join(plan.notify.promotion)), ("alerts", ", ".join(plan.notify.alerts))],
    )


def _share(value: float) -> str:
    return f"{value * 100:.10g}%"
