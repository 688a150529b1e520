"""Promote Redis: what it has of production's changes is known and written down, then it follows nobody any more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Findings, Unknown
from recovery.failover.history import History
from recovery.failover.moves import Move
from recovery.failover.overrides import NO_REDIS
from recovery.failover.restoring import pinned_to
from recovery.failover.step import Step, Turn
from recovery.ports.redis import RedisState

PROMOTE, KEEP = "promote", "keep"
# It may be starting, or loading what it has: gigabytes take a minute.
PATIENT_SECONDS = 120.0
# Production's Redis that lives and still sends: past the gate somebody may write there for ever.
STEADY_SECONDS, LONGEST_UNSTEADY = 0.5, 5.0
_WITHOUT = f"or go on without it: --{NO_REDIS} (services find no Redis that takes writes until somebody gives them one)"


@dataclass(frozen=True, kw_only=True)
class RedisSeen:
    """What the DR site's Redis says; None where none waits here. `steady`: for how many seconds nothing new has come
    in."""

    state: RedisState | Unknown | None
    steady: float = 0.0


class PromoteRedis(Step[RedisSeen]):
    """After the fence: what a fenced production still takes is nobody's cart. Beside PostgreSQL's promotion, and before
    the gate opens. A primary counts only when the journal says that this run asked for it, or when this run goes back
    in time at a site that was active before: Redis then stays what it is."""

    name = "redis"
    title = "promote Redis"
    after = ("fence",)
    observes = RedisSeen
    verbs = {  # noqa: RUF012 - a constant of the class
        PROMOTE: "asking Redis to follow nobody any more",
        KEEP: "letting it stay so: its configuration is written, its append-only file begun",
    }

    def deadline(self, bundle: Bundle, history: History) -> float:
        return 300

    def decide(self, turn: Turn, seen: RedisSeen) -> Move:
        state = seen.state
        if state is None:
            return self.done(none=True, left="")
        if isinstance(state, Unknown):
            why = f"the DR site's Redis does not answer: {state.why}"
            return self._patient(turn, why, state.next_step or "see the log of Pod redis-replica-0")
        if state.loading:
            return self._patient(turn, "the DR site's Redis is loading its data", "see the log of Pod redis-replica-0")
        if not state.replica:
            return self._primary(turn, state)
        if wrong := _worthless(state):
            return self._without(turn, wrong, "see the log of Pod redis-replica-0 and `dr backups`")
        if state.synchronising:
            return self._patient(turn, "the DR site's Redis is being sent everything anew", "wait until it has it")
        if state.link_up and seen.steady < STEADY_SECONDS and turn.spent < LONGEST_UNSTEADY:
            return self.wait("production's Redis still sends changes", 0.1)
        if turn.issued_at(self.name, PROMOTE) is None:
            return self.act(
                PROMOTE,
                history=state.history,
                offset=state.offset,
                keys=state.keys,
                link_up=state.link_up,
                down_seconds=state.down_seconds,
            )
        return self.wait("it has not become a primary yet", 0.05)

    def _primary(self, turn: Turn, state: RedisState) -> Move:
        meant = turn.history.intents.get((self.name, PROMOTE))
        if meant is None and pinned_to(turn.history):
            return self.done(offset=state.offset, history=state.history, keys=state.keys, before=True, left="")
        if meant is None:
            return (
                self.stop(
                    "the DR site's Redis is a primary already, and the journal does not say that this run promoted it",
                    f"find out who promoted it and what it accepted since; {_WITHOUT}",
                )
                if NO_REDIS not in turn.history.begun.get("overrides", {})
                else self.done(left="it was a primary already, by nobody knows whose doing")
            )
        if turn.issued_at(self.name, KEEP) is None:
            return self.act(KEEP)
        facts = {name: meant.get(name) for name in ("history", "offset", "keys", "link_up", "down_seconds")}
        return self.done(**facts, left="")

    def _patient(self, turn: Turn, why: str, next_step: str) -> Move:
        if turn.spent < PATIENT_SECONDS and NO_REDIS not in turn.history.begun.get("overrides", {}):
            return self.wait(why, 0.2)
        return self._without(turn, why, next_step)

    def _without(self, turn: Turn, what: str, next_step: str) -> Move:
        if NO_REDIS in turn.history.begun.get("overrides", {}):
            return self.done(left=what)
        return self.stop(what, f"{next_step}, then run `dr promote --execute` again; {_WITHOUT}")

    def sentence(self, facts: Mapping[str, Any]) -> str:
        if facts.get("none"):
            return "no Redis waits at this site; services get the one that is restored by hand"
        if facts["left"]:
            return f"Redis is NOT promoted, and services have none that takes writes: {facts['left']}"
        if facts.get("before"):
            return "Redis was this site's already and stays as it is"
        link = "over a link that was up" if facts["link_up"] else f"whose link broke {facts['down_seconds']} s before"
        return f"Redis is a primary, with {facts['keys']:,} keys, from offset {facts['offset']} {link}"

    def obstacles(self, bundle: Bundle, facts: Facts, found: Findings) -> None:
        """One that does not answer, or has nothing to promote (fault 19)."""
        seen = facts.previews.get(self.name)
        what, step = "", ""
        if isinstance(seen, Unknown):
            what, step = f"the DR site's Redis cannot be asked: {seen.why}", seen.next_step or "see Pod redis-replica-0"
        elif isinstance(seen, RedisState) and seen.replica:
            what, step = _worthless(seen), "see the log of Pod redis-replica-0"
        if not what:
            return
        if NO_REDIS in found.overrides:
            found.warn(f"{what}; the promotion goes on without it")
        else:
            found.no(what, f"{step}; {_WITHOUT}", NO_REDIS)


def _worthless(state: RedisState) -> str:
    """Why there is nothing to promote; empty when there is."""
    if not state.offset:
        return "the DR site's Redis has never had production's data"
    return "" if state.keys else "the DR site's Redis is empty"


STEP = PromoteRedis()
