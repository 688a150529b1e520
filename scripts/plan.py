"""`dr plan`: the plan as tables people like to read, and whether its own figures keep its objectives."""

from dataclasses import asdict
from typing import Annotated

import typer

from recovery.budget.budget import budget
from recovery.budget.remedy import remedy
from recovery.budget.text import require_kept
from recovery.plan.loading import load_plan
from recovery.plan.strategy import consequences
from scripts.options import DEFAULT_PLAN, JsonOption, PlanOption
from scripts.output import emit_json
from scripts.plan_output import print_plan

TermsOption = Annotated[bool, typer.Option("--terms", help="List what every figure of the budget is made of.")]


def plan(plan: PlanOption = DEFAULT_PLAN, terms: TermsOption = False, json: JsonOption = False) -> None:
    """Check the recovery plan and print it as tables.

    With them the budget: the worst that each fault can cost.

    Exit codes: 0 every objective is kept; 2 the plan is wrong (every place is named), or its own figures do not keep an
    objective (what fails and the smallest change that mends it are printed).

    Examples:

    \b
      dr plan --terms
      dr plan --plan draft.yaml --json
    """
    loaded = load_plan(plan)
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
        print_plan(loaded, found, terms=terms)
    require_kept(loaded, source=str(plan))
