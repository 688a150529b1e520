"""Let the standby replay what the DR bucket has of production's log beyond the stream (fault 69)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Findings, Unknown
from recovery.failover.history import History
from recovery.failover.moves import Move
from recovery.failover.overrides import UNDRAINED
from recovery.failover.restoring import pinned_to
from recovery.failover.step import Step, Turn
from recovery.lease.lease import format_lsn
from recovery.measured import REPLAY_BYTES_PER_SECOND
from recovery.ports.standby import LogAhead, StandbyState

RESUME = "resume_replay"
# What the bucket says is asked again so long: its answer may be slow, and a write on its way may close a hole.
PATIENT_SECONDS = 15.0
# A standby that has to notice first that its stream is dead, and then that production does not answer, takes half.
STALLED_SECONDS = 45.0
_WITHOUT = f"or promote without what only the bucket has: --{UNDRAINED} (it stays there, restorable up to its end)"


@dataclass(frozen=True, kw_only=True)
class DrainSeen:
    """`log`: the bucket's log behind the standby's position when this process first knew it; None for a primary.
    `torn`: no whole record is left of it. `stalled`: seconds since replay last went on."""

    state: StandbyState
    log: LogAhead | Unknown | None
    torn: bool = False
    stalled: float = 0.0


class DrainLog(Step[DrainSeen]):
    """The standby reads the bucket by itself (its restore_command); this step proves that it has got to the end. That
    end is the one after the fence: what a fenced primary still writes is nobody's order."""

    name = "drain"
    title = "drain the log in the DR bucket"
    after = ("fence",)
    observes = DrainSeen
    verbs = {RESUME: "resuming the replay that somebody paused"}  # noqa: RUF012 - a constant of the class

    def deadline(self, bundle: Bundle, history: History) -> float:
        return 300 + 2 * seconds_for(int(history.begun.get("log", {}).get("ahead_bytes", 0)))

    def decide(self, turn: Turn, seen: DrainSeen) -> Move:
        state, log = seen.state, seen.log
        if to := pinned_to(turn.history):
            return self.done(bucket_ahead_bytes=0, drained_bytes=0, left="", pinned=to)
        without = UNDRAINED in turn.history.begun.get("overrides", {})
        if log is None:  # whose doing that is, the next step says
            return self.done(bucket_ahead_bytes=0, drained_bytes=0, left="")
        if isinstance(log, Unknown):
            if without:
                return self.done(bucket_ahead_bytes=None, drained_bytes=None, left=f"not known: {log.why}")
            if turn.spent < PATIENT_SECONDS:
                return self.wait(log.why, 1.0)
            return self.stop(
                f"what the DR bucket has of the log beyond the standby is not known: {log.why}",
                f"{log.next_step or 'bring the bucket back'}, then run `dr promote --execute` again; {_WITHOUT}",
            )
        left = 0 if seen.torn else max(0, log.end - state.receive_lsn)
        if left and state.replay_paused and turn.issued_at(self.name, RESUME) is None:
            return self.act(RESUME)
        if left and seen.stalled < STALLED_SECONDS:
            return self.wait(f"{left:,} bytes of the log that only the bucket has are not replayed yet", 0.1)
        if left:
            return self._without(
                turn,
                seen,
                f"the standby does not go on from {format_lsn(state.replay_lsn)}, and the bucket has the log up to "
                f"{format_lsn(log.end)}",
                "see the logs of the containers `postgres` and `log` of Pod postgres-standby-0",
            )
        if log.resumes is not None:
            if turn.spent < PATIENT_SECONDS and not without:
                return self.wait(f"the bucket's log has a hole at {format_lsn(log.end)}", 1.0)
            return self._without(
                turn,
                seen,
                f"the bucket's log has a hole: {format_lsn(log.end)} to {format_lsn(log.resumes)} is missing, and the "
                "standby is drained up to it",
                "look for a delete marker on one of the log's ranges (`dr status` knows of recorded gaps)",
            )
        return self.done(**_counts(turn, seen), left="")

    def _without(self, turn: Turn, seen: DrainSeen, what: str, next_step: str) -> Move:
        if UNDRAINED in turn.history.begun.get("overrides", {}):
            return self.done(**_counts(turn, seen), left=what)
        return self.stop(what, f"{next_step}, then run `dr promote --execute` again; {_WITHOUT}")

    def sentence(self, facts: Mapping[str, Any]) -> str:
        if facts.get("pinned"):
            return f"nothing is drained: what the bucket has after {facts['pinned']} is given up, and stays there"
        if facts["left"]:
            return f"NOT all that the bucket has of the log was drained: {facts['left']}"
        if not facts["bucket_ahead_bytes"]:
            return "the bucket had nothing of the log that the standby had not"
        return f"{facts['drained_bytes']:,} bytes of the log that only the bucket had are replayed"

    def obstacles(self, bundle: Bundle, facts: Facts, found: Findings) -> None:
        """A bucket that cannot be read, and a hole: the promotion will stop there."""
        log = facts.log
        if isinstance(log, Unknown) and not isinstance(facts.standby, Unknown):
            found.warn(
                f"what the DR bucket has of the log beyond the standby is not known: {log.why}; unless that changes, "
                f"the promotion stops at `{self.name}` (--{UNDRAINED} goes on without)"
            )
        if isinstance(log, LogAhead) and log.resumes is not None:
            found.warn(
                f"the bucket's log has a hole at {format_lsn(log.end)}: the promotion drains it up to there and then "
                f"stops (--{UNDRAINED} goes on without the rest)"
            )


def seconds_for(ahead: int) -> float:
    """How long so many bytes take to be replayed."""
    return ahead / REPLAY_BYTES_PER_SECOND.value


def bytes_ahead(log: LogAhead | Unknown | None, state: StandbyState | Unknown) -> int | None:
    """What the bucket has beyond the standby; None when it is not known."""
    if isinstance(state, Unknown) or isinstance(log, Unknown):
        return None
    return max(0, log.end - state.receive_lsn) if log else 0


def _counts(turn: Turn, seen: DrainSeen) -> dict[str, int]:
    """Counted from what the preflight saw, since the standby drains while production is being fenced."""
    before = turn.history.begun.get("log", {})
    end = seen.log.end if isinstance(seen.log, LogAhead) else 0
    position = int(before.get("position", seen.state.receive_lsn))
    ahead = max(int(before.get("ahead_bytes", 0)), end - position, 0)
    return {"bucket_ahead_bytes": ahead, "drained_bytes": max(0, min(seen.state.replay_lsn, end) - position)}


STEP = DrainLog()
