"""What a promotion knows before its first effect: which run this is, what preflight saw, what it would cost."""

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cloud.cluster import replicas
from recovery.bundle import Bundle
from recovery.errors import Refused, Unreachable
from recovery.forecast import Forecast, forecast
from recovery.journal import read_entries, read_lines
from recovery.lease import Lease
from recovery.moves import History
from recovery.ports import Edge, RunClaim, RunStore, StandbyState
from recovery.preflight import Facts, Overrides, Unknown, Verdict, judge
from scripts.executor import Ports
from scripts.journal_file import unfinished_run
from scripts.survey import live_claim, survey


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Everything known before the first effect."""

    bundle: Bundle
    ports: Ports
    runs: RunStore
    run: str
    history: History
    stale_claim: RunClaim | None
    facts: Facts
    forecast: Forecast
    verdict: Verdict
    overrides: Overrides
    journal_dir: Path

    @property
    def finished_already(self) -> bool:
        """This run's journal is complete, and the lease and the name are still as it left them."""
        lease = self.facts.lease
        return (
            self.history.finished and isinstance(lease, Lease) and lease.state == "held" and self.facts.marker is True
        )


def now() -> datetime:
    """The wall clock, for the journal and for ages; never for durations."""
    return datetime.now(UTC)


def prepare(
    bundle: Bundle,
    overrides: Overrides,
    *,
    ports: Ports,
    runs: RunStore,
    old_edge: Edge,
    folder: Path,
    kubeconfig: Path,
    started: float,
) -> Prepared:
    """Read everything, in parallel, and judge it. `started`: monotonic seconds at the start of the command."""
    journal: str | Unknown = "answers"
    found: RunClaim | None = None
    alive: RunClaim | None = None
    lease: Lease | None = None
    try:
        found, alive = live_claim(runs)
        lease = ports.leases.read()
    except (Unreachable, Refused) as error:
        journal = Unknown(error.what)
    run = _which_run(lease, found, folder)
    history = _history(runs, run, folder, journal)
    if lease and ("lease" in history.done if lease.site == "prod" else "take" not in history.intents):
        # Its journal is from before a failback, or lost: neither is this promotion.
        run, history = _new_run(), History.of(())
    facts = survey(
        bundle,
        ports,
        old_edge=old_edge,
        kubeconfig=kubeconfig,
        journal=journal,
        other=alive,
        now=now,
    )
    outlook = forecast(
        bundle.plan,
        lease=facts.lease if isinstance(facts.lease, Lease) else None,
        standby=facts.standby if isinstance(facts.standby, StandbyState) else None,
        ready={} if isinstance(facts.deployments, Unknown) else replicas(facts.deployments),
        now=now(),
        preflight_seconds=time.monotonic() - started,
    )
    return Prepared(
        bundle=bundle,
        ports=ports,
        runs=runs,
        run=run,
        history=history,
        stale_claim=found,
        facts=facts,
        forecast=outlook,
        verdict=judge(bundle, facts, outlook, overrides, run=run),
        overrides=overrides,
        journal_dir=folder,
    )


def _which_run(lease: Lease | None, claim: RunClaim | None, folder: Path) -> str:
    """The run to go on with: the lease's, else a dead holder's, else this machine's unfinished one, else a new one."""
    if lease and lease.site == "dr":
        return lease.holder_run
    return (claim.run if claim else None) or unfinished_run(folder) or _new_run()


def _new_run() -> str:
    return f"{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _history(runs: RunStore, run: str, folder: Path, journal: str | Unknown) -> History:
    """What is written of `run`, without opening its journal for writing."""
    path = folder / f"{run}.jsonl"
    if not isinstance(journal, Unknown):
        entries = read_entries(runs.entries(run), source="the journal in the control table")
        if entries:
            return History.of(entries)
    if path.exists():
        return History.of(read_lines(path.read_bytes(), source=str(path))[0])
    return History.of(())
