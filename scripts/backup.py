"""`dr backup`: copy a dataset into the bucket of the site's own region."""

import os
import secrets
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import typer

from operations.context import Context
from recovery.copies.retention import FULL
from recovery.errors import FullInstead, Unchanged
from recovery.names import ACCEPTED_INCREMENTALS
from scripts.options import (
    DEFAULT_PLAN,
    AcceptIncrementalsOption,
    AccountOption,
    IfActiveOption,
    IfDueOption,
    JsonOption,
    PlanOption,
    SiteOption,
    named,
)
from scripts.output import console, emit_json, say

if TYPE_CHECKING:
    from engines.engine import Engine


def backup(
    dataset: Annotated[str, typer.Argument(help="What to back up.")],
    kind: Annotated[str, typer.Argument(help="How much of it.")],
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    site: SiteOption = "",
    if_active: IfActiveOption = False,
    if_due: IfDueOption = False,
    accept_incrementals_of: AcceptIncrementalsOption = "",
    json: JsonOption = False,
) -> None:
    """Back up a dataset into this site's bucket.

    Connects by libpq's variables (PGHOST, PGPORT, PGUSER, PGPASSWORD or PGPASSFILE, PGSSLMODE). A standby compresses
    what it sends; for a primary that is done here. Refused (exit 2) at a site that
    does not hold the lease; with --if-active it says `skipped: not the active site` and ends with 0 when another site
    has it, and what became of the run is counted for `dr status`.

    With --if-due a full is made only where one is due before its schedule; otherwise it says so and ends with 0.

    An incremental that has nothing to build on, or whose server's incrementals are not to be trusted, becomes a full
    one, and that is said; where nothing has changed since the last one, it ends well and says that.

    Example:

    \b
      PGHOST=replica PGUSER=dr_backup dr backup postgres full --site prod
    """
    from engines.fencing import held_elsewhere
    from engines.registry import engine_of
    from operations.copies.backup import Made, back_up, ended_in_order, order_by_plan
    from operations.copies.buckets import backup_bucket
    from operations.copies.due import why_due
    from operations.copies.runs import scheduled
    from operations.lease import open_store
    from scripts.backup_output import Progress, result, summary
    from scripts.skipped import SKIPPED, say_skipped

    engine = named(lambda: engine_of(dataset, kind))
    context = Context.load(plan, account, site)
    leases, report = open_store(context), Progress()
    if if_due:
        if kind != FULL:
            raise typer.BadParameter(f"--if-due is about full backups, not {kind} ones")
        why = why_due(context, leases, dataset)
        if not why:
            _unchanged("no full backup is due here", json=json)
            return
        say(f"a full backup is due: {why}")
    environment = dict(os.environ) | {ACCEPTED_INCREMENTALS: accept_incrementals_of}

    def make(engine: "Engine") -> tuple[Made, str]:
        """The backup, and the name of its bucket."""
        order = order_by_plan(
            context.plan, engine, context.site, run=secrets.token_hex(4), program_version=version("ultramarket-dr")
        )
        store = backup_bucket(context, order.into)
        made = back_up(
            engine,
            store,
            leases,
            order,
            environment=environment,
            clock=lambda: datetime.now(UTC),
            begun=report.begun,
            progress=report.show,
        )
        return made, store.bucket

    with ended_in_order(), scheduled(context, dataset, kind, if_active=if_active, tell=say) as run:
        if if_active and (lease := held_elsewhere(leases, context.site)):
            run.outcome, run.why = "skipped", SKIPPED
            say_skipped(lease, json=json)
            return
        instead = ""
        try:
            made, bucket = make(engine)
        except FullInstead as error:
            run.why = instead = error.what
            say(f"a full backup is made instead: {instead}", "yellow")
            made, bucket = make(engine_of(dataset, FULL))
        except Unchanged as error:
            run.outcome, run.why = "skipped", error.what
            _unchanged(error.what, json=json)
            return
    if not made.pointer_moved:
        say(f"`latest` names a newer {dataset} {made.manifest.kind} backup and was left alone", "yellow")
    if json:
        emit_json(result(made, bucket, instead))
    else:
        console.print(summary(made, bucket), markup=False)


def _unchanged(why: str, *, json: bool) -> None:
    if json:
        emit_json({"skipped": why})
    else:
        console.print(f"skipped: {why}", markup=False)
