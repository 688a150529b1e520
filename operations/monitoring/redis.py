"""The DR site's Redis: whether it follows production, and after a promotion whether it would come back as it is."""

from datetime import timedelta

from operations.monitoring.findings import CRITICAL, OK, WARNING, Judged
from operations.monitoring.known import Known
from recovery.ports.redis import RedisState
from recovery.units import read_duration

PING = timedelta(seconds=10)
"""How often an idle primary says that it is there (`repl-ping-replica-period`)."""
_LOG = "see the log of Pod redis-replica-0"


def judge_redis(state: RedisState | None, known: Known) -> Judged:
    """Longer without production than the RPO is critical: a promotion would lose that. Its lag in bytes nobody knows
    here, since only production knows how far it has got."""
    if state is None and known.dr_active:
        return Judged(WARNING, "the strategy is cold, so the Redis that customers use was filled by hand: nobody looks")
    if state is None:
        return Judged(OK, "no Redis waits here before a promotion: the strategy is cold")
    words = f"{state.server}, {state.keys:,} keys, offset {state.offset}"
    if state.loading:
        return Judged(WARNING, f"{words}: it is loading its data", _LOG)
    if not state.replica:
        return _primary(state, f"it is a primary: {words}", known)
    if known.dr_active:
        return Judged(CRITICAL, f"the DR site is active, and its Redis still follows: {words}", "`dr promote` goes on")
    if not state.offset:
        return Judged(CRITICAL, f"it has never had production's data: {words}", _LOG)
    if state.synchronising:
        return Judged(WARNING, f"it is being sent everything anew: {words}")
    rpo = known.bundle.plan.objectives.rpo
    if not state.link_up:
        gone = timedelta(seconds=max(0, state.down_seconds or 0))
        level = CRITICAL if gone > rpo else WARNING
        return Judged(level, f"no link to production's for {read_duration(gone)}: {words}", _LOG)
    silent = timedelta(seconds=state.silent_seconds or 0)
    if silent > known.bundle.plan.assumptions.replica_lag + PING:
        return Judged(WARNING, f"it has heard nothing of production's for {read_duration(silent)}: {words}", _LOG)
    return Judged(OK, f"it follows: {words}")


def _primary(state: RedisState, words: str, known: Known) -> Judged:
    if not known.dr_active:
        step = "find out who promoted it; to let it follow again, delete its Pod's file server.conf with what it has"
        return Judged(CRITICAL, f"{words}, and the DR site does not hold the lease", step)
    if not state.appends:
        said = f"{words}, without an append-only file: a crash loses a minute"
        return Judged(WARNING, said, "CONFIG SET appendonly yes")
    return Judged(OK, words)
