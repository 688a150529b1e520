"""What `dr promote` does once its options are read: prepare, then show or execute."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recovery.bundle import Bundle
from recovery.errors import EXIT_REFUSED, Refused
from recovery.lease import Lease
from recovery.moves import STEPS, History
from recovery.preflight import Unknown, Verdict, facts_for_journal
from scripts.claim import Claim, own_claim
from scripts.executor import Executor
from scripts.interrupt import Interrupt, Interrupted
from scripts.journal_file import Journal, JournalFile
from scripts.output import ExitWith, emit_json, errors, say
from scripts.preparation import Prepared, now, prepare
from scripts.promotion_output import Progress, print_plan, result, timeline
from scripts.promotion_ports import (
    connect,
    database_login,
    first_resolver,
    kubeconfig_path,
    load_bundle,
    old_edge,
    stores,
)

if TYPE_CHECKING:
    from scripts.promote import Request


def start(request: "Request") -> None:
    """Prepare, then show or execute. Raises DrError and ExitWith."""
    database_login()
    bundle = load_bundle(request.bundle, request.plan, request.account)
    if request.account and request.account != bundle.account:
        raise Refused(
            f"the bundle is about account {bundle.account}, not {request.account}",
            next_step="correct --bundle or --account",
        )
    with Interrupt() as interrupt:
        kubeconfig = kubeconfig_path(request.kubeconfig)
        run = _prepare(bundle, request, kubeconfig)
        if run.finished_already:
            _nothing_to_do(run, json=request.json)
        elif request.execute:
            execute(run, interrupt, request.started, json=request.json)
        else:
            _dry_run(run, json=request.json)


def _prepare(bundle: Bundle, request: "Request", kubeconfig: Path) -> Prepared:
    leases, runs = stores(bundle)
    return prepare(
        bundle,
        request.overrides,
        ports=connect(bundle, leases, kubeconfig, request.resolvers),
        runs=runs,
        old_edge=old_edge(bundle, first_resolver(request.resolvers)),
        folder=request.journal_dir,
        kubeconfig=kubeconfig,
        started=request.started,
    )


def _dry_run(run: Prepared, *, json: bool) -> None:
    if json:
        emit_json(
            {
                "run": run.run,
                "dry_run": True,
                "may_go": run.verdict.may_go,
                "steps": [{"name": s.name, "title": s.title, "done": s.name in run.history.done} for s in STEPS],
                "forecast": run.forecast.as_dict(),
                "reasons": [vars(reason) for reason in run.verdict.reasons],
                "warnings": list(run.verdict.warnings),
            }
        )
    else:
        print_plan(run.bundle, run.forecast, run.verdict, run.history)
    _refuse(run.verdict)
    say("\nNothing was changed. Run it again with --execute to do it.", "bold")


def _refuse(verdict: Verdict) -> None:
    if not verdict.may_go:
        errors.print(f"dr: refused, nothing was changed:\n{verdict.words()}", markup=False)
        raise ExitWith(EXIT_REFUSED)


def _nothing_to_do(run: Prepared, *, json: bool) -> None:
    if json:
        emit_json(result(run.bundle, run.history, dict(run.history.begun.get("forecast", {})), seconds=0, resumed=True))
    say(f"The DR site is active already: run {run.run} finished in epoch {run.history.epoch}. Nothing to do.", "green")


def execute(run: Prepared, interrupt: Interrupt, started: float, *, json: bool) -> None:
    _refuse(run.verdict)
    if run.history.finished:
        raise Refused(
            f"run {run.run} is finished, but its lease or its marker is no longer as it left them",
            next_step="see `dr status`; find out who changed them before anything is moved again",
        )
    store = None if run.overrides.local_journal and isinstance(run.facts.journal, Unknown) else run.runs
    file = JournalFile(run.journal_dir, run.run)
    claim = Claim(run.runs, run.run) if store else None
    if claim:
        claim.take(run.stale_claim)
    try:
        journal = Journal(file, store, run.run, now)
        journal.open()
        journal.write("begin", "preflight", _begin(run))
        history = _perform(run, journal, interrupt, claim.check if claim else lambda: None, started)
    finally:
        if claim:
            claim.release()
        file.close()
    seconds = time.monotonic() - started
    if json:
        emit_json(result(run.bundle, history, run.forecast.as_dict(), seconds=seconds, resumed=bool(run.history.begun)))
    else:
        timeline(journal.entries, seconds)


def _perform(
    run: Prepared, journal: Journal, interrupt: Interrupt, check_claim: Callable[[], None], started: float
) -> History:
    def check() -> None:
        interrupt.check()
        check_claim()

    progress = Progress(started)
    say(f"Run {run.run}: {run.forecast.loss.words()}")
    executor = Executor(
        run.bundle, run.ports, journal, clock=time.monotonic, sleep=interrupt.sleep, check=check, tell=progress
    )
    try:
        return executor.run()
    except Interrupted as stop:
        journal.write("stop", "interrupted", {"what": stop.what})
        raise


def _begin(run: Prepared) -> dict[str, Any]:
    lease = run.facts.lease if isinstance(run.facts.lease, Lease) else None
    return {
        "operator": own_claim(run.run).holder,
        "plan": run.bundle.plan.digest,
        "bundle": run.bundle.content_digest(),
        "epoch": lease.epoch if lease else 0,
        "renewals": lease.renewals if lease else 0,
        "overrides": run.overrides.names(),
        "forecast": run.forecast.as_dict(),
        "facts": facts_for_journal(run.facts),
    }
