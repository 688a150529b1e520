"""Giving up a promotion after corruption that is half done. Pure: whether it may be, which way, and what is next.

Until the lease is taken nothing but the standby is another: either its disk still has what it had, or a new one was
being filled. So the first goes on as it was, the second is made anew of production. Everything is decided by what the
cluster shows, so whoever was killed anywhere goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from recovery.copies.standby_set import StandbySetState
from recovery.errors import Refused
from recovery.failover.history import History
from recovery.failover.restoring import Ordered, Wish
from recovery.failover.steps.lease import STEP as LEASE
from recovery.failover.steps.lease import TAKE
from recovery.failover.steps.restore import RELEASE
from recovery.failover.steps.restore import STEP as RESTORE
from recovery.lease.lease import Lease
from recovery.ports.standby import StandbyState

Way = Literal["keep", "anew", "start"]
Effect = Literal["end", "release", "forget", "start"]
EFFECTS: dict[Effect, str] = {
    "end": "ending the Pod with the restored data",
    "release": "leaving the restored data on their volume, and asking for a new disk",
    "forget": "taking the restore's order away",
    "start": "starting the standby's Pod",
}
_PAGE = "docs/runbooks/corruption.md, the chapter on giving it up"


@dataclass(frozen=True, kw_only=True)
class GivingUp:
    """`keep`: the disk has what it had before the order. `anew`: the standby copies production again. `start`: the
    order is gone already, the Pod not there yet. `asked`: the moment that is given up; `leaves`: the volume of the disk
    that is left, empty where none is. `runs`: whether a server runs here when all is done."""

    way: Way
    asked: str
    leaves: str
    runs: bool

    @property
    def words(self) -> str:
        """What it comes to, for people."""
        anew = "the standby is made anew: it copies production, and follows it"
        found = {
            "keep": "the standby's disk has what it had: its server goes on as it was",
            "anew": anew if self.runs else "nothing runs here any more, as before",
            "start": "the order is gone already; the standby's Pod is started",
        }[self.way]
        left = f"; what was restored stays on volume {self.leaves}, which nobody needs" if self.leaves else ""
        return found + left


def judge(
    cluster: StandbySetState,
    lease: Lease | None,
    server: StandbyState | None,
    runs: Sequence[History],
    *,
    cold: bool,
) -> GivingUp:
    """`server`: what answers at the standby's address, None when nothing does; `runs`: those that may be about the
    cluster's order. Raises Refused where there is nothing to give up, and where it is too late or nobody here can."""
    if lease is None or lease.state != "held":
        said = "was never initialised" if lease is None else f"is being taken by site {lease.site}, epoch {lease.epoch}"
        raise Refused(f"the site lease {said}", next_step="see `dr lease show`; once it is taken, a promotion goes on")
    order, claim = cluster.order, cluster.claim
    stands = lease.site == "dr" or not cold
    if order is None or not order.to:
        if order is None and cluster.wanted == 0 and stands:
            return GivingUp(way="start", asked="", leaves="", runs=True)
        raise Refused(
            "no promotion after corruption is under way: the standby is to be restored to no moment",
            next_step="see `dr status`",
        )
    go_on = f"go on with it: {Wish(order.asked).command}"
    mine = [each for each in runs if (found := Ordered.of(each)) and found.order == order]
    if any((LEASE.name, TAKE) in each.intents for each in mine):
        raise Refused("it has taken the lease, or was about to: whoever held it is fenced", next_step=go_on)
    if claim and claim.uid == order.replaces:
        if not claim.leaving:
            return GivingUp(way="keep", asked=order.asked, leaves="", runs=stands)
        raise Refused(
            f"the claim of volume {claim.volume}, which has the data from before, is on its way out just now",
            next_step="run this again in a minute",
        )
    if lease.site == "dr":
        left = next((each.intents[RESTORE.name, RELEASE].get("volume") for each in mine
                     if (RESTORE.name, RELEASE) in each.intents), "")  # fmt: skip
        raise Refused(
            f"this site is the active one, and its database is on volume {left or 'that the claim left'}, which only "
            "an administrator of the cluster can give back",
            next_step=f"{go_on}; or have that done: {_PAGE}",
        )
    if server and not server.in_recovery:
        raise Refused(
            "what was restored takes writes: somebody has promoted it",
            next_step="find out who did, and what it has accepted, before anything of it goes",
        )
    return GivingUp(way="anew", asked=order.asked, leaves=claim.volume if claim else "", runs=stands)


@dataclass(frozen=True)
class Next:
    """An effect, or what is waited for; neither: all is done."""

    effect: Effect | None = None
    waits: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.effect is None and not self.waits


def following(giving: GivingUp, cluster: StandbySetState) -> Next:
    """What comes next. The order goes last but one: until then a Pod would only be restored again."""
    if cluster.order is None or giving.way == "keep":
        if cluster.order is not None:
            return Next("forget")
        return Next("start") if giving.runs and cluster.wanted == 0 else Next()
    if cluster.wanted:
        return Next("end")
    if cluster.pods:
        return Next(waits="the Pod with the restored data is on its way out")
    if cluster.claim:
        leaves = f"the claim of volume {cluster.claim.volume} is on its way out"
        return Next(waits=leaves) if cluster.claim.leaving else Next("release")
    return Next("forget")
