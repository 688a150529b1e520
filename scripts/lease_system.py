"""`dr lease system`: say that production is another database now."""

from typing import Annotated

import typer

from operations import lease as leases
from operations.context import Context
from scripts.lease_output import as_json
from scripts.options import DEFAULT_PLAN, JsonOption, PlanOption
from scripts.output import emit_json, say


def system(
    identifier: Annotated[str, typer.Argument(help="Production's system identifier from now on.")],
    replaces: Annotated[str, typer.Option("--replaces", help="The one that the lease says now.")] = "",
    plan: PlanOption = DEFAULT_PLAN,
    json: JsonOption = False,
) -> None:
    """Say which PostgreSQL is production's.

    The first guard that sees the primary records it; a promotion refuses a standby of any other. Only when production
    was rebuilt on purpose (a new initdb, pg_upgrade) is it another one: the old one has to be named, and a new standby
    to be made.

    Example:

    \b
      dr lease system 7412345678901234567 --replaces 7300000000000000001
    """
    lease = leases.record_system(Context.load(plan), identifier, replaces=replaces)
    if json:
        emit_json(as_json(lease))
    else:
        say(f"production's PostgreSQL is system {lease.system_identifier}; a standby of another is not promoted")
