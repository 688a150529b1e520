"""Gives a half-done promotion after corruption up: shown, then done as shown, while nobody promotes."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from operations.failover.interrupt import Interrupt
from operations.failover.journal import Journal
from operations.failover.journal_file import JournalFile, unfinished_run
from operations.failover.ports import Ports
from operations.failover.run_lock import Claim, own_claim
from operations.failover.survey import live_claim
from operations.failover.which_run import RunChooser
from recovery.copies.server_order import ServerOrder
from recovery.errors import Failed, Refused, Unreachable
from recovery.failover.bundle import Bundle
from recovery.failover.giving_up import EFFECTS, GivingUp, following, judge
from recovery.failover.history import History
from recovery.failover.restoring import Ordered
from recovery.names import namespace_identity
from recovery.ports.control_table import RunClaim, RunStore

_LOOK_SECONDS = 0.5
_PATIENCE_SECONDS = 600.0
Now = Callable[[], datetime]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What would be done. `run`: whose journal says that it was given up; empty where none is known."""

    giving: GivingUp
    run: str
    stale: RunClaim | None


class GiveUp:
    """`look` changes nothing; `execute` does what it found, and may be killed anywhere and run again."""

    def __init__(self, bundle: Bundle, ports: Ports, runs: RunStore, chooser: RunChooser, folder: Path) -> None:
        self._bundle, self._ports, self._runs = bundle, ports, runs
        self._chooser, self._folder = chooser, folder

    def look(self) -> Found:
        """Raises Refused where nothing is to be given up or may be, Unreachable."""
        self._require_site()
        stale, alive = live_claim(self._runs)
        if alive:
            raise Refused(f"{alive.holder} promotes just now, run {alive.run}", next_step="end that process first")
        cluster, lease = self._ports.standby_set.state(), self._ports.leases.read()
        server = None
        if cluster.pod and cluster.pod.stage in ("starting", "ready"):
            with suppress(Unreachable):  # nobody writes to what does not answer, and its disk is kept
                server = self._ports.standby.state()
        names = {
            *(filter(None, [stale and stale.run, unfinished_run(self._folder)])),
            *([lease.holder_run] if lease and lease.site == "dr" else []),
        }
        known = {name: self._chooser.history(name, "answers") for name in sorted(names)}
        giving = judge(cluster, lease, server, [*known.values()], cold=self._bundle.plan.strategy == "cold")
        mine = (name for name, history in known.items() if _is_of(history, cluster.order))
        return Found(giving=giving, run=next(mine, ""), stale=stale)

    def _require_site(self) -> None:
        said = self._ports.cluster.identity()
        wanted = namespace_identity("dr", self._bundle.account, self._bundle.region)
        if any(said.get(key) != value for key, value in wanted.items()):
            raise Refused(
                f"namespace {self._bundle.namespace} does not say that it is the DR site of the bundle",
                next_step="check --kubeconfig and --bundle",
            )

    def execute(
        self, found: Found, interrupt: Interrupt, heard: Callable[[str], None], *, clock: Callable[[], float], now: Now
    ) -> None:
        """Do it. Raises Refused when somebody was faster, Failed when the cluster does not get on."""
        claim = Claim(self._runs, found.run or "giving-up")
        try:
            claim.take(found.stale)
            if found.run:
                self._note(found, now)
            self._do(found, interrupt, heard, claim, clock)
        finally:
            claim.release()

    def _note(self, found: Found, now: Now) -> None:
        """Nobody goes on with a run that was given up: its disk is another's from here on."""
        file = JournalFile(self._folder, found.run)
        try:
            journal = Journal(file, self._runs, found.run, now)
            journal.open()
            if not journal.history().given_up:
                journal.write("given_up", "preflight", {"operator": own_claim(found.run).holder})
        finally:
            file.close()

    def _do(
        self, found: Found, interrupt: Interrupt, heard: Callable[[str], None], claim: Claim, clock: Callable[[], float]
    ) -> None:
        said, end = "", clock() + _PATIENCE_SECONDS
        while True:
            interrupt.check()
            claim.check()
            cluster = self._ports.standby_set.state()
            step = following(found.giving, cluster)
            if step.done:
                return
            words = EFFECTS[step.effect] if step.effect else step.waits
            if words != said:
                heard(words)
                said = words
            if clock() > end:
                advice = "look at `kubectl get pod,pvc`; then run this again"
                raise Failed(f"it does not get on: {words}", next_step=advice)
            if step.effect == "forget":
                self._ports.standby_set.write_order(None, version=cluster.version)
            elif step.effect == "release" and cluster.claim:
                self._ports.standby_set.release(cluster.claim)
            elif step.effect in ("end", "start"):
                self._ports.standby_set.scale(0 if step.effect == "end" else 1)
            else:
                interrupt.sleep(_LOOK_SECONDS)


def _is_of(history: History, order: ServerOrder | None) -> bool:
    """Whether the run ordered exactly that."""
    found = Ordered.of(history)
    return found is not None and found.order == order
