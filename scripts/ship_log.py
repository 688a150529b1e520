"""`dr ship-log`: follow a database's log into the DR region's bucket, under the lease."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from scripts.options import DEFAULT_PLAN, AccountOption, PlanOption, SiteOption, named

_PROGRAM = Path(__file__).with_name("shipper.py")
LinesOption = Annotated[bool, typer.Option("--json", help="Print one JSON document a line.")]


def ship_log(
    dataset: Annotated[str, typer.Argument(help="Whose log.")],
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    site: SiteOption = "",
    json: LinesOption = False,
) -> None:
    """Follow a database's log into the DR bucket.

    Of PostgreSQL it reads from the server that libpq's variables name (PGHOST, PGPORT, PGUSER, PGPASSWORD or
    PGPASSFILE; a role with REPLICATION), by a physical slot, and lets the server forget only what is stored. Of MongoDB
    it reads the change stream of the plan's database at the replica set that MONGO_URL names. At the site without the
    lease it waits. It goes on until SIGTERM, and after any end where the bucket's log ends.

    Examples:

    \b
      PGHOST=primary PGUSER=dr_replication dr ship-log postgres --site prod
      MONGO_URL=mongodb://mongo:27017/?replicaSet=rs0 MONGO_USER=dr_backup dr ship-log mongo --site prod
    """
    from engines.registry import log_of
    from operations.context import Context
    from operations.copies.shipping_task import Task

    log = named(lambda: log_of(dataset))
    task = Task.of(Context.load(plan, account, site), log)
    # From here on a program of its own in this process: what read the plan would stay in memory for months (ADR 33).
    os.execv(sys.executable, [sys.executable, str(_PROGRAM), task.to_json(), *(["--json"] if json else [])])  # noqa: S606
