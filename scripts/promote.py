"""`dr promote`: make the DR site the one that takes orders. Shows what it would do; `--execute` does and resumes it."""

import time
from pathlib import Path
from typing import Annotated

import typer

from recovery.failover.overrides import Overrides
from scripts.durations import duration
from scripts.options import DEFAULT_PLAN, AccountOption, BundleOption, JsonOption, KubeconfigOption, PlanOption

ResolverOption = Annotated[
    list[str] | None, typer.Option("--resolver", help="DNS server IP:PORT to verify the name with; may be repeated.")
]


def promote(
    bundle: BundleOption = "",
    execute: Annotated[bool, typer.Option("--execute", help="Do it. Without: show what would be done.")] = False,
    resolver: ResolverOption = None,
    journal_dir: Annotated[Path, typer.Option("--journal-dir", help="Local journals.")] = Path("dr-journal"),
    kubeconfig: KubeconfigOption = None,
    production_is_lost: Annotated[
        str, typer.Option("--production-is-lost", metavar="REASON", help="Override: production seems alive.")
    ] = "",
    accept_loss: Annotated[
        str, typer.Option("--accept-loss", metavar="DURATION", help="Override: lose orders beyond the RPO.")
    ] = "",
    local_journal: Annotated[
        bool, typer.Option("--local-journal", help="Override: go on without the journal in the control table.")
    ] = False,
    guard_unproven: Annotated[
        bool, typer.Option("--guard-unproven", help="Override: the DR guard has not shown that it works.")
    ] = False,
    without_room: Annotated[
        bool, typer.Option("--without-room", help="Override: nodes are missing for the services; add them meanwhile.")
    ] = False,
    log_undrained: Annotated[
        bool, typer.Option("--log-undrained", help="Override: leave log in the bucket that the standby lacks.")
    ] = False,
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    json: JsonOption = False,
) -> None:
    """Make the DR site the one that takes orders.

    Without --execute it only reads: preflight, the steps, the forecast of time and loss. Run it again after any
    interruption; it resumes. Exit codes: 0 done (or it could go), 1 failed and resumable, 2 refused before any effect.

    Examples:

    \b
      dr promote --bundle bundle.json
      dr promote --bundle bundle.json --execute
    """
    started = time.monotonic()
    overrides = Overrides(
        production_is_lost=production_is_lost.strip(),
        accept_loss=duration(accept_loss, "--accept-loss"),
        local_journal=local_journal,
        guard_unproven=guard_unproven,
        without_room=without_room,
        log_undrained=log_undrained,
    )
    # Imported here: database, DNS and AWS clients take long to load, and other commands must start fast.
    from operations.failover.failover import Failover
    from operations.failover.interrupt import Interrupt
    from operations.failover.preparation import Request
    from scripts.promotion_plan_output import dry_run, refuse
    from scripts.promotion_progress import Progress, announce
    from scripts.promotion_result import after, nothing_to_do

    request = Request(
        bundle=bundle,
        plan=plan,
        account=account,
        overrides=overrides,
        resolvers=tuple(resolver or ()),
        journal_dir=journal_dir,
        kubeconfig=kubeconfig,
        started=started,
    )
    with Failover.open(request) as failover, Interrupt() as interrupt:
        prepared = failover.prepare()
        if prepared.finished:
            nothing_to_do(failover, prepared, json=json)
        elif not execute:
            dry_run(failover, prepared, json=json)
        else:
            refuse(prepared)
            announce(prepared)
            outcome = failover.execute(prepared, interrupt, Progress(started))
            after(failover, prepared, outcome, time.monotonic() - started, json=json)
