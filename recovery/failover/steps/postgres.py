"""Promote PostgreSQL: all received WAL is replayed, then the standby becomes a primary on a new timeline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Findings, Unknown
from recovery.failover.history import History
from recovery.failover.moves import Move
from recovery.failover.restoring import astray, pinned_to
from recovery.failover.source import foreign
from recovery.failover.step import Step, Turn
from recovery.lease.lease import format_lsn
from recovery.ports.standby import PromoterRights, StandbyState

PROMOTE, RESUME = "promote", "resume_replay"


@dataclass(frozen=True, kw_only=True)
class StandbySeen:
    """What the DR site's PostgreSQL says of itself."""

    state: StandbyState


class PromotePostgres(Step[StandbySeen]):
    """A database that is a primary already counts only when the journal says that this run asked for it."""

    name = "postgres"
    title = "promote PostgreSQL"
    after = ("drain",)
    observes = StandbySeen
    verbs = {  # noqa: RUF012 - a constant of the class
        RESUME: "resuming the replay that somebody paused",
        PROMOTE: "asking PostgreSQL for its promotion",
    }

    def deadline(self, bundle: Bundle, history: History) -> float:
        return 300

    def decide(self, turn: Turn, seen: StandbySeen) -> Move:
        state, recorded = seen.state, str(turn.history.done.get("lease", {}).get("system_identifier", ""))
        if stranger := foreign(state.system_identifier, turn.bundle, recorded):
            return self.stop(
                f"this database {stranger}",
                "find out which database answers at the standby's address; it will not be promoted",
            )
        if not state.in_recovery:
            if (self.name, PROMOTE) in turn.history.intents:
                return self.done(timeline=state.timeline, lsn=state.replay_lsn)
            return self.stop(
                "the DR database is a primary already, and the journal does not say that this run promoted it",
                "find out who promoted it and what it accepted since",
            )
        if (to := pinned_to(turn.history)) and (why := astray(state, to)):
            return self.stop(
                f"the database {why}: it is not what this run restored",
                "find out what answers at the standby's address; it will not be promoted",
            )
        if state.replay_paused and turn.issued_at(self.name, RESUME) is None:
            return self.act(RESUME)
        if turn.issued_at(self.name, PROMOTE) is None:
            return self.act(PROMOTE, lsn=state.receive_lsn)
        left = max(0, state.receive_lsn - state.replay_lsn)
        return self.wait(f"{left} bytes of WAL to replay", 0.002)

    def sentence(self, facts: Mapping[str, Any]) -> str:
        position = format_lsn(int(facts["lsn"]))
        return f"PostgreSQL is a primary, on timeline {facts['timeline']} from position {position}"

    def obstacles(self, bundle: Bundle, facts: Facts, found: Findings) -> None:
        """A login that may not promote."""
        rights = facts.rights
        if isinstance(rights, Unknown):
            if not isinstance(facts.standby, Unknown):  # said once: it did not answer at all
                found.warn(f"whether this login may promote is not known: {rights.why}")
        elif rights is not None:
            _may_promote(rights, facts, found)


def _may_promote(rights: PromoterRights, facts: Facts, found: Findings) -> None:
    paused = isinstance(facts.standby, StandbyState) and facts.standby.replay_paused
    wanted = {"pg_promote(boolean, integer)": rights.promote}
    if paused:
        wanted["pg_wal_replay_resume()"] = rights.resume_replay
    denied = [function for function, granted in wanted.items() if not granted]
    if denied:
        found.no(
            f"the database login {rights.login} may not execute {' and '.join(denied)} on the standby",
            f"log in as dr_promoter (PGUSER), or as a superuser: GRANT EXECUTE ON FUNCTION {', '.join(denied)} TO "
            f"{rights.login} (on the primary; the standby follows)",
        )


STEP = PromotePostgres()
