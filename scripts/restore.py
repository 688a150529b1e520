"""`dr restore`: bring a dataset back as it was at some point."""

import os
from pathlib import Path
from typing import Annotated

import typer

from operations.context import Context
from recovery.names import ACCEPTED_INCREMENTALS, ONLY_FILES, RESTORED_SERVER
from scripts.options import (
    DEFAULT_PLAN,
    AcceptIncrementalsOption,
    AccountOption,
    JsonOption,
    KubeconfigOption,
    PlanOption,
    named,
)
from scripts.output import say


def restore(
    dataset: Annotated[str, typer.Argument(help="What to restore.")],
    into: Annotated[Path | None, typer.Option("--into", help="An empty folder, or one that is not there yet.")] = None,
    beside: Annotated[bool, typer.Option("--beside", help="A second server at the DR site, to look into.")] = False,
    to: Annotated[str | None, typer.Option(help="latest (default), a time with zone, an LSN, a backup's id.")] = None,
    end: Annotated[bool, typer.Option("--end", help="With --beside: take that server away again.")] = False,
    execute: Annotated[bool, typer.Option("--execute", help="Do it. Without, it is only shown.")] = False,
    retrieve: Annotated[bool, typer.Option("--retrieve", help="Ask S3 for what lies in an archive class.")] = False,
    incrementals: Annotated[bool, typer.Option(help="Use incrementals, or a full and the log alone.")] = True,
    as_standby: Annotated[bool, typer.Option("--as-standby", help="Leave the log to a server that follows.")] = False,
    accept_incrementals_of: AcceptIncrementalsOption = "",
    server: Annotated[str, typer.Option(envvar=RESTORED_SERVER, help="Whose Redis: valkey-9.1, if not on PATH.")] = "",
    only: Annotated[str, typer.Option(help="Files: those that match, such as conf/*.yaml.")] = "",
    owner: Annotated[str, typer.Option(help="As root: whose it will be (the server's user).")] = "",
    source: Annotated[str, typer.Option("--from", help="Whose bucket: prod or dr, which has the log.")] = "dr",
    bucket: Annotated[str, typer.Option(help="A bucket by its name; then no plan is needed.")] = "",
    region: Annotated[str, typer.Option(help="Of --bucket.")] = "",
    kubeconfig: KubeconfigOption = None,
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    json: JsonOption = False,
) -> None:
    """Bring a dataset back as it was at some point.

    Shows what would be read, how long it takes, the disk it needs and what else can be restored; --execute does it.
    It is checked while it is unpacked beside the target, which appears only when replay has got where it should.
    The restored server is stopped; started, it neither archives nor follows anybody. With --as-standby it is the newest
    backup alone, whose server replays the log itself, from wherever it is told to get it, and goes on. Of Redis the
    last copy before the time is taken, for a server that can load it; of files --only brings back some.

    With --beside the DR cluster restores it onto a disk of its own and serves it, read-only and for the operator alone,
    until --beside --end. Run it again after any interruption; it follows the one that is there.

    Exit codes: 0 done or shown, 1 damaged or not reachable, 2 refused: not to be reached, or the target is not empty.

    Examples:

    \b
      dr restore postgres --to 2026-11-30T12:00:00+05:00 --into /data/pgdata --execute
      dr restore postgres --to 2026-11-30T12:00:00+05:00 --beside --execute
    """
    from engines.registry import restore_of
    from operations.copies.buckets import bucket_to_read
    from operations.copies.restore import execute as carry_out
    from operations.copies.restore import plan_restore
    from operations.copies.restore import retrieve as ask
    from scripts.restore_output import Report

    engine = named(lambda: restore_of(dataset))
    given = {ACCEPTED_INCREMENTALS: accept_incrementals_of, RESTORED_SERVER: server, ONLY_FILES: only}
    environment = {**os.environ, **given}
    if beside or end:
        if not beside or into or owner or bucket or region or source != "dr" or not incrementals or as_standby:
            raise typer.BadParameter("--beside goes with --to, --end and --retrieve; it restores from the DR bucket")
        from scripts import restore_beside

        wish = restore_beside.Wish(to=to, execute=execute, end=end, retrieve=retrieve, kubeconfig=kubeconfig, json=json)
        restore_beside.beside(Context.load(plan, account), dataset, wish, environment)
        return
    if into is None:
        raise typer.BadParameter("where to? Name a folder with --into, or --beside")
    report = Report(json=json)
    into = Path(os.path.abspath(into))  # noqa: PTH100  (a link stays a link)
    store = bucket_to_read(bucket, region, plan, account, source)
    order = plan_restore(
        store, dataset, to or "latest", into, environment=environment, incrementals=incrementals, standby=as_standby
    )
    report.plan(store.bucket, order, execute=execute)
    if retrieve:
        ask(store, order)
        say(f"asked for: {order.archived.words() or 'nothing, since all of it can be read'}")
    if not execute:
        return
    with report.running():
        done = carry_out(store, order, environment=environment, owner=engine.owner_of(into, owner), heard=say)
    report.done(store.bucket, order, done)
