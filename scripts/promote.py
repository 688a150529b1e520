"""`dr promote`: make the DR site the one that takes orders. Shows what it would do; `--execute` does and resumes it."""

import time
from pathlib import Path

from recovery.failover.overrides import Overrides
from scripts import promotion_options as given
from scripts.durations import duration
from scripts.options import DEFAULT_PLAN, AccountOption, BundleOption, JsonOption, KubeconfigOption, PlanOption


def promote(
    bundle: BundleOption = "",
    execute: given.ExecuteOption = False,
    after: given.AfterOption = "",
    to: given.ToOption = "",
    give_up: given.GiveUpOption = False,
    resolver: given.ResolverOption = None,
    journal_dir: given.JournalOption = Path("dr-journal"),
    kubeconfig: KubeconfigOption = None,
    production_is_lost: given.LostOption = "",
    accept_loss: given.LossOption = "",
    local_journal: given.LocalOption = False,
    guard_unproven: given.UnprovenOption = False,
    without_room: given.RoomOption = False,
    log_undrained: given.UndrainedOption = False,
    without_redis: given.NoRedisOption = False,
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    json: JsonOption = False,
) -> None:
    """Make the DR site the one that takes orders.

    Without --execute it only reads: preflight, the steps, the forecast of time and loss. Run it again after any
    interruption; it resumes. A cold site restores its standby first, of the newest in the bucket.

    With --after corruption --to TIME the standby is made anew as of that moment and promoted, at an active DR site too.
    What was ordered since is lost on purpose (--accept-loss). Until the lease is taken, --give-up takes it back.

    Exit codes: 0 done (or it could go), 1 failed and resumable, 2 refused before any effect.

    Examples:

    \b
      dr promote --bundle bundle.json --execute
      dr promote --after corruption --to 2026-11-30T12:00:00+05:00
    """
    started = time.monotonic()
    overrides = Overrides(
        production_is_lost=production_is_lost.strip(),
        accept_loss=duration(accept_loss, "--accept-loss"),
        local_journal=local_journal,
        guard_unproven=guard_unproven,
        without_room=without_room,
        log_undrained=log_undrained,
        without_redis=without_redis,
    )
    from operations.failover.failover import Failover
    from operations.failover.interrupt import Interrupt
    from operations.failover.preparation import Request
    from scripts.promotion_giving_up import giving_up
    from scripts.promotion_plan_output import dry_run, refuse
    from scripts.promotion_progress import Progress, announce
    from scripts.promotion_result import ended, nothing_to_do

    request = Request(
        bundle=bundle,
        plan=plan,
        account=account,
        overrides=overrides,
        resolvers=tuple(resolver or ()),
        journal_dir=journal_dir,
        kubeconfig=kubeconfig,
        started=started,
        wish=given.wish_of(after, to, give_up=give_up),
    )
    with Failover.open(request) as failover, Interrupt() as interrupt:
        if give_up:
            giving_up(failover, interrupt, execute=execute, json=json)
        elif (prepared := failover.prepare()).finished:
            nothing_to_do(failover, prepared, json=json)
        elif not execute:
            dry_run(failover, prepared, json=json)
        else:
            refuse(prepared)
            announce(prepared)
            outcome = failover.execute(prepared, interrupt, Progress(started))
            ended(failover, prepared, outcome, time.monotonic() - started, json=json)
