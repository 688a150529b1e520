"""`dr ship-log`: follow a database's log into the DR region's bucket, under the lease."""

import os
import signal
from datetime import UTC, datetime
from typing import Annotated

import typer

from scripts.options import DEFAULT_PLAN, AccountOption, PlanOption, SiteOption, named

LinesOption = Annotated[bool, typer.Option("--json", help="Print one JSON document a line.")]


def ship_log(
    dataset: Annotated[str, typer.Argument(help="Whose log.")],
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    site: SiteOption = "",
    json: LinesOption = False,
) -> None:
    """Follow a database's log into the DR bucket.

    It reads from the server that libpq's variables name (PGHOST, PGPORT, PGUSER, PGPASSWORD or PGPASSFILE; a role with
    REPLICATION), by a physical slot, and lets the server forget only what is stored. At the site without the lease it
    waits. It goes on until SIGTERM, and after any end where the bucket's log ends.

    Example:

    \b
      PGHOST=primary PGUSER=dr_replication dr ship-log postgres --site prod
    """
    from engines.registry import log_of
    from engines.shipping import Heard
    from operations.context import Context
    from operations.copies.buckets import backup_bucket
    from operations.copies.ship_log import Shipper, ShippingOrder
    from operations.lease import open_store
    from scripts.told import Told

    log = named(lambda: log_of(dataset))
    context = Context.load(plan, account, site)
    told = Told(as_json=json)
    shipper = Shipper(
        log,
        ShippingOrder.by_plan(context.plan, dataset, context.site, os.environ),
        backup_bucket(context, "dr"),
        open_store(context),
        clock=lambda: datetime.now(UTC),
        heard=Heard(says=told.says, trouble=told.trouble),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: shipper.end())
    shipper.run()
