"""Restore the standby out of the DR bucket, before anything else: a cold site has none, a damaged one must not be used.

Everything is decided by what the cluster and the server show, so whoever was killed anywhere goes on from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recovery.copies.server_order import WORDS, ServerOrder
from recovery.copies.standby_set import DiskClaim, StandbySetState
from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Findings, Unknown
from recovery.failover.history import History
from recovery.failover.moves import Move
from recovery.failover.restoring import Ordered, Restoring, astray
from recovery.failover.source import foreign
from recovery.failover.step import Step, Turn
from recovery.lease.lease import Lease, format_lsn
from recovery.ports.standby import StandbyState

WRITE, END, RELEASE, START = "write_order", "end_pod", "release_disk", "start_pod"
_LOOK_SECONDS = 0.5
GIVE_UP = "to give it up: dr promote --give-up"


@dataclass(frozen=True, kw_only=True)
class RestoreSeen:
    """The set, and what its server says; None while no server can be there. `recorded`: the system identifier that the
    lease has for production."""

    cluster: StandbySetState
    server: StandbyState | Unknown | None
    recorded: str = ""


class RestoreStandby(Step[RestoreSeen]):
    """Done when the server itself says that it is what was ordered. A disk is left, never emptied: its volume stays."""

    name = "restore"
    title = "restore the standby out of the bucket"
    observes = RestoreSeen
    verbs = {  # noqa: RUF012 - a constant of the class
        WRITE: "saying what the standby is to be restored to",
        END: "ending the Pod with the damaged data",
        RELEASE: "leaving the damaged data on their volume, which stays, and asking for a new disk",
        START: "starting the standby's Pod, which restores first",
    }

    def deadline(self, bundle: Bundle, history: History) -> float:
        found = Ordered.of(history)
        return 3600 + 4 * (found.seconds if found else 0.0)

    def decide(self, turn: Turn, seen: RestoreSeen) -> Move:
        found, cluster = Ordered.of(turn.history), seen.cluster
        if found is None:
            return self.stop("the journal does not say what is to be restored", "move it away and start a new run")
        order = found.order
        if cluster.order is None:
            if turn.issued_at(self.name, WRITE) is not None:
                return self.stop("somebody has taken the restore's order away", "ask them; then run this again")
            return self.act(WRITE, to=order.to or order.asked)
        if cluster.order != order:
            return self.stop(*another(cluster.order, order))
        old = left_behind(cluster.claim, order)
        if old:
            return self._leave(cluster, old)
        if cluster.wanted == 0:
            return self.act(START)
        pod = cluster.pod
        if pod and pod.failed:
            return self.stop(
                f"the standby failed while {WORDS[pod.stage]}:\n{pod.problem}",
                f"it is tried again by itself, and the same command follows it; {GIVE_UP}",
            )
        if seen.server is None or isinstance(seen.server, Unknown):
            return self._without_server(pod.words if pod else WORDS["waiting"], seen.server)
        return self._judge(turn, seen.server, seen.recorded, order)

    def _leave(self, cluster: StandbySetState, claim: DiskClaim) -> Move:
        """The Pod first: a claim that a Pod has would go only after it, and meanwhile it could still be written to."""
        if not claim.retained:
            return self.stop(*not_retained(claim))
        if cluster.wanted:
            return self.act(END)
        if cluster.pods:
            return self.wait("the Pod with the damaged data is on its way out", _LOOK_SECONDS)
        if claim.leaving:
            return self.wait(f"claim of volume {claim.volume} is on its way out", _LOOK_SECONDS)
        return self.act(RELEASE, volume=claim.volume)

    def _without_server(self, words: str, server: Unknown | None) -> Move:
        if server and server.answered:
            return self.stop(
                f"the restored server turns this login away: {server.why}",
                f"it has the logins and passwords of that moment: was this one different then? {server.next_step}",
            )
        return self.wait(words, _LOOK_SECONDS)

    def _judge(self, turn: Turn, server: StandbyState, recorded: str, order: ServerOrder) -> Move:
        if stranger := foreign(server.system_identifier, turn.bundle, recorded):
            return self.stop(f"the restored server {stranger}", "find out whose backups these are (`dr backups`)")
        if not server.in_recovery:
            return self.stop(
                "the restored server takes writes: somebody has promoted it",
                f"find out who did, and what it has accepted; {GIVE_UP}",
            )
        if order.to and (why := astray(server, order.to)):
            return self.stop(f"what answers at the standby's address {why}", f"it is not promoted; {GIVE_UP}")
        volume = turn.history.intents.get((self.name, RELEASE), {}).get("volume", "")
        return self.done(to=order.to, position=server.replay_lsn, left=volume)

    def sentence(self, facts: Mapping[str, Any]) -> str:
        point = f"pinned to {facts['to']}" if facts["to"] else f"at {format_lsn(int(facts['position']))}, and follows"
        left = f"; the damaged data stay on volume {facts['left']}" if facts["left"] else ""
        return f"the standby is restored, {point}{left}"

    def obstacles(self, bundle: Bundle, facts: Facts, found: Findings) -> None:
        """A point that cannot be reached or read, data that are not production's, a disk that would not be kept."""
        seen = facts.restoring
        if isinstance(seen, Unknown):
            found.no(f"the standby cannot be restored first: {seen.why}", seen.next_step or "see `dr backups`")
        elif seen is not None:
            _judge_restoring(bundle, facts, seen, found)


