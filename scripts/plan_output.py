"""What `dr plan` prints: the plan as tables, and the budget."""

from textwrap import wrap

from recovery.budget.budget import Budget
from recovery.budget.sums import Sum
from recovery.budget.text import term_lines
from recovery.copies.log_volume import log_volume
from recovery.measured import S3_WRITE_DOLLARS
from recovery.plan.datasets import DATASETS, MADE_TODAY, Backup, Log
from recovery.plan.plan import Plan
from recovery.plan.strategy import consequences
from recovery.plan.wording import schedule_words
from recovery.units import format_duration as text
from recovery.units import read_duration
from scripts.output import console, table

_KINDS = ("full", "incremental", "snapshot", "log")
_WIDEST_TEXT = 100


def print_plan(plan: Plan, found: Budget, *, terms: bool) -> None:
    """All of it; with `terms` also what every figure of the budget is made of."""
    _goals(plan)
    _places(plan)
    _copies(plan)
    _budget(found, terms=terms)
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


def _copies(plan: Plan) -> None:
    made: list[tuple[str, ...]] = []
    kept: list[tuple[str, ...]] = []
    for name in DATASETS:
        for kind in _KINDS:
            match getattr(getattr(plan.datasets, name), kind, None):
                case Backup() as each:
                    when = (schedule_words(each.schedule), text(each.start_deadline), text(each.time_limit))
                case Log() as each:
                    when = (f"cut every {text(each.every)}", "-", "-")
                case _:
                    continue
            today = "made" if (name, kind) in MADE_TODAY else "not yet"
            made.append((f"{name} {kind}", *when, getattr(each, "to", "local"), today))
            keep = each.keep
            kept.append((f"{name} {kind}", text(keep.local), text(keep.cloud), text(keep.archive)))
    columns = ("copy", "when", "late by", "takes", "to", "today")
    table(f"\nCopies, in the time of {plan.time_zone}; late by and takes: at most", columns, made)
    table("\nHow long copies are kept", ("copy", "local", "cloud", "archive"), kept)
    _say("local = production's bucket, from where S3 replicates; cloud = the DR bucket; archive = its Glacier classes.")
    volume = log_volume(plan)
    _say(
        f"PostgreSQL's log is at most {volume.ranges:,} ranges a day, not locked, and {volume.segments:,} whole "
        f"segments, which are; writing them costs up to ${volume.dollars:.2f} a day ({S3_WRITE_DOLLARS.basis.words()}; "
        "assumptions.log_per_day)."
    )


def _budget(found: Budget, *, terms: bool) -> None:
    rows = [
        (
            row.dataset,
            row.scenario,
            row.loss.figure if row.loss.terms else "nothing",
            _limit(row.loss),
            row.recovery.figure if row.recovery.terms else "-",
            _limit(row.recovery) if row.recovery.terms else "-",
        )
        for row in found.rows
    ]
    columns = ("dataset", "scenario", "loses", "allowed", "back after", "allowed")
    table("\nBudget: the worst case of one fault", columns, rows)
    uptime = found.uptime
    _say(
        f"Writes refused because of the lease: {uptime.figure} a month, allowed {_limit(uptime)} ({uptime.limit.path})."
    )
    _say("It counts every copy of the plan, also those that are not made yet (the table of copies says which).")
    _say("~ rests on an assumption; * is an exception of this dataset; NOT KEPT is more than allowed.")
    for scenario, note in dict.fromkeys((row.scenario, row.note) for row in found.rows if row.note):
        names = [row.dataset for row in found.rows if (row.scenario, row.note) == (scenario, note)]
        _say(f"{scenario}, {'all' if len(names) == len(DATASETS) else ', '.join(names)}: {note}")
    if not terms:
        _say("dr plan --terms shows what each figure is made of.")
        return
    for name, kind, each in found.sums():
        if each.terms:
            console.print(f"\n{name}, {kind}: {each.figure}", markup=False)
            for line in term_lines(each):
                console.print(f"  {line}", markup=False)


def _limit(found: Sum) -> str:
    mark = "" if not found.limit.reason else " *"
    return f"{read_duration(found.limit.duration)}{mark}" + ("" if found.met else "  NOT KEPT")


def _share(value: float) -> str:
    return f"{value * 100:.10g}%"


def _say(line: str) -> None:
    width = min(console.width, _WIDEST_TEXT)
    console.print("\n".join(wrap(line, width, subsequent_indent="  ")), markup=False)
