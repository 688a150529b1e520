"""One invocation of a promotion: what it is about, what it touches, and its three verbs: prepare, heal or promote."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from operations.failover.asking import Asker, known
from operations.failover.executor import Executor, Tell
from operations.failover.giving_up import GiveUp
from operations.failover.interrupt import Interrupt, Interrupted
from operations.failover.journal import Journal
from operations.failover.journal_file import JournalFile
from operations.failover.performer import performers
from operations.failover.ports import Ports, connect, database_login, kubeconfig_path, load_bundle, stores
from operations.failover.preparation import Outcome, Prepared, Request, begin_entry
from operations.failover.readying import is_to_be_restored, with_restore
from operations.failover.run_lock import Claim, own_claim
from operations.failover.survey import live_claim, survey
from operations.failover.which_run import RunChooser
from recovery.errors import Failed, Refused, Unreachable
from recovery.failover import healing
from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Unknown
from recovery.failover.forecast import Forecast, forecast
from recovery.failover.healing import Healing
from recovery.failover.history import History
from recovery.failover.overrides import Overrides
from recovery.failover.preflight import guard_alone, judge
from recovery.failover.promotion import Seen
from recovery.failover.redis_loss import RedisLoss, redis_loss
from recovery.failover.restoring import Restoring, Wish
from recovery.failover.step import Step
from recovery.failover.steps import steps_for
from recovery.failover.steps.drain import bytes_ahead
from recovery.failover.steps.redis import STEP as REDIS
from recovery.failover.steps.restore import STEP as RESTORE
from recovery.lease.guard_report import fresh_for
from recovery.lease.lease import Lease
from recovery.ports.control_table import RunClaim, RunStore
from recovery.ports.redis import RedisState
from recovery.ports.standby import StandbyState

_LOOK_AGAIN_SECONDS = 1.0


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
        wish: Wish | None = None,
        steps: Sequence[Step[Any]] | None = None,
    ) -> None:
        """`wish`: what is restored first; a cold site restores the newest if nothing else is wished for."""
        self.wish = wish or (Wish() if bundle.plan.strategy == "cold" else None)
        self.bundle, self.overrides = bundle, overrides
        self.steps = tuple(steps_for(self.wish) if steps is None else steps)
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
            wish=request.wish,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._asker.close()

    def giving_up(self) -> GiveUp:
        """What gives a promotion after corruption up instead."""
        return GiveUp(self.bundle, self._ports, self._runs, self._chooser(), self._journal_dir)

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
        run, history = self._chooser().choose(self.wish, lease, claim, journal)
        return self._judged(run, history, journal, claim, alive)

    def _chooser(self) -> RunChooser:
        return RunChooser(self._runs, self._journal_dir, self._clock.now)

    def _judged(
        self,
        run: str,
        history: History,
        journal: str | Unknown,
        claim: RunClaim | None = None,
        alive: RunClaim | None = None,
    ) -> Prepared:
        """The same for a run that is known."""
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
            standby=not is_to_be_restored(self.wish, history),
        )
        if not mended:
            facts = with_restore(self._ports, self.wish, history, facts, self._clock.now())
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
            wish=self.wish,
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
        with self._journal(prepared) as (journal, claim):
            if prepared.healing:
                operator = own_claim(prepared.run).holder
                journal.write("heal", "preflight", {**prepared.healing.as_dict(), "operator": operator})
            else:
                journal.write("begin", "preflight", self._entry(prepared))
            if prepared.facts.restoring is not None:
                history = self._perform((RESTORE,), journal, interrupt, claim, tell)
                self._begin_again(prepared, history, journal, interrupt, tell)
            history = self._perform(self.steps, journal, interrupt, claim, tell)
        resumed = bool(prepared.history.begun)
        return Outcome(history=history, entries=tuple(journal.entries), resumed=resumed, healed=prepared.healing)

    @contextmanager
    def _journal(self, prepared: Prepared) -> Iterator[tuple[Journal, Claim | None]]:
        """The run's journal in both places, while nobody else promotes."""
        without = self.overrides.local_journal and isinstance(prepared.facts.journal, Unknown)
        store = None if without else self._runs
        file = JournalFile(self._journal_dir, prepared.run)
        claim = Claim(self._runs, prepared.run) if store else None
        try:
            if claim:
                claim.take(prepared.stale_claim)
            journal = Journal(file, store, prepared.run, self._clock.now)
            journal.open()
            yield journal, claim
        finally:
            if claim:
                claim.release()
            file.close()

    def _begin_again(
        self, prepared: Prepared, history: History, journal: Journal, interrupt: Interrupt, tell: Tell
    ) -> None:
        """The whole preflight once more, now of the standby that was restored: it judges that one as any other. Raises
        Failed when something speaks against it; the restore is done and stays."""
        end = self._clock.seconds() + fresh_for(self.bundle.plan.lease).total_seconds()
        again = self._judged(prepared.run, history, prepared.facts.journal)
        # The guard came up with its server, and its last report may be from before that.
        while (why := guard_alone(again.verdict)) and self._clock.seconds() < end:
            interrupt.check()
            tell(RESTORE, RESTORE.wait(f"the restored standby's guard: {why}", _LOOK_AGAIN_SECONDS))
            interrupt.sleep(_LOOK_AGAIN_SECONDS)
            again = self._judged(prepared.run, history, prepared.facts.journal)
        if not again.verdict.may_go:
            words = again.verdict.words()
            journal.write("stop", "preflight", {"what": words, "next_step": ""})
            raise Failed(
                f"the standby is restored, and the promotion has not begun:\n{words}",
                next_step="remove the cause, then run the same command again: it goes on here",
            )
        journal.write("begin", "preflight", self._entry(again))

    def _perform(
        self, steps: Sequence[Step[Any]], journal: Journal, interrupt: Interrupt, claim: Claim | None, tell: Tell
    ) -> History:
        def check() -> None:
            interrupt.check()
            if claim:
                claim.check()

        executor = Executor(
            self.bundle,
            steps,
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
            restore=facts.restoring.planned if isinstance(facts.restoring, Restoring) else None,
            ordered=facts.ordered,
            redis=self._redis_loss(facts),
        )

    def _redis_loss(self, facts: Facts) -> RedisLoss | None:
        """None where none waits, or where it is promoted already."""
        seen = facts.previews.get(REDIS.name)
        if seen is None:
            return None
        return redis_loss(
            seen if isinstance(seen, RedisState) else None,
            facts.lease if isinstance(facts.lease, Lease) else None,
            lag=self.bundle.plan.assumptions.replica_lag,
            now=self._clock.now(),
        )

    def _entry(self, prepared: Prepared) -> dict[str, Any]:
        operator = own_claim(prepared.run).holder
        return begin_entry(self.bundle, self.overrides, self.steps, prepared, operator=operator)