def _judge_restoring(bundle: Bundle, facts: Facts, seen: Restoring, found: Findings) -> None:
    order, cluster, planned = seen.ordered.order, seen.cluster, seen.planned
    recorded = facts.lease.system_identifier if isinstance(facts.lease, Lease) else ""
    if cluster.order and cluster.order != order:
        found.no(*another(cluster.order, order))
    if stranger := foreign(planned.system_identifier, bundle, recorded):
        found.no(f"the backups' database {stranger}: these are other data", "find out whose they are (`dr backups`)")
    if planned.archived:
        found.no(
            f"what is to be restored cannot be read yet: {planned.archived}",
            f"ask for it with `dr restore postgres --beside --to {order.to or order.asked} --retrieve`, and run this "
            "again when it is there",
        )
    for each in planned.passed_over:
        found.warn(each)
    old = left_behind(cluster.claim, order)
    if old and not old.retained:
        found.no(*not_retained(old))
    elif old:
        found.warn(f"the damaged data stay on volume {old.volume}; nothing is removed from it")
    if order.to and not seen.under_way:
        look = f"dr restore postgres --beside --to {order.asked}"
        found.warn(f"nobody has to believe that all was well at {order.asked}: look first, `{look} --execute`")


def left_behind(claim: DiskClaim | None, order: ServerOrder) -> DiskClaim | None:
    """The claim whose data the order replaces, while it is there."""
    return claim if claim and order.replaces and claim.uid == order.replaces else None


def another(there: ServerOrder, order: ServerOrder) -> tuple[str, str]:
    """What is said, and advised, when the cluster has another order than this run's."""
    again = f"dr promote --after corruption --to {there.asked}" if there.to else "dr promote"
    return (
        f"the standby is being restored to {there.asked} already, which was asked for at {there.at:%Y-%m-%d %H:%M:%S} "
        f"UTC; this run wants {order.asked}",
        f"go on with that one: {again}; {GIVE_UP}",
    )


def not_retained(claim: DiskClaim) -> tuple[str, str]:
    """What is said, and advised, where the damaged data would not be kept."""
    return (
        f"the damaged data would be lost: volume {claim.volume} is deleted with its claim",
        f"keep it: kubectl patch persistentvolume {claim.volume} "
        """--patch '{"spec": {"persistentVolumeReclaimPolicy": "Retain"}}'""",
    )


STEP = RestoreStandby()
