"""Scale the services to full size, beside the fence wait and behind no traffic."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Findings, Unknown
from recovery.failover.history import History
from recovery.failover.moves import Move
from recovery.failover.step import Step, Turn
from recovery.ports.cluster import DeploymentState

SCALE = "scale"
_IMAGE_TROUBLE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")


@dataclass(frozen=True, kw_only=True)
class ServicesSeen:
    """Every Deployment of the namespace."""

    deployments: Mapping[str, DeploymentState]


class ScaleServices(Step[ServicesSeen]):
    """Done when the Deployments want full size; whether their Pods are ready is another step's question."""

    name = "scale"
    title = "scale the services to full size"
    after = ("lease",)
    observes = ServicesSeen
    verbs = {SCALE: "scaling the services"}  # noqa: RUF012 - a constant of the class
    patient = True  # the databases need no services; verifying the services waits for this
    undone = "services are below their full size again"

    def deadline(self, bundle: Bundle, history: History) -> float:
        return 300

    def decide(self, turn: Turn, seen: ServicesSeen) -> Move:
        services = turn.bundle.plan.services
        absent = missing(turn.bundle, seen.deployments)
        if absent:
            return self.wait(f"no Deployment named {', '.join(absent)}", 0.5)
        short = {name: s.full for name, s in services.items() if seen.deployments[name].wanted < s.full}
        if short:
            return self.act(SCALE, replicas=short)
        return self.done(**{name: seen.deployments[name].wanted for name in services})

    def sentence(self, facts: Mapping[str, Any]) -> str:
        sizes = ", ".join(f"{name} {count}" for name, count in facts.items() if name != "seconds")
        return f"the services are asked for at full size: {sizes}"

    def obstacles(self, bundle: Bundle, facts: Facts, found: Findings) -> None:
        """Deployments that are not there, rights that are not ours, images that cannot be pulled."""
        if isinstance(facts.deployments, Unknown):
            if not isinstance(facts.annotations, Unknown):  # said once: the cluster as a whole did not answer
                found.no(
                    f"the services' Deployments cannot be read: {facts.deployments.why}",
                    facts.deployments.next_step or "check your access to Deployments in the DR namespace",
                )
            return
        absent = missing(bundle, facts.deployments)
        if absent:
            found.no(
                f"the plan names services that the DR cluster does not have: no Deployment {', '.join(absent)}",
                "run `pulumi up` on the dr stack so that cluster and bundle are of one plan, or name the bundle that "
                "belongs to this cluster with --bundle",
            )
        allowed = facts.previews.get(self.name)
        if allowed is False:
            found.no(
                f"this kubeconfig's user may not scale Deployments in namespace {bundle.namespace}",
                "use the promoter's access: enter as its role, or run this in the operator workspace",
            )
        elif isinstance(allowed, Unknown):
            found.warn(f"whether this kubeconfig's user may scale is not known: {allowed.why}")
        for name in bundle.plan.services:
            state = facts.deployments.get(name)
            if state and state.ready < state.wanted:
                _not_ready(state, found)


def missing(bundle: Bundle, deployments: Mapping[str, DeploymentState]) -> list[str]:
    """Services of the plan without a Deployment."""
    return [name for name in bundle.plan.services if name not in deployments]


def _not_ready(state: DeploymentState, found: Findings) -> None:
    why = "; ".join(state.problems) or "its Pods do not say why"
    what = f"{state.name} has {state.ready} of {state.wanted} Pods ready: {why}"
    if state.ready == 0 and any(problem.startswith(_IMAGE_TROUBLE) for problem in state.problems):
        found.no(what, "make the image pullable in the DR region; until then no traffic could be moved there")
    else:  # a service may need the promoted database to become ready
        found.warn(f"{what}; traffic moves only when every service has its least")


STEP = ScaleServices()
