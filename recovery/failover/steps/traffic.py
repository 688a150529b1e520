"""Move the public name: put the marker that trips the inverted health check. S3's data plane, no Route 53 call."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Findings, Unknown
from recovery.failover.history import History
from recovery.failover.moves import Move
from recovery.failover.step import Step, Turn
from recovery.names import Names

PUT = "put_marker"


@dataclass(frozen=True, kw_only=True)
class MarkerSeen:
    """Whether the marker is there."""

    present: bool


class MoveTraffic(Step[MarkerSeen]):
    """The marker alone decides where the public name leads."""

    name = "traffic"
    title = "move the public name"
    after = ("services",)
    observes = MarkerSeen
    verbs = {PUT: "putting the marker that moves the public name"}  # noqa: RUF012 - a constant of the class
    undone = "the marker is gone: the lease says the DR site, but the public name leads to production, which is fenced"

    def deadline(self, bundle: Bundle, history: History) -> float:
        return 60

    def decide(self, turn: Turn, seen: MarkerSeen) -> Move:
        if seen.present:
            return self.done()
        if turn.issued_at(self.name, PUT) is not None:
            return self.wait("the marker was written and is not there", 0.2)
        return self.act(PUT)

    def sentence(self, facts: Mapping[str, Any]) -> str:
        return "the marker is in place: health checks now turn the public name to the DR site"

    def obstacles(self, bundle: Bundle, facts: Facts, found: Findings) -> None:
        """A bucket that does not answer, and credentials that the bucket's policy turns away."""
        if isinstance(facts.marker, Unknown):
            found.no(
                f"the marker bucket does not answer: {facts.marker.why}",
                "check that the foundation stack made it and that you may write there; without it the name cannot move",
            )
        role = role_of(facts.caller)
        wanted = Names(bundle.plan, bundle.account).role_name("promoter")
        if role and role != wanted:
            found.no(
                f"these credentials are of {role}; the marker bucket lets only the role {wanted} put the marker",
                f"assume {wanted} (with MFA), or run this in the operator workspace, which has it",
            )


def role_of(arn: str) -> str:
    """The role or user of a caller's ARN; empty when it does not say.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    _, _, service, _, _, resource = [*arn.split(":", 5), *[""] * 6][:6]
    kind, _, name = resource.partition("/")
    if service == "sts" and kind == "assumed-role":
        return name.partition("/")[0]
    if service == "iam":
        return f"user {name.rpartition('/')[2]}" if kind == "user" else kind
    return ""


STEP = MoveTraffic()
