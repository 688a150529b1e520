"""What the tables are written with: several properties in one line, comparisons that many rules share, and endings."""

from dataclasses import dataclass

from policy.comparisons.basic import NEUTRAL, contains_all, fixed, must_be
from policy.rule import Kind, Rule
from policy.verdict import Verdict

ON = must_be(True, default=False)
OFF = must_be(False, default=False)
DESTROYS = fixed(Verdict.DESTRUCTIVE)
GROWS = contains_all(fewer=Verdict.STRONGER, more=Verdict.WEAKER)
"""A list of what is allowed: an element more weakens."""
Answer = tuple[Verdict, str]


@dataclass(frozen=True)
class Life:
    """What it means that a resource goes, or is replaced by another: the first thing that a table says of a type."""

    delete: Answer = (Verdict.UNJUDGED, "no rule says what its end means")
    replace: Answer = (Verdict.UNJUDGED, "no rule says what its replacement means")


Known = tuple[Life | Rule, ...]
"""All that is known of a type. One without rules has no property that could weaken: any change is for a person."""


def each(paths: str, kind: Kind, reason: str) -> tuple[Rule, ...]:
    """A rule for every property in `paths`, which blanks separate."""
    return tuple(Rule(path, kind, reason) for path in paths.split())


def ignore(paths: str) -> tuple[Rule, ...]:
    """Names, descriptions, tags: properties by which nothing is protected."""
    return each(paths, NEUTRAL, "nothing is protected by it")


def holds(what: str) -> Life:
    """For what cannot be made again."""
    return Life(
        (Verdict.DESTRUCTIVE, f"it holds data: {what}"),
        (Verdict.DESTRUCTIVE, f"replaced by an empty one; it holds data: {what}"),
    )


def protects(what: str) -> Life:
    """Its replacement is judged by its properties, but for a moment there is none."""
    return Life((Verdict.WEAKER, what), (Verdict.WEAKER, f"for the time of the replacement: {what}"))


def replaceable(what: str) -> Life:
    """Replaced as part of its life: what differs is judged property by property."""
    return Life((Verdict.WEAKER, what), (Verdict.NEUTRAL, "what differs is judged by itself"))


def ends(what: str) -> Life:
    """Nothing is lost but what it did; somebody has to weigh a replacement."""
    return Life((Verdict.WEAKER, what), (Verdict.UNJUDGED, f"not there for a moment: {what}"))
