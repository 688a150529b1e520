"""What the review says about one change."""

from dataclasses import dataclass, replace
from enum import StrEnum

from policy.values import Path


class Verdict(StrEnum):
    """In the order in which a reviewer wants to read them."""

    DESTRUCTIVE = "destructive"
    WEAKER = "weaker"
    UNJUDGED = "cannot judge"
    STRONGER = "stronger"
    NEUTRAL = "neutral"

    @property
    def objection(self) -> bool:
        """Whether a person must agree, by name, before this is applied."""
        return self in (Verdict.DESTRUCTIVE, Verdict.WEAKER, Verdict.UNJUDGED)


ADVICE = {
    Verdict.DESTRUCTIVE: "do not apply; keep the resource, or move what it holds first",
    Verdict.WEAKER: "take it back, or name who answers in waivers.yaml",
    Verdict.UNJUDGED: "look at it; if it is right, say so in waivers.yaml",
}


@dataclass(frozen=True)
class Judgement:
    """One property's change, sorted. `path` is relative to what was judged; old and new are words for people; `rule`
    is the id of the rule that said so, empty when none did."""

    verdict: Verdict
    reason: str
    old: str = "-"
    new: str = "-"
    path: Path = ()
    advice: str = ""
    rule: str = ""

    def below(self, path: Path) -> "Judgement":
        """The same, seen from further up."""
        return replace(self, path=(*path, *self.path))

    def by(self, rule: str) -> "Judgement":
        """The same, said by `rule`, unless another one said it first."""
        return self if self.rule else replace(self, rule=rule)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the review: a resource, a property of it, the verdict, and the id of the rule it comes from. `waiver`
    says who answers for it."""

    stack: str
    urn: str
    type: str
    name: str
    op: str
    property: str
    old: str
    new: str
    verdict: Verdict
    reason: str
    advice: str
    rule: str = ""
    waiver: str = ""


def objects(finding: Finding) -> bool:
    """Whether it stands in the way: an objection that nobody answers for."""
    return finding.verdict.objection and not finding.waiver
