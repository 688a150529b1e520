"""What a promotion restores before it begins: what that would read, take and lose, and the order that pins it."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from operations.failover.asking import known
from recovery.copies.recovery_target import Target
from recovery.copies.server_order import ServerOrder
from recovery.copies.standby_set import StandbySetState
from recovery.failover.facts import Facts, Unknown
from recovery.failover.history import History
from recovery.failover.restoring import Ordered, PlannedRestore, Restoring, Wish
from recovery.failover.steps.restore import STEP as RESTORE

if TYPE_CHECKING:
    from operations.failover.ports import Ports


def is_to_be_restored(wish: Wish | None, history: History) -> bool:
    """Whether the run restores something first, and has not done it."""
    return wish is not None and RESTORE.name not in history.done


def with_restore(ports: "Ports", wish: Wish | None, history: History, facts: Facts, now: datetime) -> Facts:
    """`facts` with what the run restores or has restored, and while that is to be done, with what it takes: Unknown,
    with what can be restored, where it cannot be. Changes nothing."""
    if wish is None or not is_to_be_restored(wish, history):
        return replace(facts, ordered=Ordered.of(history))
    restoring: Restoring | Unknown = known(lambda: _look(ports, wish, history, now))
    ordered = restoring.ordered if isinstance(restoring, Restoring) else None
    return replace(facts, ordered=ordered, restoring=restoring)


def _look(ports: "Ports", wish: Wish, history: History, now: datetime) -> Restoring:
    """The order as the journal has it, else as the cluster has it for the same moment, else a new one of what the
    bucket says now."""
    cluster = ports.standby_set.state()
    kept = Ordered.of(history)
    order = kept.order if kept else _same(cluster, wish)
    planned = ports.planner.plan((order and order.to) or wish.asked, cluster.disk_bytes)
    if order is None:
        order = _new(wish, planned, cluster, ports.planner.accepts, now)
    ordered = kept or Ordered(order=order, since=_since(wish, planned), seconds=planned.seconds)
    return Restoring(ordered=ordered, planned=planned, cluster=cluster)


def _same(cluster: StandbySetState, wish: Wish) -> ServerOrder | None:
    """What somebody asked for before, if it is this."""
    order = cluster.order
    return order if order and order.asked == wish.asked and bool(order.to) == wish.corruption else None


def _new(wish: Wish, planned: PlannedRestore, cluster: StandbySetState, accepts: str, now: datetime) -> ServerOrder:
    """After corruption: the very point that is shown, and in the place of the disk that is there now."""
    if not wish.corruption:
        return ServerOrder(asked=wish.asked, to="", at=now, accepts=accepts)
    replaces = cluster.claim.uid if cluster.claim else ""
    return ServerOrder(asked=wish.asked, to=planned.to, at=now, accepts=accepts, replaces=replaces)


def _since(wish: Wish, planned: PlannedRestore) -> datetime | None:
    """From when on orders are given up: the moment that was named, or the last transaction before the position."""
    if not wish.corruption:
        return None
    return Target.parse(wish.to).time or planned.until
