"""A restored server beside the standby: beginning it, following it until it answers, and ending it.

Killed anywhere, each can be run again: what was asked for is written first and taken away last.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from engines.postgres.restore_order import Order, plan_elsewhere
from recovery.copies.beside import END, BesideCluster, BesideState, SiteNamespace, serves
from recovery.copies.recovery_target import Target
from recovery.copies.server_order import WORDS, ServerOrder
from recovery.errors import Failed, Refused, Unreachable
from recovery.lease.lease import format_lsn
from recovery.names import ACCEPTED_INCREMENTALS, Names, namespace_identity
from recovery.ports.buckets import RestoreBucket
from recovery.ports.standby import StandbyDatabase, StandbyState

_PAUSE = 0.5
_ANSWERS_WITHIN = 60.0  # a server that listens replays what its last start left
Heard = Callable[[str], None]
Sleep = Callable[[float], None]


def require_site(cluster: SiteNamespace, names: Names) -> None:
    """Raises Refused when the kubeconfig leads somewhere else than to the DR site."""
    found, wanted = cluster.identity(), namespace_identity("dr", names.account, names.plan.sites.dr.region)
    if wrong := [key for key, value in wanted.items() if found.get(key) != value]:
        raise Refused(
            f"this is not the DR cluster: its namespace says {', '.join(f'{key}={found.get(key)}' for key in wrong)}",
            next_step="name the DR cluster's kubeconfig with --kubeconfig",
        )


def plan_on_disk(
    store: RestoreBucket, target: Target, disk_bytes: int, whose: str, *, environment: Mapping[str, str]
) -> Order:
    """What a restore onto a disk in the cluster would read, take and need; `whose` is the server with that disk. Raises
    Refused for a point that cannot be reached, and when it needs more than the disk."""
    order = plan_elsewhere(store, target, Path(whose), environment=environment)
    if order.disk_bytes > disk_bytes:
        raise Refused(
            f"the restore needs {order.disk_bytes:,} bytes, the disk of {whose} has {disk_bytes:,}",
            next_step="raise besideSize of the dr stack, or restore by hand (docs/restore-by-hand.md)",
        )
    return replace(order, disk_free=disk_bytes)


def pinned(order: Order) -> str:
    """The very point that was shown, however far the log gets meanwhile."""
    choice = order.choice
    return format_lsn(choice.end) if choice.way else choice.backup.id


def ordered(order: Order, environment: Mapping[str, str], now: datetime) -> ServerOrder:
    """What is asked of the cluster."""
    return ServerOrder(asked=order.to, to=pinned(order), at=now, accepts=environment.get(ACCEPTED_INCREMENTALS, ""))


def begin(cluster: BesideCluster, order: ServerOrder, state: BesideState) -> None:
    """Write the order, unless it is there, and start the Pod. Raises Refused when somebody was faster."""
    if state.order is None:
        cluster.write_order(order, version=state.version)
    cluster.scale(1)


def follow(cluster: BesideCluster, order: ServerOrder, *, heard: Heard, sleep: Sleep = time.sleep) -> str:
    """The server's address, once it answers. Raises Failed with the last words of what failed in the Pod."""
    said = ""
    while True:
        state = cluster.state()
        address = serves(state, order)
        if address:
            return address
        pod = state.pod
        words = pod.words if pod else WORDS["waiting"]
        if words != said:
            heard(words)
            said = words
        sleep(_PAUSE)


def look(server: StandbyDatabase, *, sleep: Sleep = time.sleep) -> StandbyState:
    """What the operator's login sees there. Raises Refused when it is not let in, Failed when there are writes."""
    waited = 0.0
    while True:
        try:
            seen = server.state()
        except Unreachable:
            if waited >= _ANSWERS_WITHIN:
                raise
            sleep(_PAUSE)
            waited += _PAUSE
        except Refused as error:
            advice = "it has the logins and passwords of that moment: was this one different then? " + error.next_step
            raise Refused(error.what, next_step=advice) from None
        else:
            break
    if not seen.in_recovery:
        raise Failed("the restored server takes writes: somebody has promoted it", next_step=f"end it: {END}")
    return seen


def end(cluster: BesideCluster, *, heard: Heard, sleep: Sleep = time.sleep) -> None:
    """Until neither Pod nor order is there; the Pod's disk goes with it."""
    said = False
    while not (state := cluster.state()).gone:
        if state.wanted:
            cluster.scale(0)
        elif state.pods:
            if not said:
                heard(f"{len(state.pods)} Pod on its way out, and its disk with it")
                said = True
            sleep(_PAUSE)
        else:
            cluster.write_order(None, version=state.version)
