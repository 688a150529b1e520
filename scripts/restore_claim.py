"""`dr restore --target-pvc`: onto a disk in the DR cluster that somebody has made for a server of their own."""

import time
from collections.abc import Mapping
from contextlib import ExitStack

import typer

from operations.context import Context
from recovery.copies.claim_restore import goes_on
from scripts.output import say
from scripts.restore_options import Wish


def into_claim(context: Context, dataset: str, wish: Wish, environment: Mapping[str, str], *, claim: str) -> None:
    """Show, or begin and follow. Raises Refused, Failed; typer.BadParameter for a dataset without one."""
    if dataset != "postgres":
        raise typer.BadParameter(f"--target-pvc: only postgres is restored in the cluster, {dataset} is not")
    from cloud.claim_room import KubernetesClaimRoom
    from engines.postgres.restore import PROGRAMS
    from engines.registry import require
    from operations.copies import claim_restore as work
    from operations.copies.beside import require_site
    from operations.copies.buckets import backup_bucket
    from operations.copies.restore import require_readable, retrieve
    from operations.failover.ports import kubeconfig_path
    from recovery.copies.recovery_target import Target
    from scripts import restore_claim_output as output
    from scripts.restore_output import Report

    work.require_name(claim)
    room, begun = KubernetesClaimRoom(kubeconfig_path(wish.kubeconfig)), time.monotonic()
    report = Report(json=wish.json)
    with ExitStack() as stack:
        if wish.execute:
            stack.enter_context(report.running())
        require_site(room, context.names)
        found, job = room.claim(claim), room.job(claim)
        forecast: float | None = None
        if not goes_on(job, wish.to, claim):
            store = backup_bucket(context, "dr")
            require("a restore of postgres", environment, tools=PROGRAMS)
            order = work.plan(store, Target.parse(wish.to or "latest"), found, environment=environment)
            report.plan(store.bucket, order, execute=wish.execute)
            if wish.retrieve:
                retrieve(store, order)
            if not wish.execute:
                return
            require_readable(order)
            work.begin(room, claim, order, environment, heard=say)
            forecast = order.seconds
        elif job is not None and not wish.execute and job.stage != "done":
            output.underway(claim, job, json=wish.json)
            return
        done = work.follow(room, claim, forecast=forecast, heard=say)
        output.done(claim, done, time.monotonic() - begun, forecast, json=wish.json)
