"""A promotion in progress, and whether the public name leads to the site that holds the lease."""

from dataclasses import dataclass

from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING, Judged
from operations.monitoring.known import Known
from recovery.errors import DrError
from recovery.failover.history import History
from recovery.failover.journal import read_entries
from recovery.failover.promotion import open_steps
from recovery.failover.steps import steps_of
from recovery.lease.lease import Lease
from recovery.ports.control_table import RunClaim, RunStore

_RESUME = "run `dr promote`, then the same with --execute: it resumes"


@dataclass(frozen=True, kw_only=True)
class Run:
    """The promotion that is under way, or the one that gave the DR site its lease."""

    id: str
    claim: RunClaim | None
    history: History
    last: str  # when its last entry was written


def run_of(runs: RunStore, lease: Lease | DrError | None) -> Run:
    """Raises Unreachable, Corrupt."""
    claim = runs.claim()
    run = claim.run if claim else lease.holder_run if isinstance(lease, Lease) and lease.site == "dr" else ""
    entries = read_entries(runs.entries(run), source="the journal in the control table") if run else ()
    return Run(id=run, claim=claim, history=History.of(entries), last=entries[-1].at if entries else "")


def judge_marker(present: bool, known: Known, run: Run | DrError) -> Judged:
    """Whether the public name leads to the site that holds the lease; where it does not, who is asked for nothing."""
    lease = known.lease
    words = "present: the public name leads to DR" if present else "absent: the public name leads to production"
    if isinstance(lease, DrError):
        return Judged(UNKNOWN, f"{words}; whether that is right the lease would say, which is not known")
    if present and not known.dr_active:
        holder = f"site {lease.site} holds the lease (epoch {lease.epoch})" if lease else "no site holds the lease"
        return Judged(
            CRITICAL,
            f"{words}, but {holder}: customers reach a site whose gate is closed",
            "find out who put it there; remove it where production works, or run `dr promote` where it does not",
        )
    if present or lease is None or lease.site == "prod":
        return Judged(OK, words)
    if lease.state == "taken" or (isinstance(run, Run) and run.claim):
        return Judged(WARNING, f"{words}; the promotion has not moved it yet")
    finished = isinstance(run, Run) and run.history.finished
    return Judged(
        CRITICAL,
        f"{words}, which is fenced: site dr holds the lease (epoch {lease.epoch}), so nobody takes orders",
        "run `dr promote`, then the same with --execute: it puts the marker back" if finished else _RESUME,
    )


def judge_promotion(run: Run | DrError) -> Judged:
    """Begun and not finished: by whom, and where it stands."""
    if isinstance(run, DrError):
        return Judged(UNKNOWN, run.what, run.next_step)
    if not run.last:
        return Judged(OK, f"claimed by {run.claim.holder}, run {run.id}" if run.claim else "none")
    if run.history.finished:
        return Judged(OK, f"run {run.id} finished at {run.last}")
    at = ", ".join(step.name for step in open_steps(run.history, steps_of(run.history)))
    words = f"run {run.id} is at: {at}; last entry {run.last}"
    if run.claim:
        return Judged(WARNING, f"{words}; held by {run.claim.holder}")
    return Judged(WARNING, f"{words}; nobody works on it", _RESUME)
