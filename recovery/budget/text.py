"""A budget that is not kept, in words: what fails, what it is added up from, and the smallest change that mends it.

`dr plan` and a Pulumi preview say the same text.
"""

from collections.abc import Iterator

from recovery.budget.budget import Budget, BudgetUnmet, budget
from recovery.budget.remedy import Remedy, remedy
from recovery.budget.sums import Sum
from recovery.plan.plan import Plan
from recovery.units import read_duration

_WHAT = {"loss": "loses up to", "recovery": "is back after up to", "uptime": "are refused for up to"}


def require_kept(plan: Plan, *, source: str = "recovery.yaml") -> Budget:
    """The plan's budget. Raises BudgetUnmet, with table and remedy, when an objective is not kept."""
    found = budget(plan)
    if found.met:
        return found
    unmet = [each for each in found.sums() if not each[2].met]
    count = "an objective is" if len(unmet) == 1 else f"{len(unmet)} objectives are"
    lines = [f"{source}: {count} not kept by the plan's own figures (~ rests on an assumption)"]
    lines += table(unmet)
    # Datasets share most terms of a scenario: the worst of them tells what to look at.
    worst: dict[tuple[str, str], tuple[str, str, Sum]] = {}
    for name, kind, each in unmet:
        key = (name.partition(", ")[2], kind)
        if key not in worst or each.total > worst[key][2].total:
            worst[key] = (name, kind, each)
    for name, kind, each in worst.values():
        lines.append(f"  {name}, {kind}:")
        lines += [f"    {line}" for line in term_lines(each)]
    raise BudgetUnmet("\n".join(lines), next_step=remedy_words(remedy(plan), source))


def table(sums: list[tuple[str, str, Sum]]) -> list[str]:
    """One line each, in columns."""
    rows = [
        (name, f"{_WHAT[kind]} {each.figure}", f"allowed {read_duration(each.limit.duration)}", each.limit.path)
        for name, kind, each in sums
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return ["  " + "  ".join([*(f"{row[n]:{widths[n]}}" for n in range(3)), f"({row[3]})"]) for row in rows]


def term_lines(found: Sum) -> Iterator[str]:
    """What a sum is made of."""
    width = max((len(term.name) for term in found.terms), default=0)
    for term in found.terms:
        yield f"{term.name:{width}}  {read_duration(term.duration):>8}  {term.source}"


def remedy_words(found: Remedy, source: str) -> str:
    """What to write into the plan."""
    lines = [f"    {change.words}{f'   (now {change.old})' if change.old else ''}" for change in found.changes]
    if not lines:
        return f"no change that was tried keeps them; the objectives in {source} ask for more than the parts can do"
    many = "this change" if len(lines) == 1 else "these changes"
    ending = "added up again that way, every objective is kept"
    if not found.complete:
        ending = "more is needed: change this first and look again"
    return "\n".join([f"in {source} make {many}, the smallest found:", *lines, f"  {ending}"])
