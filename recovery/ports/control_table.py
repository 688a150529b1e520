"""What is kept in the control table: the lease, what guards and walls were last seen like, runs and the journal."""

from dataclasses import dataclass
from typing import Any, Protocol

from recovery.lease.backup_runs import RunReport
from recovery.lease.guard_report import GuardReport
from recovery.lease.lease import Heartbeat, Lease
from recovery.lease.wall import WallCheck
from recovery.plan.plan import SiteName


class LeaseStore(Protocol):
    """The control table's lease item. Reads are strongly consistent; one conditional update per change."""

    def read(self) -> Lease | None:
        """The item, or None before `dr lease init`."""
        ...

    def create(self, lease: Lease) -> None:
        """Write the first item. Raises LeaseRefused when there is one."""
        ...

    def renew(self, lease: Lease, *, boot_id: str, heartbeat: Heartbeat | None) -> Lease:
        """Renew under the condition that site, epoch and state are still `lease`'s. Raises LeaseRefused when they are
        not; Unreachable when neither replica answered in time. The first heartbeat that names a system identifier
        records it in the lease; later ones do not change it."""
        ...

    def record_system(self, system: str, *, seen: str) -> Lease:
        """Let the lease say that production's PostgreSQL is `system`, if it says `seen` now (empty: nothing). Raises
        LeaseRefused when it says something else."""
        ...

    def take(self, seen: Lease, taken: Lease) -> Lease:
        """Replace `seen` by `taken` if the epoch is still the one seen; returns the old item (ReturnValues=ALL_OLD).
        Raises LeaseRefused when it moved, Ambiguous when the answer was lost."""
        ...

    def hold(self, epoch: int, run: str) -> Lease:
        """taken → held, by the run that took it; idempotent. Raises LeaseRefused when the lease is another's."""
        ...

    def record_fenced(self, epoch: int) -> None:
        """Said by the old holder's guard after it closed: fenced_epoch = epoch, if epoch is still current."""
        ...


class GuardReports(Protocol):
    """What the guards say of themselves, one item a site."""

    def write(self, report: GuardReport) -> None:
        """Raises Refused when a younger guard of the same site has reported."""
        ...

    def read(self, site: SiteName) -> GuardReport | None:
        """Strongly consistent; None when that guard never reported."""


class WallStore(Protocol):
    """The last check of each site's wall, in the control table."""

    def wall(self, site: SiteName) -> WallCheck | None:
        """None when it was never checked. Raises Unreachable."""
        ...

    def record(self, check: WallCheck) -> None:
        """Keep it, unless a later one is there. Raises Unreachable."""
        ...


class RunReports(Protocol):
    """What each site's scheduled backups did, in the control table."""

    def read(self, site: SiteName, dataset: str, kind: str) -> RunReport | None:
        """None before the first run. Raises Unreachable."""
        ...

    def add(self, run: RunReport) -> None:
        """Count it. Raises Unreachable."""
        ...


@dataclass(frozen=True, kw_only=True)
class RunClaim:
    """Who is promoting: one run at a time. `beat` grows while the holder lives."""

    run: str
    holder: str  # host:pid
    boot_id: str  # of the holder's machine
    beat: int


class RunStore(Protocol):
    """Journal and single-runner lock in the control table."""

    def claim(self) -> RunClaim | None: ...

    def put_claim(self, claim: RunClaim, *, seen: RunClaim | None) -> None:
        """Write the claim if it is still the one seen. Raises Refused naming the other holder."""
        ...

    def release(self, claim: RunClaim) -> None: ...

    def append(self, run: str, number: int, entry: dict[str, Any]) -> None:
        """Entry `number` of a run, once; writing the same again is fine, another content raises Refused."""
        ...

    def entries(self, run: str) -> list[dict[str, Any]]: ...
