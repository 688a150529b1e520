"""`dr ship-log`: follow a database's log into the DR region's bucket, under the lease."""

import json as json_format
import signal
import sys
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from recovery.errors import DrError
from scripts.options import DEFAULT_PLAN, AccountOption, PlanOption, SiteOption, named

_SAME_AFTER_SECONDS = 60.0

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

    log = named(lambda: log_of(dataset))
    context = Context.load(plan, account, site)
    told = _Told(as_json=json)
    shipper = Shipper(
        log,
        ShippingOrder.by_plan(context.plan, dataset, context.site),
        backup_bucket(context, "dr"),
        open_store(context),
        clock=lambda: datetime.now(UTC),
        heard=Heard(says=told.says, trouble=told.trouble),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: shipper.end())
    shipper.run()


class _Told:
    """What the shipper says, a line each on standard error (as JSON on standard output). The same trouble again is said
    once a minute."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._said: dict[str, float] = {}

    def says(self, words: str) -> None:
        self._line("says", words)

    def trouble(self, error: DrError) -> None:
        now = time.monotonic()
        if now - self._said.get(error.what, -_SAME_AFTER_SECONDS) < _SAME_AFTER_SECONDS:
            return
        self._said = {what: at for what, at in self._said.items() if now - at < _SAME_AFTER_SECONDS}
        self._said[error.what] = now
        self._line("trouble", str(error))

    def _line(self, kind: str, words: str) -> None:
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        if self._as_json:
            sys.stdout.write(json_format.dumps({"at": at, kind: words}) + "\n")
            sys.stdout.flush()
        else:
            sys.stderr.write(f"{at} {words}\n")
            sys.stderr.flush()
