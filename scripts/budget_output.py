"""The budget as a table: the worst case of every fault, against what is allowed."""

from recovery.budget.budget import Budget
from recovery.budget.sums import Sum
from recovery.budget.text import term_lines
from recovery.plan.datasets import DATASETS
from recovery.units import read_duration
from scripts.output import console, prose, table


def print_budget(found: Budget, *, terms: bool) -> None:
    """With `terms` also what every figure is made of."""
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
    prose(
        f"Writes refused because of the lease: {uptime.figure} a month, allowed {_limit(uptime)} ({uptime.limit.path})."
    )
    prose("It counts every copy of the plan, also those that are not made yet (the table of copies says which).")
    prose("~ rests on an assumption; * is an exception of this dataset; NOT KEPT is more than allowed.")
    for scenario, note in dict.fromkeys((row.scenario, row.note) for row in found.rows if row.note):
        names = [row.dataset for row in found.rows if (row.scenario, row.note) == (scenario, note)]
        prose(f"{scenario}, {'all' if len(names) == len(DATASETS) else ', '.join(names)}: {note}")
    if not terms:
        prose("dr plan --terms shows what each figure is made of.")
        return
    for name, kind, each in found.sums():
        if each.terms:
            console.print(f"\n{name}, {kind}: {each.figure}", markup=False)
            for line in term_lines(each):
                console.print(f"  {line}", markup=False)


def _limit(found: Sum) -> str:
    mark = "" if not found.limit.reason else " *"
    return f"{read_duration(found.limit.duration)}{mark}" + ("" if found.met else "  NOT KEPT")
