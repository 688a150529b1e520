"""Copies are fenced as well: whoever writes them asks the site lease before and, again, before they count."""

import stamina

from recovery.errors import Failed, LeaseRefused, Unreachable
from recovery.lease.lease import Lease, moved
from recovery.plan.plan import SiteName
from recovery.ports.control_table import LeaseStore


def held_elsewhere(leases: LeaseStore, site: SiteName) -> Lease | None:
    """The lease when another site than `site` has it. Raises Unreachable when the control table does not answer."""
    lease = leases.read()
    return lease if lease is not None and lease.site != site else None


def require_held(leases: LeaseStore, site: SiteName) -> Lease:
    """The lease, if `site` holds it. Raises LeaseRefused before any effect when it does not (fault 68), Unreachable
    when the control table does not answer."""
    lease = leases.read()
    if lease is None:
        raise LeaseRefused(
            "the site lease was never initialised, so nobody may write copies",
            next_step="once, while production is healthy: `dr lease init --site prod`",
        )
    if lease.site != site or lease.state != "held":
        raise LeaseRefused(
            f"site {site} is fenced: the lease is {lease.state} by {lease.site} in epoch {lease.epoch}, "
            "so a copy from here could be of data that is no longer the truth",
            next_step=f"make copies at site {lease.site}; `dr lease show` says who took the lease and when",
        )
    return lease


def require_unmoved(leases: LeaseStore, seen: Lease, *, seconds: float = 60) -> None:
    """Raises Failed unless site and epoch are still `seen`'s; patient with a control table that is slow to answer."""
    lease = None
    for attempt in stamina.retry_context(on=Unreachable, attempts=None, timeout=seconds, wait_initial=0.5):
        with attempt:
            lease = leases.read()
    if moved(lease, seen):
        found = f"{lease.state} by {lease.site} in epoch {lease.epoch}" if lease else "gone"
        raise Failed(
            f"the lease moved while the copy was made: it was held by {seen.site} in epoch {seen.epoch}, now it is "
            f"{found}; what was uploaded has no manifest and does not count as a backup",
            next_step="make a new backup at the site that holds the lease",
        )
