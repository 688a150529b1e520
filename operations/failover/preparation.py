"""What a promotion is asked for, what is known before its first effect, and what it leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Unknown
from recovery.failover.forecast import Forecast
from recovery.failover.healing import Healing
from recovery.failover.history import History
from recovery.failover.journal import Entry
from recovery.failover.overrides import Overrides
from recovery.failover.preflight import Verdict
from recovery.failover.restoring import Wish
from recovery.failover.step import Step
from recovery.failover.steps.drain import bytes_ahead
from recovery.lease.lease import Lease
from recovery.ports.control_table import RunClaim


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the operator asked for. `started`: monotonic seconds at the start of the command. `wish`: what is restored
    first; None: nothing but what the plan's strategy restores."""

    bundle: str
    plan: Path
    account: str
    overrides: Overrides
    resolvers: tuple[str, ...]
    journal_dir: Path
    kubeconfig: Path | None
    started: float
    wish: Wish | None = None


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


def begin_entry(
    bundle: Bundle, overrides: Overrides, steps: Sequence[Step[Any]], prepared: Prepared, *, operator: str
) -> dict[str, Any]:
    """What the journal keeps of the beginning: what is to be done, by whom, and what was found."""
    facts = prepared.facts
    lease = facts.lease if isinstance(facts.lease, Lease) else None
    return {
        "operator": operator,
        "caller": facts.caller,
        "steps": [step.name for step in steps],
        "plan": bundle.plan.digest,
        "bundle": bundle.content_digest(),
        "epoch": lease.epoch if lease else 0,
        "renewals": lease.renewals if lease else 0,
        "overrides": overrides.names(),
        "forecast": prepared.forecast.as_dict(),
        "facts": facts.for_journal(),
        "log": _log(facts),
        "restore": facts.ordered.as_dict() if facts.ordered else None,
    }


def _log(facts: Facts) -> dict[str, int]:
    """Where the standby was and how far the bucket's log was ahead of it; empty when that is not known."""
    ahead = bytes_ahead(facts.log, facts.standby)
    if ahead is None or isinstance(facts.standby, Unknown):
        return {}
    return {"position": facts.standby.receive_lsn, "ahead_bytes": ahead}
