"""`dr restore --beside`: a second server of some moment at the DR site, to look into, until it is ended."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from operations.context import Context
from recovery.copies.beside import BesideState, goes_on
from recovery.names import BESIDE, POSTGRES_PORT
from scripts.output import say
from scripts.restore_options import Wish

if TYPE_CHECKING:
    from engines.postgres.restore_order import Order
    from engines.postgres.standby import PostgresStandby


def beside(context: Context, dataset: str, wish: Wish, environment: Mapping[str, str], *, end: bool) -> None:
    """Show, begin and follow, or end it. Raises Refused, Failed; typer.BadParameter for a dataset without one."""
    if dataset != "postgres":
        raise typer.BadParameter(f"--beside: only postgres has a second server, {dataset} has none")
    from cloud.beside import KubernetesBeside
    from operations.copies import beside as work
    from operations.failover.ports import kubeconfig_path
    from scripts import restore_beside_output as output

    cluster = KubernetesBeside(kubeconfig_path(wish.kubeconfig), context.plan.sites.dr.namespace)
    with ExitStack() as stack:
        if wish.execute and not end:
            stack.enter_context(output.running(json=wish.json))
        work.require_site(cluster, context.names)
        state, begun = cluster.state(), time.monotonic()
        if end:
            if wish.execute:
                work.end(cluster, heard=say)
            output.ends(state, execute=wish.execute, json=wish.json)
            return
        order = goes_on(state, wish.to)
        if order is None:
            planned = _plan(context, wish, state, environment)
            order = work.ordered(planned, environment, datetime.now(UTC))
        if wish.execute:
            work.begin(cluster, order, state)
        elif state.pod is None or state.pod.stage != "ready":
            if state.order:
                output.underway(state, json=wish.json)
            return
        address = f"{work.follow(cluster, order, heard=say)}:{POSTGRES_PORT}"
        database = context.plan.datasets.postgres.database
        seen = work.look(_server(address, database))
        output.up(order, address, database, seen, time.monotonic() - begun, json=wish.json)


def _plan(context: Context, wish: Wish, state: BesideState, environment: Mapping[str, str]) -> "Order":
    """Look at the bucket, and show what would be done. Raises Refused for what cannot be."""
    from engines.postgres.restore import PROGRAMS
    from engines.registry import require
    from operations.copies import beside as work
    from operations.copies.buckets import backup_bucket
    from operations.copies.restore import require_readable, retrieve
    from recovery.copies.recovery_target import Target
    from scripts.restore_output import Report

    target, store = Target.parse(wish.to or "latest"), backup_bucket(context, "dr")
    require("a restore of postgres", environment, tools=PROGRAMS)
    order = work.plan_on_disk(store, target, state.disk_bytes, BESIDE, environment=environment)
    Report(json=wish.json).plan(store.bucket, order, execute=wish.execute)
    if wish.retrieve:
        retrieve(store, order)
    if wish.execute:
        require_readable(order)
    return order


def _server(address: str, database: str) -> "PostgresStandby":
    """By the operator's login."""
    from engines.postgres.standby import PostgresStandby
    from operations.failover.ports import database_login

    database_login()
    return PostgresStandby(address, database)
