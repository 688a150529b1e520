"""A rule: which property of which type, how two values of it are compared, and why that matters."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache

from policy.values import Path, Value, words
from policy.verdict import Judgement, Verdict

_PART = re.compile(r'\["((?:[^"])*)"\]|(\[[^\]]*\])|([^.\[]+)')


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The resource a change belongs to, and what else the preview creates: comparisons may look at both."""

    inputs: Mapping[str, Value] = field(default_factory=dict[str, Value])
    old_inputs: Mapping[str, Value] = field(default_factory=dict[str, Value])
    written: frozenset[tuple[str, str, str]] = frozenset()
    """(type, name before, name after), in the world, of all that this preview shows before and after, and judges."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """Two values of one property. MISSING is one that is not there."""

    path: Path
    old: Value
    new: Value
    subject: Subject = Subject()

    def said(self, verdict: Verdict, reason: str) -> list[Judgement]:
        """One judgement of the whole change."""
        return [Judgement(verdict, reason, old=words(self.old), new=words(self.new))]


Compare = Callable[[Change, str], Sequence[Judgement] | None]
Born = Callable[[Value], Verdict | None]


@dataclass(frozen=True)
class Rule:
    """`path` in Pulumi's own notation, with `[*]` for any element or key and `**` for any path.

    `kind` compares, `reason` says why a weakening here matters. `when` limits the rule to some resources; rules of one
    path that differ in it alone share an id. `id` is given by `policy.rules.ids`, so a table need not say it.
    """

    path: str
    kind: "Kind"
    reason: str
    when: Callable[[Subject], bool] | None = None
    id: str = ""

    def fits(self, path: Path, subject: Subject) -> bool:
        """Whether it is about this property of this resource."""
        return _fits(pattern(self.path), path) and (self.when is None or self.when(subject))

    def below(self, path: str) -> "Rule":
        """The same, for what lies below `path`."""
        return replace(self, path=f"{path}.{self.path}")

    def id_of(self, path: Path) -> str:
        """The id for what is said at `path` below the property: the rule's own, or its aspect's."""
        aspect = path[-1] if path else ""
        return f"{self.id.partition('.')[0]}.{aspect}" if aspect in self.kind.aspects else self.id


@dataclass(frozen=True)
class Kind:
    """A way to compare. `blind` kinds need not see the values: they judge a secret or a not yet known one as well.

    `born` judges a value that had none before, MISSING too; None is nothing to say. Without it the kind only compares.
    `aspects` are what it judges one by one; each has an id of its own.
    """

    name: str
    compare: Compare
    blind: bool = False
    born: Born | None = None
    aspects: tuple[str, ...] = ()


def kind(*, blind: bool = False, born: Born | None = None, aspects: tuple[str, ...] = ()) -> Callable[[Compare], Kind]:
    """Makes a `Kind` of a function that compares, with its name."""
    return lambda compare: Kind(compare.__name__, compare, blind, born, aspects)


def first(rules: Iterable[Rule], path: Path, subject: Subject) -> Rule | None:
    """The rule that is asked about a property: the first that fits."""
    return next((rule for rule in rules if rule.fits(path, subject)), None)


@cache
def pattern(text: str) -> Path:
    """`rules[*].filter` → ("rules", "[*]", "filter")."""
    return tuple(quoted or bracket or key for quoted, bracket, key in _PART.findall(text))


@lru_cache(maxsize=1 << 16)
def _fits(wanted: Path, path: Path) -> bool:
    if not wanted:
        return not path
    if wanted[0] == "**":
        return any(_fits(wanted[1:], path[skip:]) for skip in range(len(path) + 1))
    if not path or (wanted[0] not in ("[*]", path[0])):
        return False
    return _fits(wanted[1:], path[1:])
