"""`dr restore`: bring a dataset back as it was at some point."""

import os
from pathlib import Path
from typing import Annotated

import typer

from operations.context import Context
from recovery.names import ACCEPTED_INCREMENTALS, ONLY_FILES, RESTORED_SERVER
from scripts import restore_options as given
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
    into: given.Into = None,
    target_pvc: given.Claim = "",
    beside: given.Beside = False,
    to: given.To = None,
    end: given.End = False,
    execute: given.Execute = False,
    retrieve: given.Retrieve = False,
    incrementals: given.Incrementals = True,
    as_standby: given.AsStandby = False,
    accept_incrementals_of: AcceptIncrementalsOption = "",
    server: given.Server = "",
    only: given.Only = "",
    owner: given.Owner = "",
    source: given.Source = "dr",
    bucket: given.Bucket = "",
    region: given.Region = "",
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
    until --beside --end; with --target-pvc into a claim there. Run again, it follows what is there.

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
    said = {ACCEPTED_INCREMENTALS: accept_incrementals_of, RESTORED_SERVER: server, ONLY_FILES: only}
    environment = {**os.environ, **said}
    if beside or end or target_pvc:
        from scripts.restore_elsewhere import elsewhere

        others = into or owner or bucket or region or source != "dr" or not incrementals or as_standby
        where = given.Where(beside=beside, end=end, claim=target_pvc, others=bool(others))
        wish = given.Wish(to, execute, retrieve, kubeconfig, json)
        elsewhere(Context.load(plan, account), dataset, where, wish, environment)
        return
    if into is None:
        raise typer.BadParameter("where to? Name a folder with --into, or --beside, or --target-pvc")
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
