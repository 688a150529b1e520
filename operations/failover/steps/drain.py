"""Looks how far the bucket's log goes, and how far the standby has replayed it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from operations.failover.asking import Asker, known
from operations.failover.performer import Performer
from recovery.failover.facts import Unknown
from recovery.failover.moves import Act
from recovery.failover.restoring import pinned_to
from recovery.failover.step import Turn
from recovery.failover.steps.drain import RESUME, DrainSeen
from recovery.ports.standby import LogAhead, StandbyState

if TYPE_CHECKING:
    from operations.failover.ports import Ports


class DrainLog(Performer):
    """The bucket is listed once; again while it does not answer or shows a hole."""

    def __init__(self, ports: "Ports", asker: Asker, clock: Callable[[], float]) -> None:
        super().__init__(ports, asker, clock)
        self._log: LogAhead | Unknown = Unknown("not asked yet")
        self._replayed, self._went_on = -1, 0.0
        self._torn_at: tuple[int, bool] = (-1, False)

    def look(self, turn: Turn) -> DrainSeen:
        state = self.ports.standby.state()
        if not state.in_recovery or pinned_to(turn.history):  # a restore to a moment never gets more
            return DrainSeen(state=state, log=None)
        if isinstance(self._log, Unknown) or self._log.resumes is not None:
            self._log = known(lambda: self._ahead(state))
        now = self.clock()
        stands = state.replay_lsn == self._replayed
        if not stands:
            self._replayed, self._went_on = state.replay_lsn, now
        torn = stands and isinstance(self._log, LogAhead) and self._torn(state, self._log)
        return DrainSeen(state=state, log=self._log, torn=torn, stalled=now - self._went_on)

    def verbs(self) -> Mapping[str, Callable[[Turn, Act], None]]:
        return {RESUME: lambda turn, act: self.ports.standby.resume_replay()}

    def _ahead(self, state: StandbyState) -> LogAhead:
        lease = self.ports.leases.read()
        return self.ports.log.ahead(lease, state.timeline, state.receive_lsn)

    def _torn(self, state: StandbyState, log: LogAhead) -> bool:
        """Whether the log ends within a record, for which nobody waits. Asked once for each place that replay stops
        at."""
        at = state.replay_lsn
        if at >= log.end:
            return False
        if self._torn_at[0] != at:
            lease = known(self.ports.leases.read)
            if isinstance(lease, Unknown):
                return False
            more = known(lambda: self.ports.log.goes_on(lease, state.timeline, at, log.end))
            if isinstance(more, Unknown):
                return False
            self._torn_at = at, not more
        return self._torn_at[1]


PERFORMER = DrainLog
