"""Take the site lease: from then on production may renew it no more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recovery.failover.bundle import Bundle
from recovery.failover.history import History
from recovery.failover.moves import Move
from recovery.failover.restoring import pinned_to
from recovery.failover.step import Step, Turn
from recovery.lease.lease import Lease

TAKE = "take"


@dataclass(frozen=True, kw_only=True)
class LeaseSeen:
    """The item in the control table."""

    lease: Lease | None


class TakeLease(Step[LeaseSeen]):
    """Done when a strongly consistent read shows our run, whatever became of the request's answer."""

    name = "lease"
    title = "take the site lease"
    observes = LeaseSeen
    verbs = {TAKE: "taking the site lease"}  # noqa: RUF012 - a constant of the class

    def deadline(self, bundle: Bundle, history: History) -> float:
        return 60

    def decide(self, turn: Turn, seen: LeaseSeen) -> Move:
        lease, history = seen.lease, turn.history
        if lease is None:
            return self.stop(
                "the site lease is not initialised",
                "run `dr lease init --site prod` while production works",
                refused=not history.done,
            )
        if lease.site == "dr" and lease.holder_run == history.run:
            # Also the answer to a lost answer: a strongly consistent read that shows our run.
            terms = turn.bundle.plan.lease
            planned = (terms.duration + terms.margin).total_seconds()
            intent = history.intents.get((self.name, TAKE), {})
            wait = float(intent.get("fence_seconds", max(lease.fence_seconds, planned)))
            return self.done(
                epoch_before=lease.epoch - 1,
                epoch_after=lease.epoch,
                fence_seconds=wait,
                taken_from=str(intent.get("site", "prod")),
                system_identifier=lease.system_identifier,  # for the step that promotes the database
            )
        corruption = bool(pinned_to(history))  # then whoever holds it holds damaged data
        if lease.site == "dr" and not corruption:
            return self.stop(
                f"run {lease.holder_run} took the lease to the DR site in epoch {lease.epoch}",
                "see `dr status`; only that run may go on",
                refused=not history.done,
            )
        renewed = lease.renewals > int(history.begun.get("renewals", lease.renewals))
        moved = lease.epoch != int(history.begun.get("epoch", lease.epoch))
        lost = "production-is-lost" in history.begun.get("overrides", {})
        if moved or (renewed and not lost and not corruption):
            came_back = "production came back: its guard renewed the lease after the preflight"
            return self.stop(
                came_back if renewed and not moved else "the lease moved",
                "it was not taken; look at production before trying again",
                refused=not history.done,
            )
        return self.act(TAKE, epoch_before=lease.epoch, fence_seconds=lease.fence_seconds, site=lease.site)

    def sentence(self, facts: Mapping[str, Any]) -> str:
        before, after = facts["epoch_before"], facts["epoch_after"]
        holder = "the DR site's damaged database" if facts.get("taken_from") == "dr" else "production"
        return f"the site lease is ours: epoch {after}, taken from {holder} (epoch {before})"


def is_ours(lease: Lease | None, history: History) -> bool:
    """Whether the lease is still as this run took it."""
    return lease is not None and (lease.site, lease.epoch, lease.holder_run) == ("dr", history.epoch, history.run)


def not_ours(lease: Lease | None) -> tuple[str, str]:
    """What is said, and advised, to a run that has lost the lease."""
    holder = f"run {lease.holder_run} at site {lease.site}, epoch {lease.epoch}" if lease else "nobody: it is gone"
    return (
        f"the lease is no longer this run's; it is held by {holder}",
        "see `dr status` and find out who moved it; nothing more is done here",
    )


STEP = TakeLease()
