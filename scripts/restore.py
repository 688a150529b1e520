"""`dr restore`: bring a dataset back as it was at some point."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from operations.context import Context
from recovery.errors import Refused
from recovery.names import ACCEPTED_INCREMENTALS
from scripts.options import DEFAULT_PLAN, AcceptIncrementalsOption, AccountOption, JsonOption, PlanOption, named
from scripts.output import say

if TYPE_CHECKING:
    from cloud.objects import S3Bucket


def restore(
    dataset: Annotated[str, typer.Argument(help="What to restore.")],
    into: Annotated[Path, typer.Option("--into", help="An empty folder, or one that does not exist yet.")],
    to: Annotated[str, typer.Option("--to", help="latest, a time with its zone, an LSN, or a backup's id.")] = "latest",
    execute: Annotated[bool, typer.Option("--execute", help="Do it. Without, it is only shown.")] = False,
    retrieve: Annotated[bool, typer.Option("--retrieve", help="Ask S3 for what lies in an archive class.")] = False,
    incrementals: Annotated[bool, typer.Option(help="Use incrementals, or a full and the log alone.")] = True,
    accept_incrementals_of: AcceptIncrementalsOption = "",
    owner: Annotated[str, typer.Option(help="As root: the user that the server will run as.")] = "",
    source: Annotated[str, typer.Option("--from", help="Whose bucket: prod or dr, which has the log.")] = "dr",
    bucket: Annotated[str, typer.Option(help="A bucket by its name; then no plan is needed.")] = "",
    region: Annotated[str, typer.Option(help="Of --bucket.")] = "",
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    json: JsonOption = False,
) -> None:
    """Bring a dataset back as it was at some point.

    Shows what would be read, how long it takes, the disk it needs and what else can be restored; --execute does it.
    It is checked while it is unpacked beside the target, which appears only when replay has got where it should.
    The restored server is stopped; started, it neither archives nor follows anybody.

    Exit codes: 0 done or shown, 1 damaged or not reachable, 2 refused: not to be reached, or the target is not empty.

    Example:

    \b
      dr restore postgres --to 2026-11-30T12:00:00+05:00 --into /data/pgdata --execute
    """
    from engines.registry import restore_of
    from operations.copies.restore import execute as carry_out
    from operations.copies.restore import plan_restore
    from operations.copies.restore import retrieve as ask
    from scripts.restore_output import Report

    engine = named(lambda: restore_of(dataset))
    environment = dict(os.environ) | {ACCEPTED_INCREMENTALS: accept_incrementals_of}
    report = Report(json=json)
    into = Path(os.path.abspath(into))  # noqa: PTH100  (a link stays a link)
    store = _bucket(bucket, region, plan, account, source)
    order = plan_restore(store, dataset, to, into, environment=environment, incrementals=incrementals)
    report.plan(store.bucket, order, execute=execute)
    if retrieve:
        ask(store, order)
        say(f"asked for: {order.archived.words() or 'nothing, since all of it can be read'}")
    if not execute:
        return
    with report.running():
        done = carry_out(store, order, environment=environment, owner=engine.owner_of(into, owner), heard=say)
    report.done(store.bucket, order, done)


def _bucket(name: str, region: str, plan: Path, account: str, source: str) -> "S3Bucket":
    """The bucket named, or that of a site of the plan. Raises Refused, PlanError."""
    from cloud.objects import S3Bucket
    from operations.copies.buckets import backup_bucket, site_of_bucket

    if name:
        if not region:
            raise Refused(f"--bucket {name} alone does not say where it is", next_step="add --region")
        return S3Bucket(name, region)
    context = Context.load(plan, account)
    return backup_bucket(context, site_of_bucket(context, source))
