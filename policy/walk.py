"""Walks two property trees and asks the rules about every difference. What no rule knows cannot be judged."""

from collections.abc import Iterator, Mapping, Sequence

from policy.rule import Change, Rule, Subject
from policy.values import MISSING, SECRET, UNKNOWN, Absent, Path, Value, contains, words
from policy.verdict import Judgement, Verdict

NO_RULE = "no rule knows this property, so nobody can say from here whether it protects"
# What names an element of a list, tried in this order.
_NAMES = ("id", "name", "key", "sid", "regionName", "region", "mountPath", "storageClass", "containerPort", "cidrBlock")


def walk(
    old: Value, new: Value, rules: Sequence[Rule], subject: Subject | None = None, path: Path = ()
) -> Iterator[Judgement]:
    """Every difference between `old` and `new`, judged; paths start at `path`."""
    if _same(old, new):
        return
    found = judge(Change(path=path, old=old, new=new, subject=subject or Subject()), rules)
    if found is not None:
        for judgement in found:
            yield judgement.below(path)
        return
    below = list(_below(old, new))
    if not below:
        yield unjudged(path, old, new, NO_RULE)
    for part, before, after in below:
        yield from walk(before, after, rules, subject, (*path, part))


def judge(change: Change, rules: Sequence[Rule]) -> Sequence[Judgement] | None:
    """What the first rule that fits says; None when none does or it asks to look deeper. Paths are relative."""
    for rule in rules:
        if rule.fits(change.path, change.subject):
            break
    else:
        return None
    if not rule.kind.blind:
        if contains(change.old, UNKNOWN) and not (isinstance(change.old, Mapping) and _deeper(rule, change)):
            return [unjudged((), UNKNOWN, change.new, f"{rule.reason}; its old value cannot be read")]
        if contains(change.new, UNKNOWN) and not (isinstance(change.new, Mapping) and _deeper(rule, change)):
            return [unjudged((), change.old, UNKNOWN, f"{rule.reason}; its new value is known only after apply")]
        for value in (change.old, change.new):
            if value is SECRET:
                return [unjudged((), change.old, change.new, f"{rule.reason}; the value is a secret and not shown")]
    return rule.kind.compare(change, rule.reason)


def unjudged(path: Path, old: Value, new: Value, reason: str) -> Judgement:
    """The answer that is never passed in silence."""
    return Judgement(verdict=Verdict.UNJUDGED, reason=reason, old=words(old), new=words(new), path=path)


def _deeper(rule: Rule, change: Change) -> bool:
    """Whether the rule only looks at presence here, so that an unknown further down is that one's matter."""
    return rule.kind.compare(change, rule.reason) is None


def _same(old: Value, new: Value) -> bool:
    if isinstance(old, Absent) or isinstance(new, Absent):
        return old is new and old is not UNKNOWN
    # What is not known may differ, however deep it lies.
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool) and not contains(old, UNKNOWN)


def _below(old: Value, new: Value) -> Iterator[tuple[str, Value, Value]]:
    """The parts of both, side by side: keys of mappings, elements of lists by name or else by place."""
    values = [value for value in (old, new) if value is not MISSING]
    if all(isinstance(value, Mapping) for value in values):
        before, after = _keys(old), _keys(new)
    elif all(isinstance(value, list) for value in values):
        before, after = _elements(old, new)
    else:
        return
    for part in [*before, *(key for key in after if key not in before)]:
        yield part, before.get(part, MISSING), after.get(part, MISSING)


def _keys(value: Value) -> dict[str, Value]:
    return dict(value) if isinstance(value, Mapping) else {}


def _elements(old: Value, new: Value) -> tuple[dict[str, Value], dict[str, Value]]:
    before: list[Value] = old if isinstance(old, list) else []
    after: list[Value] = new if isinstance(new, list) else []
    for name in _NAMES:
        if _named(before, name) and _named(after, name):
            return ({f"[{item[name]}]": item for item in before}, {f"[{item[name]}]": item for item in after})
    if not all(isinstance(item, Mapping) for item in [*before, *after]):
        return {}, {}  # plain values have an order and no names: a rule must compare the list as a whole
    return (
        {f"[{place}]": item for place, item in enumerate(before)},
        {f"[{place}]": item for place, item in enumerate(after)},
    )


def _named(elements: Sequence[Value], name: str) -> bool:
    names = [item.get(name) if isinstance(item, Mapping) else None for item in elements]
    return all(isinstance(each, str | int | float) for each in names) and len(set(names)) == len(names)
