"""What several findings need to know first."""

from dataclasses import dataclass
from datetime import datetime

from recovery.errors import DrError
from recovery.failover.bundle import Bundle
from recovery.lease.lease import Lease
from recovery.plan.plan import SiteName


@dataclass(frozen=True, kw_only=True)
class Known:
    """What several findings need: the lease, as it is or why it is not known, and the bundle."""

    bundle: Bundle
    now: datetime
    lease: Lease | DrError | None

    @property
    def dr_active(self) -> bool:
        """Whether the DR site holds the lease."""
        return self.active == "dr"

    @property
    def active(self) -> SiteName | None:
        """The site that holds the lease, None when that is not known."""
        return self.lease.site if isinstance(self.lease, Lease) else None
