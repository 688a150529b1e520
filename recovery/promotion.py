"""The promotion as a pure state machine: (plan, journal, what is seen, clock) → the next moves. It performs nothing.

A step is done when the world says so, not when its effect was sent: every turn looks first, and an effect is asked for
only while it is not seen. So the same rules start a promotion, resume one, and find nothing to do in a finished one.
"""

from collections.abc import Callable, Collection

from recovery.bundle import Bundle
from recovery.lease import Lease
from recovery.moves import STEPS, Act, Done, History, Move, Seen, Step, Stop, Wait
from recovery.ports import DeploymentState, ServiceAnswer


def open_steps(history: History) -> tuple[Step, ...]:
    """Steps whose time has come."""
    done = history.done
    return tuple(step for step in STEPS if step.name not in done and all(name in done for name in step.after))


def decide(bundle: Bundle, history: History, seen: Seen, steps: Collection[Step] | None = None) -> tuple[Move, ...]:
    """One move for each of `steps` (default: every open one). What did not answer is asked again, less and less often,
    until the step's deadline."""
    return tuple(_decide(step, bundle, history, seen) for step in (open_steps(history) if steps is None else steps))


def _decide(step: Step, bundle: Bundle, history: History, seen: Seen) -> Move:
    late = seen.clock - seen.started.get(step.name, seen.clock) > deadline(step, bundle, history)
    trouble = seen.troubles.get(step.name)
    if trouble:
        move: Move = Wait(step=step.name, why=trouble, seconds=backoff(step, seen))
    else:
        move = _RULES[step.name](bundle, history, seen)
    if late and not isinstance(move, Done | Stop):
        why = move.why if isinstance(move, Wait) else seen.errors.get(step.name, f"{move.verb} shows no effect")
        return Stop(
            step=step.name,
            what=f"gave up waiting to {step.title}: {why}",
            next_step="remove the cause, then run `dr promote --execute` again: it resumes here",
        )
    return move


def deadline(step: Step, bundle: Bundle, history: History) -> float:
    """Seconds a process spends on a step before it gives up."""
    if step.name == "fence":
        return fence_seconds(bundle, history) + 60
    if step.name == "name":
        dns = bundle.plan.dns
        return (
            step.deadline
            + dns.health_check.interval.total_seconds() * dns.health_check.failures
            + (dns.ttl.total_seconds())
        )
    return step.deadline


def backoff(step: Step, seen: Seen) -> float:
    """Seconds to the next attempt: quick where customers wait for the answer, slower each time."""
    longest = 0.05 if step.name == "write" else 2.0
    return min(longest, 0.02 * 2 ** min(seen.failures.get(step.name, 1), 10))


def fence_seconds(bundle: Bundle, history: History) -> float:
    """How long the old holder may still write: its own terms, or the plan's when no journal kept them."""
    kept = history.done.get("lease", {}).get("fence_seconds")
    terms = bundle.plan.lease
    return float(kept) if kept is not None else (terms.duration + terms.margin).total_seconds()


def _lease(bundle: Bundle, history: History, seen: Seen) -> Move:
    lease = seen.lease
    if lease is None:
        return Stop(
            step="lease",
            what="the site lease is not initialised",
            next_step="run `dr lease init --site prod` while production works",
            refused=True,
        )
    intent = history.intents.get("take", {})
    if lease.site == "dr" and lease.holder_run == history.run:
        # Also the answer to a lost answer: a strongly consistent read that shows our run.
        planned = (bundle.plan.lease.duration + bundle.plan.lease.margin).total_seconds()
        wait = float(intent.get("fence_seconds", max(lease.fence_seconds, planned)))
        return Done(
            step="lease",
            facts={"epoch_before": lease.epoch - 1, "epoch_after": lease.epoch, "fence_seconds": wait},
        )
    if lease.site == "dr":
        return Stop(
            step="lease",
            what=f"run {lease.holder_run} took the lease to the DR site in epoch {lease.epoch}",
            next_step="see `dr status`; only that run may go on",
            refused=True,
        )
    renewed = lease.renewals > int(history.begun.get("renewals", lease.renewals))
    moved = lease.epoch != int(history.begun.get("epoch", lease.epoch))
    lost = "production-is-lost" in history.begun.get("overrides", {})
    if moved or (renewed and not lost):
        return Stop(
            step="lease",
            what="production came back: its guard renewed the lease after the preflight"
            if renewed
            else "the lease moved",
            next_step="nothing was changed; look at production before trying again",
            refused=True,
        )
    return Act(step="lease", verb="take", facts={"epoch_before": lease.epoch, "fence_seconds": lease.fence_seconds})


def _scale(bundle: Bundle, history: History, seen: Seen) -> Move:
    absent = [name for name in bundle.plan.services if name not in seen.deployments]
    if absent:
        return Wait(step="scale", why=f"no Deployment named {', '.join(absent)}", seconds=0.5)
    short = {
        name: service.full
        for name, service in bundle.plan.services.items()
        if seen.deployments[name].wanted < service.full
    }
    if short:
        return Act(step="scale", verb="scale", facts={"replicas": short})
    return Done(step="scale", facts={name: seen.deployments[name].wanted for name in bundle.plan.services})


