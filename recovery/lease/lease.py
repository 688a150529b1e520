"""The site lease: which site may write, in which epoch, and what its holder last said. Pure data and rules."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from recovery.plan.sites import SiteName

# TAKEN: the lease has moved, the old holder may still be writing, nobody may open yet. HELD: the holder may write.
LeaseState = Literal["taken", "held"]


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """What a guard saw of its primary when it renewed: written with the renewal, read when the site is gone."""

    at: datetime  # the guard's clock, UTC
    lsn: int  # pg_current_wal_lsn() as bytes
    commits_per_second: float  # of the application's database, since the last renewal
    timeline: int
    system_identifier: str = ""  # of that primary; empty from a guard that did not say it yet


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The one item that is lock and lease. `epoch` grows by one with every change of site.

    `system_identifier` is production's PostgreSQL: recorded with the first heartbeat that has one and from then on only
    changed by `dr lease system`, which says so. A takeover keeps it: the standby that is promoted has the same.
    """

    site: SiteName
    epoch: int
    state: LeaseState
    lease_seconds: float
    margin_seconds: float
    holder_run: str  # the run that took it; "init" for the first
    boot_id: str = ""  # of the guard that renewed last
    renewals: int = 0
    fenced_epoch: int = 0  # the old holder recorded: closed because of this epoch
    heartbeat: Heartbeat | None = None
    system_identifier: str = ""

    @property
    def fence_seconds(self) -> float:
        """How long a successor waits before anything else may write."""
        return self.lease_seconds + self.margin_seconds

    def fenced_by(self, epoch: int) -> bool:
        """Whether the old holder has recorded that it closed for exactly this epoch; an older record proves nothing."""
        return self.fenced_epoch == epoch

    def successor(self, site: SiteName, run: str, *, lease: timedelta, margin: timedelta) -> "Lease":
        """The item as a takeover writes it. `boot_id` stays: only the guard that renewed last may record the fence."""
        return replace(
            self,
            site=site,
            epoch=self.epoch + 1,
            state="taken",
            holder_run=run,
            lease_seconds=lease.total_seconds(),
            margin_seconds=margin.total_seconds(),
            renewals=0,
        )


def moved(lease: Lease | None, seen: Lease) -> bool:
    """Whether what was just read is no longer what was `seen`: another site's, of another epoch, or not held."""
    return lease is None or (lease.site, lease.epoch, lease.state) != (seen.site, seen.epoch, "held")


def parse_lsn(text: str) -> int:
    """`16/B374D848` → bytes. https://www.postgresql.org/docs/18/datatype-pg-lsn.html"""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def format_lsn(value: int) -> str:
    """Bytes → `16/B374D848`."""
    return f"{value >> 32:X}/{value & 0xFFFFFFFF:X}"
