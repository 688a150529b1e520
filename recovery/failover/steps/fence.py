"""Wait until production can no longer write: the old holder's lease has run out, or its guard says that it closed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from recovery.failover.bundle import Bundle
from recovery.failover.history import History
from recovery.failover.moves import Move
from recovery.failover.step import Step, Turn
from recovery.failover.steps.lease import STEP as LEASE
from recovery.failover.steps.lease import TAKE, is_ours, not_ours
from recovery.lease.lease import Lease

ASK = "ask the old site"
THE_CLOCK, THE_RECORD = "the clock", "the old guard's record"
OldSiteSaid = Literal["", "accepted", "refused", "no proof", "silent"]  # empty: not asked yet
_ENDED = {THE_CLOCK: "its lease ran out", THE_RECORD: "its guard recorded that it closed"}
_OLD_SITE = {
    "refused": "its order service says that it can write nothing",
    "no proof": "what its edge answers proves nothing",
    "silent": "its edge does not answer",
}


@dataclass(frozen=True, kw_only=True)
class FenceSeen:
    """The lease, and what the old site said to a write when the time was up."""

    lease: Lease | None
    old_site: OldSiteSaid = ""
    old_site_why: str = ""


class FenceProduction(Step[FenceSeen]):
    """The wait counts from the takeover's completion by this process; a restarted one waits anew."""

    name = "fence"
    title = "wait until production can no longer write"
    after = ("lease",)
    observes = FenceSeen
    verbs = {ASK: "asking the old site whether it still takes a write"}  # noqa: RUF012 - a constant of the class

    def deadline(self, bundle: Bundle, history: History) -> float:
        return fence_seconds(bundle, history) + 60

    def decide(self, turn: Turn, seen: FenceSeen) -> Move:
        lease, epoch = seen.lease, turn.history.epoch
        if lease is None or not is_ours(lease, turn.history):
            return self.stop(*not_ours(lease))
        taken = turn.issued_at(LEASE.name, TAKE)
        waited = turn.clock - (turn.started if taken is None else taken)
        whole = fence_seconds(turn.bundle, turn.history)
        recorded = lease.fenced_by(epoch)
        if not recorded and waited < whole:
            # A refused connection or a dead host would prove nothing: only its own record or the time does.
            return self.wait(f"{waited:.0f} s of {whole:.0f} s", min(0.25, whole - waited))
        ended = THE_RECORD if recorded else THE_CLOCK
        if turn.history.done.get(LEASE.name, {}).get("taken_from") == "dr":  # production was left long ago
            return self.done(waited_seconds=round(waited, 3), ended_by=ended, old_site="", why="")
        if seen.old_site == "accepted":
            return self.stop(
                "the old site acknowledged a write after it should have been fenced: two sites would write",
                "stop production's database or its gate (is its guard in mode `enforce`?), then run this again",
            )
        if not seen.old_site:
            return self.act(ASK)
        return self.done(waited_seconds=round(waited, 3), ended_by=ended, old_site=seen.old_site, why=seen.old_site_why)

    def sentence(self, facts: Mapping[str, Any]) -> str:
        ended, waited = _ENDED[facts["ended_by"]], f"{facts['waited_seconds']:.1f} s"
        if not facts["old_site"]:
            return f"the damaged database's gate is closed: {ended} after {waited}"
        old_site = _OLD_SITE[facts["old_site"]]
        why = f" ({facts['why']})" if facts["old_site"] == "no proof" else ""
        return f"production can no longer write: {ended} after {waited}, and {old_site}{why}"


def fence_seconds(bundle: Bundle, history: History) -> float:
    """How long the old holder may still write: its own terms, or the plan's when no journal kept them."""
    kept = history.done.get(LEASE.name, {}).get("fence_seconds")
    terms = bundle.plan.lease
    return float(kept) if kept is not None else (terms.duration + terms.margin).total_seconds()


STEP = FenceProduction()
