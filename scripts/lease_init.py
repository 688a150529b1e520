"""`dr lease init`: give the site lease to production, once."""

from typing import Annotated

import typer

from operations import lease as leases
from operations.context import Context
from scripts.lease_output import as_json
from scripts.options import DEFAULT_PLAN, AccountOption, JsonOption, PlanOption
from scripts.output import emit_json, say

InitSiteOption = Annotated[str, typer.Option("--site", help="The site that may write first.")]


def init(
    site: InitSiteOption, plan: PlanOption = DEFAULT_PLAN, account: AccountOption = "", json: JsonOption = False
) -> None:
    """Write the first lease, once.

    Do it when production is ready to be guarded.

    Example:

    \b
      dr lease init --site prod
    """
    lease = leases.write_first(Context.load(plan, account, site))
    if json:
        emit_json(as_json(lease))
    else:
        say(f"site {lease.site} holds the lease: epoch 1, {lease.lease_seconds:g} s; its guard may open the gate now")
