"""`dr backup`: copy a dataset into the bucket of the site's own region."""

import os
from typing import Annotated

import typer

from operations.context import Context
from recovery.copies.retention import FULL
from recovery.names import ACCEPTED_INCREMENTALS, ACCEPTED_LOSS, READ_REPLICA
from scripts.options import (
    DEFAULT_PLAN,
    AcceptIncrementalsOption,
    AccountOption,
    IfActiveOption,
    IfDueOption,
    JsonOption,
    PlanOption,
    SiteOption,
    database_address,
    named,
)


def backup(
    dataset: Annotated[str, typer.Argument(help="What to back up.")],
    kind: Annotated[str, typer.Argument(help="How much of it.")],
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    site: SiteOption = "",
    if_active: IfActiveOption = False,
    if_due: IfDueOption = False,
    accept_incrementals_of: AcceptIncrementalsOption = "",
    replica: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT", envvar=READ_REPLICA, help="Read of this replica of the server, if it will do."
        ),
    ] = "",
    accept_fewer_files: Annotated[
        bool, typer.Option("--accept-fewer-files", help="Files: more than half of them are gone, and rightly.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Back up a dataset into this site's bucket.

    Connects by libpq's variables (PGHOST, PGPORT, PGUSER, PGPASSWORD or PGPASSFILE, PGSSLMODE), to Redis or Valkey by
    REDIS_HOST, REDIS_PORT, REDIS_USER, REDIS_PASSWORD, REDIS_CA or REDIS_TLS=yes, to MongoDB by MONGO_URL (without a
    login), MONGO_USER, MONGO_PASSWORD, MONGO_CA or MONGO_TLS=yes. A PostgreSQL standby compresses what it sends; all
    else is compressed here. Refused (exit 2) at a site that does not hold the lease; with --if-active it
    says `skipped: not the active site` and ends with 0 when another site has it, and what became of the run is counted
    for `dr status`.

    With --replica that server is the primary, and what it has now is copied of the replica once that has it too.
    Where the replica is away, promoted, paused or minutes behind, the primary is read instead, and that is said.

    Files are read from the plan's `root`, or from DR_FILES_SOURCE where it is mounted elsewhere. What has not changed
    since the last copy is not read again; a secret among them ends the run. When files cannot be read as they stand, or
    more than half of them are gone, the copy is made, `latest` does not name it, and the run has failed.

    With --if-due a full is made only where one is due before its schedule; otherwise it says so and ends with 0.

    An incremental that has nothing to build on, or whose server's incrementals are not to be trusted, becomes a full
    one, and that is said; where nothing has changed since the last one, it ends well and says that.

    Example:

    \b
      PGHOST=replica PGUSER=dr_backup dr backup postgres full --site prod
    """
    from engines.registry import engine_of
    from operations.copies.backup_run import Skipped, run_backup
    from scripts.backup_output import Progress, print_made
    from scripts.skipped import say_skipped

    engine = named(lambda: engine_of(dataset, kind))
    if if_due and kind != FULL:
        raise typer.BadParameter(f"--if-due is about full backups, not {kind} ones")
    context = Context.load(plan, account, site)
    if replica:
        database_address(replica, "--replica")
    environment = dict(os.environ) | {ACCEPTED_INCREMENTALS: accept_incrementals_of, READ_REPLICA: replica}
    environment |= {ACCEPTED_LOSS: "yes"} if accept_fewer_files else {}
    found = run_backup(
        context, engine, Progress().listener(), environment=environment, if_active=if_active, if_due=if_due
    )
    if isinstance(found, Skipped):
        say_skipped(found.why, found.holder, json=json)
    else:
        print_made(found, json=json)
