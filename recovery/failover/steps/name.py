"""Verify the public name through each resolver, with a cache and without: this is what customers meet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from recovery.failover.answers import wrong
from recovery.failover.bundle import Bundle
from recovery.failover.facts import Facts, Findings, Unknown
from recovery.failover.history import History
from recovery.failover.moves import Move
from recovery.failover.step import Step, Turn
from recovery.ports.edge import ServiceAnswer


@dataclass(frozen=True, kw_only=True)
class ResolversSeen:
    """What the public name answers through each resolver; `after`: seconds from the marker to the first right one."""

    answers: Mapping[str, ServiceAnswer | str]
    after: Mapping[str, float] = field(default_factory=dict[str, float])


class VerifyName(Step[ResolversSeen]):
    """Done when every resolver leads to the DR site in our epoch."""

    name = "name"
    title = "verify the public name, per resolver"
    after = ("traffic",)
    observes = ResolversSeen
    proof = True

    def deadline(self, bundle: Bundle, history: History) -> float:
        dns = bundle.plan.dns
        checks = dns.health_check.interval.total_seconds() * dns.health_check.failures
        return 120 + checks + dns.ttl.total_seconds()

    def decide(self, turn: Turn, seen: ResolversSeen) -> Move:
        epoch = turn.history.epoch
        stale = [word for name, answer in seen.answers.items() if (word := wrong(name, answer, epoch))]
        if stale or not seen.answers:
            return self.wait("; ".join(stale) or "no resolver was asked", 0.25)
        return self.done(resolvers=dict(seen.after))

    def sentence(self, facts: Mapping[str, Any]) -> str:
        times = cast("Mapping[str, float]", facts["resolvers"])
        each = ", ".join(f"{seconds:.1f} s at {name}" for name, seconds in times.items())
        return f"the public name leads to the DR site: {each} (counted from the marker)"

    def obstacles(self, bundle: Bundle, facts: Facts, found: Findings) -> None:
        """A resolver that cannot be asked could verify nothing."""
        for name, trouble in cast("Mapping[str, Unknown | None]", facts.previews.get(self.name) or {}).items():
            if trouble is not None:
                found.no(
                    f"resolver {name} cannot verify {bundle.plan.dns.name}: {trouble.why}",
                    trouble.next_step or "name a DNS server that answers with --resolver IP:PORT",
                )


STEP = VerifyName()
