"""What a promotion is asked for, what is known before its first effect, and what it leaves."""

from dataclasses import dataclass
from pathlib import Path

from recovery.failover.facts import Facts
from recovery.failover.forecast import Forecast
from recovery.failover.healing import Healing
from recovery.failover.history import History
from recovery.failover.journal import Entry
from recovery.failover.overrides import Overrides
from recovery.failover.preflight import Verdict
from recovery.lease.lease import Lease
from recovery.ports import RunClaim


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the operator asked for. `started`: monotonic seconds at the start of the command."""

    bundle: str
    plan: Path
    account: str
    overrides: Overrides
    resolvers: tuple[str, ...]
    journal_dir: Path
    kubeconfig: Path | None
    started: float


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Everything known before the first effect. `healing`: of a finished run, what is no longer as it left it."""

    run: str
    history: History
    stale_claim: RunClaim | None
    facts: Facts
    forecast: Forecast
    verdict: Verdict
    healing: Healing | None = None

    @property
    def finished(self) -> bool:
        """The run is complete and everything is as it left it: nothing is to be done."""
        lease = self.facts.lease
        return (
            self.healing is not None
            and not self.healing.undone
            and self.facts.marker is True
            and isinstance(lease, Lease)
            and lease.site == "dr"
            and lease.state == "held"
        )


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an execution left: the whole journal, and whether the run had been begun before."""

    history: History
    entries: tuple[Entry, ...]
    resumed: bool
    healed: Healing | None
