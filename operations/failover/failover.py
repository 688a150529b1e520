"""One invocation of a promotion: what it is about, what it touches, and its three verbs: prepare, heal or promote."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from operations.failover.asking import Asker, known
from operations.failover.executor import Executor, Tell
from operations.failover.interrupt import Interrupt, Interrupted
from operations.failover.journal import Journal
from operations.failover.journal_file import JournalFile, unfinished_run
from operations.failover.performer import performers
from operations.failover.ports import Ports, connect, database_login, kubeconfig_path, load_bundle, stores
from operations.failover.preparation import Outcome, Prepared, Request
from operations.failover.run_lock import Claim, own_claim
from operations.failover.survey import live_claim, survey
from recovery.errors import Refused, Unreachable
from recovery.failover import healing
from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Unknown
from recovery.failover.forecast import Forecast, forecast
from recovery.failover.healing import Healing
from recovery.failover.history import History
from recovery.failover.journal import read_entries, read_lines
from recovery.failover.overrides import Overrides
from recovery.failover.preflight import judge
from recovery.failover.promotion import Seen
from recovery.failover.step import Step
from recovery.failover.steps import STEPS
from recovery.failover.steps.drain import bytes_ahead
from recovery.failover.steps.lease import STEP as LEASE
from recovery.failover.steps.lease import TAKE
from recovery.lease.lease import Lease
from recovery.ports import RunClaim, RunStore, StandbyState


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Monotonic seconds, the wall clock for journal and ages (never for durations), and sleep."""

    seconds: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Failover:
    """Made once and handed down. A context manager: it ends its threads."""

    def __init__(
        self,
        bundle: Bundle,
        ports: Ports,
        runs: RunStore,
        *,
        overrides: Overrides,
        journal_dir: Path,
        started: float,
        clock: Clock = Clock(),
        steps: Sequence[Step[Any]] = STEPS,
    ) -> None:
        self.bundle, self.overrides, self.steps = bundle, overrides, tuple(steps)
        self._ports, self._runs, self._journal_dir = ports, runs, journal_dir
        self._clock, self._started = clock, started
        self._asker = Asker()
        self._performers = performers(self.steps, ports, self._asker, clock.seconds)

    @classmethod
    def open(cls, request: Request) -> Self:
        """Everything named by the options; the bundle is read. Raises Refused, Unreachable."""
        database_login()
        bundle = load_bundle(request.bundle, request.plan, request.account)
        if request.account and request.account != bundle.account:
            raise Refused(
                f"the bundle is about account {bundle.account}, not {request.account}",
                next_step="correct --bundle or --account",
            )
        leases, runs, reports, walls, _ = stores(bundle)
        return cls(
            bundle,
            connect(bundle, (leases, reports, walls), kubeconfig_path(request.kubeconfig), request.resolvers),
            runs,
            overrides=request.overrides,
            journal_dir=request.journal_dir,
            started=request.started,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._asker.close()

    def prepare(self) -> Prepared:
        """Read everything, in parallel, and judge it. Changes nothing."""
        journal: str | Unknown = "answers"
        claim: RunClaim | None = None
        alive: RunClaim | None = None
        lease: Lease | None = None
        try:
            claim, alive = live_claim(self._runs)
            lease = self._ports.leases.read()
        except (Unreachable, Refused) as error:
            journal = Unknown.of(error)
        run, history = self._which_run(lease, claim, journal)
        observed = self._observed(history) if history.finished else {}
        mended = healing.find(self.bundle, history, observed, self.steps) if history.finished else None
        ahead = self._ahead(history, mended)
        facts = survey(
            self.bundle,
            self._ports,
            {step.name: self._performers[step.name] for step in ahead},
            self._asker,
            journal_dir=self._journal_dir,
            journal=journal,
            other=alive,
            now=self._clock.now,
        )
        outlook = self._forecast(facts)
        verdict = judge(
            self.bundle,
            facts,
            outlook,
            self.overrides,
            run=run,
            now=self._clock.now(),
            steps=ahead,
            healing=mended,
        )
        return Prepared(
            run=run,
            history=history,
            stale_claim=claim,
            facts=facts,
            forecast=outlook,
            verdict=verdict,
            healing=mended,
        )

    def execute(self, prepared: Prepared, interrupt: Interrupt, tell: Tell) -> Outcome:
        """Promote, resume, or heal what a finished run finds undone. Raises DrError; a verdict against it is the
        caller's to obey first."""
        if not prepared.verdict.may_go:
            raise Refused(f"nothing was changed:\n{prepared.verdict.words()}")
        without = self.overrides.local_journal and isinstance(prepared.facts.journal, Unknown)
        store = None if without else self._runs
        file = JournalFile(self._journal_dir, prepared.run)
        claim = Claim(self._runs, prepared.run) if store else None
        try:
            if claim:
                claim.take(prepared.stale_claim)
            journal = Journal(file, store, prepared.run, self._clock.now)
            journal.open()
            if prepared.healing:
                journal.write("heal", "preflight", {**prepared.healing.as_dict(), "operator": self._operator(prepared)})
            else:
                journal.write("begin", "preflight", self._begin(prepared))
            history = self._perform(journal, interrupt, claim, tell)
        finally:
            if claim:
                claim.release()
            file.close()
        resumed = bool(prepared.history.begun)
        return Outcome(history=history, entries=tuple(journal.entries), resumed=resumed, healed=prepared.healing)

    def _perform(self, journal: Journal, interrupt: Interrupt, claim: Claim | None, tell: Tell) -> History:
        def check() -> None:
            interrupt.check()
            if claim:
                claim.check()

        executor = Executor(
            self.bundle,
            self.steps,
            self._performers,
            journal,
            clock=self._clock.seconds,
            sleep=interrupt.sleep,
            check=check,
            tell=tell,
        )
        try:
            return executor.run()
        except Interrupted as stop:
            journal.write("stop", "interrupted", {"what": stop.what})
            raise

    def _which_run(self, lease: Lease | None, claim: RunClaim | None, journal: str | Unknown) -> tuple[str, History]:
        """The run to go on with: the lease's, else a dead holder's, else this machine's unfinished one, else a new
        one. A journal from before a failback, or a lost one, is not this promotion's."""
        if lease and lease.site == "dr":
            run = lease.holder_run
        else:
            run = (claim.run if claim else None) or unfinished_run(self._journal_dir) or self._new_run()
        history = self._history(run, journal)
        taken = (LEASE.name, TAKE) in history.intents
        if lease and (LEASE.name in history.done if lease.site == "prod" else not taken):
            return self._new_run(), History.of(())
        return run, history

    def _new_run(self) -> str:
        return f"{self._clock.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"

    def _history(self, run: str, journal: str | Unknown) -> History:
        """What is written of `run`, without opening its journal for writing."""
        path = self._journal_dir / f"{run}.jsonl"
        if not isinstance(journal, Unknown):
            entries = read_entries(self._runs.entries(run), source="the journal in the control table")
            if entries:
                return History.of(entries)
        try:
            return History.of(read_lines(path.read_bytes(), source=str(path))[0])
        except OSError:
            return History.of(())

    def _observed(self, history: History) -> dict[str, object]:
        """What the steps look at whose effects may be repeated after the end."""
        seconds = self._clock.seconds()
        seen = Seen(clock=seconds)
        asked = {
            step.name: self._asker.begin(lambda step=step: known(lambda: self._look(step, seen, history)))
            for step in self.steps
            if step.undone
        }
        return {name: each.result() for name, each in asked.items()}

    def _look(self, step: Step[Any], seen: Seen, history: History) -> object:
        return self._performers[step.name].look(seen.turn(step.name, self.bundle, history))

    def _ahead(self, history: History, mended: Healing | None) -> tuple[Step[Any], ...]:
        """The steps that are still to be done."""
        if mended:
            return tuple(step for step in self.steps if step.name in mended.steps)
        return tuple(step for step in self.steps if step.name not in history.done)

    def _forecast(self, facts: Facts) -> Forecast:
        states = {} if isinstance(facts.deployments, Unknown) else facts.deployments
        return forecast(
            self.bundle.plan,
            lease=facts.lease if isinstance(facts.lease, Lease) else None,
            standby=facts.standby if isinstance(facts.standby, StandbyState) else None,
            ready={name: state.ready for name, state in states.items()},
            now=self._clock.now(),
            preflight_seconds=self._clock.seconds() - self._started,
            arriving=facts.arriving,
            bucket_ahead=bytes_ahead(facts.log, facts.standby),
        )

    def _operator(self, prepared: Prepared) -> str:
        return own_claim(prepared.run).holder

    def _begin(self, prepared: Prepared) -> dict[str, Any]:
        facts = prepared.facts
        lease = facts.lease if isinstance(facts.lease, Lease) else None
        return {
            "operator": self._operator(prepared),
            "caller": facts.caller,
            "steps": [step.name for step in self.steps],
            "plan": self.bundle.plan.digest,
            "bundle": self.bundle.content_digest(),
            "epoch": lease.epoch if lease else 0,
            "renewals": lease.renewals if lease else 0,
            "overrides": self.overrides.names(),
            "forecast": prepared.forecast.as_dict(),
            "facts": facts.for_journal(),
            "log": _log(facts),
        }


def _log(facts: Facts) -> dict[str, int]:
    """Where the standby was and how far the bucket's log was ahead of it; empty when that is not known."""
    ahead = bytes_ahead(facts.log, facts.standby)
    if ahead is None or isinstance(facts.standby, Unknown):
        return {}
    return {"position": facts.standby.receive_lsn, "ahead_bytes": ahead}
