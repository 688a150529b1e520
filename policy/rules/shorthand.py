"""For the tables of rules: several properties in one line, and the comparisons that many of them share."""

from collections.abc import Callable

from policy.comparisons.basic import NEUTRAL, contains_all, fixed, must_be
from policy.rule import Kind, Rule, Subject
from policy.verdict import Verdict

ON = must_be(True, default=False)
OFF = must_be(False, default=False)
DESTROYS = fixed(Verdict.DESTRUCTIVE)
GROWS = contains_all(fewer=Verdict.STRONGER, more=Verdict.WEAKER)
"""A list of what is allowed: an element more weakens."""


def each(paths: str, kind: Kind, reason: str, when: Callable[[Subject], bool] | None = None) -> tuple[Rule, ...]:
    """A rule for every property in `paths`, which blanks separate."""
    return tuple(Rule(path, kind, reason, when) for path in paths.split())


def ignore(paths: str) -> tuple[Rule, ...]:
    """Names, descriptions, tags: properties by which nothing is protected."""
    return each(paths, NEUTRAL, "nothing is protected by it")