def _fence(bundle: Bundle, history: History, seen: Seen) -> Move:
    lease = seen.lease
    if lease is None or lease.site != "dr" or lease.holder_run != history.run or lease.epoch != history.epoch:
        return _not_ours("fence", lease)
    since = seen.clock if seen.ours_since is None else seen.ours_since
    waited, whole = seen.clock - since, fence_seconds(bundle, history)
    recorded = lease.fenced_by(history.epoch)
    if not recorded and waited < whole:
        # A refused connection or a dead host would prove nothing: only its own record or the time does.
        return Wait(step="fence", why=f"{waited:.0f} s of {whole:.0f} s", seconds=min(0.25, whole - waited))
    if seen.old_site == "accepted":
        return Stop(
            step="fence",
            what="the old site acknowledged a write after it should have been fenced: two sites would write",
            next_step="stop production's database or its gate (is its guard in mode `enforce`?), then run this again",
        )
    if not seen.old_site:
        return Act(step="fence", verb="ask the old site")
    ended = "the old guard's record" if recorded else "the clock"
    return Done(step="fence", facts={"waited_seconds": round(waited, 3), "ended_by": ended, "old_site": seen.old_site})


def _postgres(bundle: Bundle, history: History, seen: Seen) -> Move:
    state = seen.standby
    if state is None:
        return Wait(step="postgres", why="no answer yet", seconds=0.05)
    if bundle.system_identifier and state.system_identifier != bundle.system_identifier:
        return Stop(
            step="postgres",
            what=f"this database has system identifier {state.system_identifier}, production's is "
            f"{bundle.system_identifier}",
            next_step="find out which database answers at the standby's address; it will not be promoted",
        )
    if not state.in_recovery:
        if "promote" in history.intents:
            return Done(step="postgres", facts={"timeline": state.timeline, "lsn": state.replay_lsn})
        return Stop(
            step="postgres",
            what="the DR database is a primary already, and the journal does not say that this run promoted it",
            next_step="find out who promoted it and what it accepted since",
        )
    if state.replay_paused and "resume_replay" not in seen.issued:
        return Act(step="postgres", verb="resume_replay")
    if "promote" not in seen.issued:
        return Act(step="postgres", verb="promote", facts={"lsn": state.receive_lsn})
    left = max(0, state.receive_lsn - state.replay_lsn)
    return Wait(step="postgres", why=f"{left} bytes of WAL to replay", seconds=0.002)


def _hold(bundle: Bundle, history: History, seen: Seen) -> Move:
    lease = seen.lease
    if lease is None or lease.site != "dr" or lease.epoch != history.epoch or lease.holder_run != history.run:
        return _not_ours("hold", lease)
    if lease.state == "held":
        return Done(step="hold", facts={"epoch": lease.epoch})
    return Act(step="hold", verb="hold")


def _write(bundle: Bundle, history: History, seen: Seen) -> Move:
    if seen.announced:
        return Done(step="write", facts={"epoch": history.epoch})
    return Act(step="write", verb="announce")


def _services(bundle: Bundle, history: History, seen: Seen) -> Move:
    missing = [
        *(word for name in bundle.plan.services if (word := wrong(name, seen.services.get(name), history.epoch))),
        *(word for name, s in bundle.plan.services.items() if (word := _short(seen.deployments.get(name), s.full))),
    ]
    if missing:
        patient = seen.clock - seen.started.get("services", seen.clock) > 10
        return Wait(step="services", why="; ".join(missing), seconds=0.5 if patient else 0.05)
    return Done(step="services", facts={"verified": list(bundle.plan.services)})


def _traffic(bundle: Bundle, history: History, seen: Seen) -> Move:
    if seen.marker:
        return Done(step="traffic")
    if "put_marker" in seen.issued:
        return Wait(step="traffic", why="the marker was written and is not there", seconds=0.2)
    return Act(step="traffic", verb="put_marker")


def _name(bundle: Bundle, history: History, seen: Seen) -> Move:
    stale = [word for name, answer in seen.resolvers.items() if (word := wrong(name, answer, history.epoch))]
    if stale or not seen.resolvers:
        return Wait(step="name", why="; ".join(stale) or "no resolver was asked", seconds=0.25)
    return Done(step="name", facts={"resolvers": dict(seen.resolved_after)})


def wrong(name: str, answer: ServiceAnswer | str | None, epoch: int) -> str:
    """What is wrong with an answer that should come from the DR site in `epoch`; empty when nothing is.

    A 200 is not enough: it may come from the wrong site, or from a database that is not ours.
    """
    if answer is None or isinstance(answer, str):
        return f"{name}: {answer or 'not asked yet'}"
    if answer.status != 200:
        return f"{name}: HTTP {answer.status}"
    if answer.site != "dr":
        return f"{name}: answered by site {answer.site}"
    if answer.epoch != epoch:
        return f"{name}: epoch {answer.epoch}, wanted {epoch}"
    return ""


def _short(state: DeploymentState | None, full: int) -> str:
    if state is None or state.ready >= full:
        return "" if state else "the cluster did not answer"
    problems = f" ({'; '.join(state.problems)})" if state.problems else ""
    return f"{state.name}: {state.ready} of {full} ready{problems}"


def _not_ours(step: str, lease: Lease | None) -> Stop:
    holder = f"run {lease.holder_run} at site {lease.site}, epoch {lease.epoch}" if lease else "nobody: it is gone"
    return Stop(
        step=step,
        what=f"the lease is no longer this run's; it is held by {holder}",
        next_step="see `dr status` and find out who moved it; nothing more is done here",
    )


_RULES: dict[str, Callable[[Bundle, History, Seen], Move]] = {
    "lease": _lease,
    "scale": _scale,
    "fence": _fence,
    "postgres": _postgres,
    "hold": _hold,
    "write": _write,
    "services": _services,
    "traffic": _traffic,
    "name": _name,
}
