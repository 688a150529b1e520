"""What preflight sees and says: facts, what is not known, reasons against."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recovery.errors import DrError, Refused
from recovery.failover.restoring import Ordered, Restoring
from recovery.lease.guard_report import Objection
from recovery.lease.lease import Lease
from recovery.lease.wall import WallCheck
from recovery.plan.plan import SiteName
from recovery.ports.cluster import ClusterRoom, DeploymentState, GuardState
from recovery.ports.control_table import RunClaim
from recovery.ports.edge import EdgeSeen, ServiceAnswer
from recovery.ports.standby import CollationChange, LogAhead, PromoterRights, StandbyState


@dataclass(frozen=True)
class Unknown:
    """Something that is not known; never fine and never dead. `answered`: it did answer, and what it said was no."""

    why: str
    next_step: str = ""
    answered: bool = False

    @classmethod
    def of(cls, error: DrError) -> "Unknown":
        """In the error's own words."""
        return cls(error.what, error.next_step, isinstance(error, Refused))


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What preflight saw. `stream_moves` and `renewing` are the two of three views on production that are not HTTP.
    `previews`: what each step's own look ahead found (`Step.obstacles` reads it)."""

    account: str | Unknown
    server: str | Unknown  # the API server the kubeconfig names
    annotations: Mapping[str, str] | Unknown
    lease: Lease | Unknown | None
    renewing: bool | Unknown
    old_edge: ServiceAnswer | Unknown
    standby: StandbyState | Unknown
    stream_moves: bool | Unknown
    deployments: Mapping[str, DeploymentState] | Unknown
    guard: GuardState | Unknown | None  # the DR site's; None when no Pod has one
    marker: bool | Unknown
    journal: str | Unknown  # the control table answers for the journal
    dr_edge: EdgeSeen | Unknown | None = None
    other: RunClaim | None = None  # a live promotion of somebody else
    walls: Mapping[SiteName, WallCheck | Unknown | None] = field(
        default_factory=dict[SiteName, WallCheck | Unknown | None]
    )  # each site's last check; None when it was never checked
    newest_backup: str = ""
    caller: str = ""  # the ARN of these credentials
    rights: PromoterRights | Unknown | None = None
    guard_report: tuple[Objection, ...] | Unknown = ()  # what speaks against the DR site's guard
    log: LogAhead | Unknown | None = None  # the bucket's behind the standby; None: not asked of a primary
    arriving: bool = False  # WAL still comes in at the standby, by stream or from the archive
    collations: tuple[CollationChange, ...] | Unknown | None = None  # None: not asked
    room: ClusterRoom | Unknown | None = None  # None: not asked
    ordered: Ordered | None = None  # what the run restores first, or has restored
    restoring: Restoring | Unknown | None = None  # None: nothing is to be restored any more
    journal_folder: Unknown | None = None  # why no journal could be written there
    previews: Mapping[str, object] = field(default_factory=dict[str, object])

    def for_journal(self) -> dict[str, Any]:
        """What the journal keeps of them."""
        names = ("account", "server", "renewing", "old_edge", "standby", "stream_moves", "marker", "dr_edge", "journal")
        return {name: _plain(getattr(self, name)) for name in names}


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why not. `override` names the option that goes on regardless, empty when there is none."""

    what: str
    next_step: str
    override: str = ""


@dataclass
class Findings:
    """Collects reasons against and what is worth knowing. `overrides`: by name, those that were given."""

    overrides: Mapping[str, str] = field(default_factory=dict[str, str])
    reasons: list[Reason] = field(default_factory=list[Reason])
    warnings: list[str] = field(default_factory=list[str])

    def no(self, what: str, next_step: str, override: str = "") -> None:
        """A reason against."""
        self.reasons.append(Reason(what=what, next_step=next_step, override=override))

    def warn(self, what: str) -> None:
        """Worth knowing."""
        self.warnings.append(what)


def _plain(value: object) -> object:
    if isinstance(value, Unknown):
        return f"UNKNOWN: {value.why}"
    return value if isinstance(value, str | bool | int | float | None) else str(value)
