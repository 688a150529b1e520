"""`dr plan`: the plan as tables people like to read, and whether its own figures keep its objectives."""

from dataclasses import asdict
from textwrap import wrap
from typing import Annotated

import typer

from recovery.budget import Budget, budget
from recovery.budget_terms import Sum
from recovery.budget_text import require_kept, term_lines
from recovery.datasets import MADE_TODAY, Backup, Log
from recovery.plan import Plan
from recovery.remedy import remedy
from recovery.scenarios import DATASETS
from recovery.strategy import consequences
from recovery.units import format_duration as text
from recovery.units import read_duration
from recovery.wording import schedule_words
from scripts.context import DEFAULT_PLAN, Context, JsonOption, PlanOption
from scripts.output import console, emit_json, table

TermsOption = Annotated[bool, typer.Option("--terms", help="List what every figure of the budget is made of.")]
_KINDS = ("full", "incremental", "snapshot", "log")
_WIDEST_TEXT = 100


def plan(plan: PlanOption = DEFAULT_PLAN, terms: TermsOption = False, json: JsonOption = False) -> None:
    """Check the recovery plan and print it, with the worst that each fault can cost.

    Exit codes: 0 every objective is kept; 2 the plan is wrong (every place is named), or its own figures do not keep
    an objective (what fails and the smallest change that mends it are printed).

    Examples:

      dr plan                                  the committed plan

      dr plan --terms                          and what every figure is made of

      dr plan --plan draft.yaml --json         a draft, for a program
    """
    loaded = Context.load(plan).plan
    found = budget(loaded)
    if json:
        emit_json(
            {
                "digest": loaded.digest,
                "plan": loaded.model_dump(mode="json"),
                "strategy": asdict(consequences(loaded)),
                "budget": found.as_dict(),
                "remedy": asdict(remedy(loaded)),
            }
        )
    else:
        _goals(loaded)
        _places(loaded)
        _copies(loaded)
        _budget(found, terms=terms)
        console.print(f"\ndigest {loaded.digest[:12]}")
    require_kept(loaded, source=str(plan))


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
        ("service", "while production lives", "after a promotion"),
        [(name, service.warm, service.full) for name, service in plan.services.items()],
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
