"""The database at the DR site: whether it follows production, how full its disk is, how its text is sorted."""

from dataclasses import dataclass

from operations.monitoring.asking import answer
from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING, Judged
from operations.monitoring.known import Known
from recovery.errors import DrError
from recovery.failover.collations import collation_words
from recovery.failover.source import foreign
from recovery.lease.lease import Lease
from recovery.ports.standby import CollationChange, StandbyDatabase, StandbyState
from recovery.units import format_size, read_duration

# Of the standby's disk. A full one ends the standby, and growing it takes hours at worst.
_DISK_WARNING, _DISK_CRITICAL = 0.8, 0.9


@dataclass(frozen=True, kw_only=True)
class StandbySeen:
    """Asked through one connection; what it does not tell stays an error of its own."""

    state: StandbyState
    used: int | DrError
    collations: tuple[CollationChange, ...] | DrError


def look_at_standby(standby: StandbyDatabase) -> StandbySeen:
    """Raises Unreachable, Refused."""
    return StandbySeen(
        state=standby.state(), used=answer(standby.bytes_used), collations=answer(standby.collation_changes)
    )


def judge_standby(state: StandbyState, known: Known) -> Judged:
    """Further behind than the RPO is critical; with nothing to replay it is not behind."""
    recorded = known.lease.system_identifier if isinstance(known.lease, Lease) else ""
    if stranger := foreign(state.system_identifier, known.bundle, recorded):
        return Judged(
            CRITICAL,
            f"it {stranger}: a promotion refuses it",
            "find out which database this is; where production was rebuilt on purpose: `dr lease system`, and a new "
            "standby",
        )
    if not state.in_recovery:
        words = f"the DR database is a primary, timeline {state.timeline}"
        if known.dr_active:
            return Judged(OK, words)
        return Judged(CRITICAL, f"{words}, and the DR site does not hold the lease", "find out who promoted it")
    heartbeat = known.lease.heartbeat if isinstance(known.lease, Lease) else None
    behind = None if heartbeat is None else max(0, heartbeat.lsn - state.receive_lsn)
    distance = "unknown distance behind" if behind is None else f"{behind:,} bytes behind the last heartbeat"
    words = f"{'streaming' if state.streaming else 'not streaming'}, {distance}"
    rpo = known.bundle.plan.objectives.rpo
    late = heartbeat.at - state.last_replayed_at if heartbeat and behind and state.last_replayed_at else None
    if late and late > rpo:
        said = f"{words}, {read_duration(late)} late: a failover would lose more than the {read_duration(rpo)} allowed"
        return Judged(CRITICAL, said, "see the standby's log; past max_slot_wal_keep_size production drops its WAL")
    if state.replay_paused:
        return Judged(WARNING, f"{words}, replay is paused")
    return Judged(OK if state.streaming else WARNING, words)


def judge_disk(used: int | DrError, size: int) -> Judged:
    """From what PostgreSQL holds and how large its volume is: nobody has to look into the node for that."""
    if isinstance(used, DrError):
        return Judged(UNKNOWN, used.what, used.next_step)
    share = used / size
    words = f"PostgreSQL holds {format_size(used)} of a disk of {format_size(size)}, {share:.0%}"
    level = CRITICAL if share > _DISK_CRITICAL else WARNING if share > _DISK_WARNING else OK
    return Judged(level, words, "" if level == OK else "make it larger: docs/runbooks/larger-disk.md")


def judge_collation(changes: tuple[CollationChange, ...] | DrError) -> Judged:
    """Text that is sorted in another way than at the primary makes indexes miss rows."""
    if isinstance(changes, DrError):
        return Judged(UNKNOWN, changes.what, changes.next_step)
    if not changes:
        return Judged(OK, "text is sorted as at the primary")
    return Judged(WARNING, "; ".join(collation_words(each) for each in changes))
