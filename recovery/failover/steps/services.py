"""Verify the services on the DR edge, before any customer is sent there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from recovery.failover.answers import wrong
from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Findings, Unknown
from recovery.failover.history import History
from recovery.failover.moves import Move
from recovery.failover.step import Step, Turn
from recovery.ports.cluster import DeploymentState
from recovery.ports.edge import ServiceAnswer

_PATIENT_AFTER_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class AnswersSeen:
    """What the DR edge answers for each service, or why it does not; and the cluster's view of their Pods."""

    answers: Mapping[str, ServiceAnswer | str]
    deployments: Mapping[str, DeploymentState]


class VerifyServices(Step[AnswersSeen]):
    """All of them answer as the DR site in our epoch, each with as many Pods as the plan moves traffic at. More were
    asked for: the cluster goes on scaling, whether or not this process lives."""

    name = "services"
    title = "verify the services on the DR edge"
    after = ("write", "redis_write", "scale")
    observes = AnswersSeen
    proof = True

    def deadline(self, bundle: Bundle, history: History) -> float:
        return 300

    def decide(self, turn: Turn, seen: AnswersSeen) -> Move:
        services, epoch = turn.bundle.plan.services, turn.history.epoch
        missing = [
            *(word for name in services if (word := wrong(name, seen.answers.get(name), epoch))),
            *(word for name, s in services.items() if (word := _short(seen.deployments.get(name), s.least))),
        ]
        if missing:
            return self.wait("; ".join(missing), 0.5 if turn.spent > _PATIENT_AFTER_SECONDS else 0.05)
        sizes = {name: (seen.deployments[name].ready, s.full) for name, s in services.items()}
        scaling = {name: f"{ready} of {full}" for name, (ready, full) in sizes.items() if ready < full}
        return self.done(verified=list(services), still_scaling=scaling)

    def sentence(self, facts: Mapping[str, Any]) -> str:
        names = [str(name) for name in facts["verified"]]
        answer = f"all {len(names)} services answer on the DR edge"
        scaling = ", ".join(f"{name} {size}" for name, size in dict(facts.get("still_scaling") or {}).items())
        if scaling:
            return f"{answer}, ready at the plan's least or above; still scaling: {scaling}"
        return f"{answer}, ready at full size: {', '.join(names)}"

    def obstacles(self, bundle: Bundle, facts: Facts, found: Findings) -> None:
        """An edge that is not there, is not customers' or is not the DR site's. That the site behind it is closed, and
        so answers 503, is as it should be."""
        if isinstance(facts.dr_edge, Unknown):
            _no_edge(facts.dr_edge, found)
            return
        answers = facts.previews.get(self.name)
        if not isinstance(answers, Mapping):
            return
        known = cast("Mapping[str, ServiceAnswer | str]", answers)
        silent = [answer for answer in known.values() if isinstance(answer, str)]
        if known and len(silent) == len(known):
            _no_edge(Unknown(silent[0]), found)
            return
        for name, answer in known.items():
            if isinstance(answer, str):
                found.warn(f"the DR edge does not answer for {name}: {answer}")
            elif answer.site == "prod":
                found.no(
                    f"the DR edge's address leads to production: {name} answers there as site prod",
                    "correct `edge` of the dr stack and run `pulumi up`",
                )
            elif answer.status == 404:
                found.no(
                    f"the DR edge has no way to {name}: HTTP 404",
                    f"give the DR edge a rule for /v2/{name} as production's has",
                )
            elif answer.instead and answer.status < 500:
                found.no(
                    f"{name} at the DR edge does not answer as the services' contract says: {answer.instead}",
                    "see `dr check service` with --edge and --site dr: no customer is sent to what cannot be verified",
                )


def _no_edge(edge: Unknown, found: Findings) -> None:
    if edge.answered:
        found.no(f"the DR edge would let no customer in: {edge.why}", edge.next_step)
        return
    found.no(
        f"the DR edge does not answer: {edge.why}",
        "see `dr check edge`: bring up the dr stack's load balancer, give its name to foundation (drLoadBalancer), or "
        "correct `edge` of the dr stack: without it no customer reaches the DR site",
    )


def _short(state: DeploymentState | None, least: int) -> str:
    if state is None or state.ready >= least:
        return "" if state else "the cluster did not answer"
    problems = f" ({'; '.join(state.problems)})" if state.problems else ""
    return f"{state.name}: {state.ready} ready, traffic moves at {least}{problems}"


STEP = VerifyServices()
