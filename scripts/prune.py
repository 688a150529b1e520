"""`dr prune`: end the copies in a bucket that have served their time."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from operations.context import Context
from scripts.backups import BucketOption
from scripts.options import DEFAULT_PLAN, AccountOption, IfActiveOption, JsonOption, PlanOption, SiteOption
from scripts.output import say


def prune(
    bucket: BucketOption = "",
    execute: Annotated[bool, typer.Option("--execute", help="Do it; otherwise only show it.")] = False,
    if_active: IfActiveOption = False,
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    site: SiteOption = "",
    json: JsonOption = False,
) -> None:
    """End the copies that have served their time.

    Shows what would go and why, and locked copies that somebody hid; --execute places the delete markers. What is
    ended can be brought back for the bucket's undo days. Refused at a site that does not hold the lease; with
    --if-active it says `skipped: not the active site` and ends with 0, and the run is counted for `dr status`. For
    copies in an account of their own: with that account's login, where there is no lease to ask.

    Exit codes: 0 done, 1 a dataset could not be judged or the run broke off (run it again), 2 refused.

    Example:

    \b
      dr prune --bucket dr
      dr prune --bucket dr --site prod --execute
    """
    from engines.fencing import held_elsewhere
    from operations.copies.buckets import backup_bucket, site_of_bucket
    from operations.copies.prune import execute as end
    from operations.copies.prune import look, require_judged, require_may_end, words
    from operations.copies.runs import SKIPPED, scheduled
    from operations.lease import open_store
    from recovery.lease.backup_runs import PRUNE
    from scripts.prune_output import progress, show
    from scripts.skipped import say_skipped

    context = Context.load(plan, account, site)
    whose = site_of_bucket(context, bucket)
    if execute:
        require_may_end(context.names, whose)
    # An account of copies alone has no site and no lease.
    leases = None if context.account == context.plan.backup_account else open_store(context)
    store = backup_bucket(context, whose)
    replicas = backup_bucket(context, "dr") if whose == "prod" else None
    with scheduled(context, PRUNE, whose, if_active=if_active, tell=say) as run:
        if if_active and leases and (lease := held_elsewhere(leases, context.site)):
            run.outcome, run.why = "skipped", SKIPPED
            say_skipped(SKIPPED, lease, json=json)
            return
        now = datetime.now(UTC)
        order = look(store, context.plan, whose, clock=lambda: now, replicas=replicas)
        run.hidden, run.why = len(order.hidden), words(order, executed=execute)
        run.due = len(order.verdict.prunes)
        if execute:
            end(store, order, leases, context.site if leases else "dr", ended=progress)
            run.due = 0
        show(order, store.bucket, now, executed=execute, json=json)
        if execute or if_active:
            require_judged(order, store.bucket)
