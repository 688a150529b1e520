"""A restored server beside the standby, as its cluster shows it: what was asked for, how far it is, and who may ask.

Between two servers of different moments lies the end of the first: what was asked for stays until then, so a Pod that
is made anew restores the same, and of two people who ask at once one is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from recovery.copies.server_order import WORDS, ServerOrder, ServerPod
from recovery.errors import Failed, Refused

END = "dr restore postgres --beside --end --execute"


@dataclass(frozen=True, kw_only=True)
class BesideState:
    """`version` changes with every change of the order. `disk_bytes`: the size of the disk that a Pod gets."""

    order: ServerOrder | None
    version: str
    wanted: int
    disk_bytes: int
    pods: Sequence[ServerPod] = ()

    @property
    def pod(self) -> ServerPod | None:
        """The one that is not on its way out, if there is one."""
        return next((each for each in self.pods if each.stage != "ending"), None)

    @property
    def gone(self) -> bool:
        """Whether nothing of it is left."""
        return self.order is None and self.wanted == 0 and not self.pods


class SiteNamespace(Protocol):
    """A namespace that says of which site it is."""

    def identity(self) -> dict[str, str]:
        """Its annotations."""
        ...


class BesideCluster(SiteNamespace, Protocol):
    """The DR cluster, as far as this server is concerned."""

    def state(self) -> BesideState:
        """Raises Refused where the dr stack has not declared it."""
        ...

    def write_order(self, order: ServerOrder | None, *, version: str) -> None:
        """Say what it shall be of, or of nothing. Raises Refused when the order is not of `version` any more."""
        ...

    def scale(self, replicas: int) -> None: ...


def goes_on(state: BesideState, asked: str | None) -> ServerOrder | None:
    """The order that is there, if `asked` is the same or nothing in particular; None when nothing is there.

    Raises Refused for another point than that of the server that is there, and while one is on its way out.
    """
    order = state.order
    if order is None:
        if state.gone:
            return None
        raise Refused("the last restored server is still on its way out", next_step=f"end it first: {END}")
    if asked is not None and asked != order.asked:
        raise Refused(
            f"a server as of {order.asked} was asked for at {order.at:%Y-%m-%d %H:%M:%S} UTC, and there is only one",
            next_step=f"look at that one (dr restore postgres --beside), or end it first: {END}",
        )
    return order


def serves(state: BesideState, order: ServerOrder) -> str:
    """The address of the server that is of `order`; empty while it does not answer. Raises Failed when it will not."""
    if state.order != order:
        now = f"another as of {state.order.asked} is asked for now" if state.order else "somebody has ended it"
        raise Failed(f"the server as of {order.asked} is gone: {now}", next_step="ask them; then run this again")
    pod = state.pod
    if pod is None:
        return ""
    if pod.failed:
        raise Failed(
            f"the server as of {order.asked} failed while {WORDS[pod.stage]}:\n{pod.problem}",
            next_step=f"it is tried again by itself, and the same command follows it; to give up: {END}",
        )
    return pod.address if pod.stage == "ready" else ""
