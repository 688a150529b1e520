"""When a guard may open the gate, for how long, and what it may say after closing. Pure rules.

Times are seconds of the guard's own CLOCK_BOOTTIME, which goes on while the machine sleeps and which nobody can set.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from recovery.lease.lease import Lease
from recovery.plan.plan import SiteName

# off: the gate is open and no lease is looked at. observe: everything but closing. enforce: open only under the lease.
Mode = Literal["off", "observe", "enforce"]
MODES: tuple[Mode, ...] = ("off", "observe", "enforce")

LONGEST_ATTEMPT = 2.0  # seconds to connect to, or to hear from, one region
LONGEST_CLOSING = 1.0  # seconds before the deadline at which a guard that cannot renew closes in order
LONGEST_POLL = 1.0  # seconds between two looks at a lease that is not ours
POLL_WHILE_TAKEN = 0.25  # the same while a promotion to our site is under way


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What one successful renewal allows: open until `until`; from `close_at` on, close in order."""

    lease: Lease
    close_at: float
    until: float


def promised(lease: Lease, *, started: float) -> Promise:
    """The promise of a renewal that began at `started`.

    Counted from the start, since the control table may have said yes at any moment after it: a takeover that
    completes later waits at least `lease_seconds`, so the promise has ended by then.
    """
    until = started + lease.lease_seconds
    return Promise(lease=lease, until=until, close_at=until - min(LONGEST_CLOSING, lease.lease_seconds / 10))


def renewal_seconds(planned: timedelta, lease_seconds: float) -> float:
    """Seconds between renewals: the plan's, but never less often than three times a lease."""
    return min(planned.total_seconds(), lease_seconds / 3)


def attempt_seconds(lease: timedelta, renewal: timedelta) -> float:
    """Connect and read time-out of one attempt, such that both regions can be tried within one lease."""
    duration = lease.total_seconds()
    spare = duration - renewal.total_seconds() - min(LONGEST_CLOSING, duration / 10)
    return max(0.1, min(LONGEST_ATTEMPT, spare / 4))


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What one guard knows besides the lease itself. A new process starts with a new one."""

    site: SiteName
    boot_id: str
    promise: Promise | None = None
    opened_epoch: int = 0  # the last epoch under which this guard opened
    alone_from: float | None = None  # from then on no older guard of this site can still be open
    displaced_by: str = ""  # the other guard of this site that took over from us
    quiet: tuple[int, float] | None = None  # renewals of that guard, and since when they have not changed


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to do next and why. `fence`: end the application's sessions, then record that we are closed."""

    action: Literal["adopt", "fence", "wait"]
    reason: str
    memory: Memory
    poll: float = LONGEST_POLL


def advise(memory: Memory, lease: Lease | None, now: float) -> Advice:
    """What a guard without a promise does about the lease it has just read."""
    if lease is None:
        reason = "there is no lease yet; run `dr lease init --site prod` once"
        return Advice(action="wait", reason=reason, memory=memory)
    if lease.site == memory.site and lease.state == "held":
        return _own(memory, lease, now)
    if lease.site == memory.site:
        reason = f"run {lease.holder_run} has taken the lease for this site and has not finished (epoch {lease.epoch})"
        waiting = Advice(action="wait", reason=reason, memory=memory, poll=POLL_WHILE_TAKEN)
    else:
        reason = f"the lease is {lease.site}'s since epoch {lease.epoch} (run {lease.holder_run})"
        waiting = Advice(action="wait", reason=reason, memory=memory)
    if not memory.opened_epoch or not _speaks_for_the_epoch_before(memory, lease) or lease.fenced_by(lease.epoch):
        return waiting
    if memory.alone_from is None or now < memory.alone_from:
        return replace(waiting, poll=POLL_WHILE_TAKEN)
    return replace(waiting, action="fence")


def _speaks_for_the_epoch_before(memory: Memory, lease: Lease) -> bool:
    """Whether nobody but this guard, and those it displaced, can be open under the epoch that `lease` ended.

    Another guard of the site may have adopted the lease unseen, while this one was cut off: then the last boot id is
    its. And a guard of a still older epoch knows nothing about who was open since.
    """
    return lease.boot_id == memory.boot_id and lease.epoch == memory.opened_epoch + 1


def _own(memory: Memory, lease: Lease, now: float) -> Advice:
    """The lease is our site's. A guard that was displaced by a younger one waits until that one has gone quiet."""
    if not memory.displaced_by or lease.boot_id != memory.displaced_by:
        reason = f"the lease is this site's (epoch {lease.epoch})"
        return Advice(action="adopt", reason=reason, memory=replace(memory, displaced_by="", quiet=None))
    renewals, since = memory.quiet or (-1, now)
    if renewals != lease.renewals:
        renewals, since = lease.renewals, now
    memory = replace(memory, quiet=(renewals, since))
    if now - since >= lease.lease_seconds:
        reason = f"guard {lease.boot_id} has not renewed for {now - since:.1f} s"
        return Advice(action="adopt", reason=reason, memory=memory)
    reason = f"guard {lease.boot_id} of this site renews the lease; standing by"
    return Advice(action="wait", reason=reason, memory=memory)


def renewed(memory: Memory, seen: Lease, lease: Lease, *, started: float, finished: float) -> Memory:
    """After a renewal under the condition of `seen` that returned `lease`.

    An adoption ends what an older guard of this site may renew, but not what it was promised before. Nobody has
    renewed a lease without a boot id, so whoever adopts that one is alone at once.
    """
    alone_from = memory.alone_from
    if memory.promise is None:
        if not seen.boot_id:
            alone_from = started
        elif seen.boot_id != memory.boot_id or alone_from is None:
            alone_from = finished + lease.fence_seconds
    return replace(
        memory,
        promise=promised(lease, started=started),
        opened_epoch=lease.epoch,
        alone_from=alone_from,
        displaced_by="",
        quiet=None,
    )


def lost(memory: Memory, current: Lease | None) -> Memory:
    """After the promise ended: `current` is the lease as the refusal showed it, None when nothing answered."""
    displaced_by = memory.displaced_by
    mine = memory.promise.lease if memory.promise else None
    if current and mine and displaces(mine, current):
        displaced_by = current.boot_id
    return replace(memory, promise=None, displaced_by=displaced_by, quiet=None)


def displaces(mine: Lease, current: Lease) -> bool:
    """Whether `current` differs from our lease only by another guard of our own site."""
    return (mine.site, mine.epoch, mine.state) == (current.site, current.epoch, current.state)
