"""Walks two property trees and asks the rules about every difference. What no rule knows cannot be judged.

A new resource has nothing to be compared with: it is judged against what each rule wants, or against nothing at all.
"""

from collections.abc import Iterator, Mapping, Sequence

from policy.rule import Change, Rule, Subject, first, pattern
from policy.secrecy.stand_ins import is_marked
from policy.values import MISSING, SECRET, UNKNOWN, Absent, Path, Value, contains, items, mapping, words
from policy.verdict import Judgement, Verdict

UNKNOWN_PROPERTY = "unknown.property"
NO_RULE = "no rule weighs this property: a person has to say whether it protects"
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
        yield unjudged(path, old, new, NO_RULE).by(UNKNOWN_PROPERTY)
    for part, before, after in below:
        yield from walk(before, after, rules, subject, (*path, part))


def judge(change: Change, rules: Sequence[Rule]) -> Sequence[Judgement] | None:
    """What the first rule that fits says; None when none does or it asks to look deeper. Paths are relative."""
    rule = first(rules, change.path, change.subject)
    found = _asked(rule, change) if rule else None
    return [each.by(rule.id_of(each.path)) for each in found] if rule and found is not None else None


def _asked(rule: Rule, change: Change) -> Sequence[Judgement] | None:
    """What the rule says, unless a value cannot be read or must not be shown."""
    if not rule.kind.blind:
        if contains(change.old, UNKNOWN) and not (isinstance(change.old, Mapping) and _deeper(rule, change)):
            return [unjudged((), UNKNOWN, change.new, f"{rule.reason}; its old value cannot be read")]
        if contains(change.new, UNKNOWN) and not (isinstance(change.new, Mapping) and _deeper(rule, change)):
            return [unjudged((), change.old, UNKNOWN, f"{rule.reason}; its new value is known only after apply")]
        if SECRET in (change.old, change.new):
            return change.said(Verdict.UNJUDGED, f"{rule.reason}; the value is a secret and not shown")
    found = rule.kind.compare(change, rule.reason)
    if found is None or rule.kind.blind or any(each.verdict.objection for each in found):
        return found
    # Harmless as far as it can be read: what is marked as a secret could not be.
    if is_marked(change.old) or is_marked(change.new):
        return change.said(Verdict.UNJUDGED, f"{rule.reason}; a value in it is a secret and not shown")
    return found


def unjudged(path: Path, old: Value, new: Value, reason: str) -> Judgement:
    """The answer that is never passed in silence."""
    return Judgement(Verdict.UNJUDGED, reason, old=words(old), new=words(new), path=path)


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
        before, after = mapping(old), mapping(new)
    elif all(isinstance(value, list) and all(isinstance(item, Mapping) for item in value) for value in values):
        before, after = elements(items(old), items(new))
    else:
        return  # plain values have an order and no names: a rule must compare the list as a whole
    for part in [*before, *(key for key in after if key not in before)]:
        yield part, before.get(part, MISSING), after.get(part, MISSING)


def elements(*lists: Sequence[Value]) -> list[dict[str, Value]]:
    """The elements of each list by `[name]`, where all of them have one, else by `[place]`."""
    for name in _NAMES:
        if all(_named(found, name) for found in lists):
            return [{f"[{item[name]}]": item for item in found} for found in lists]
    return [{f"[{place}]": item for place, item in enumerate(found)} for found in lists]


def _named(elements: Sequence[Value], name: str) -> bool:
    names = [item.get(name) if isinstance(item, Mapping) else None for item in elements]
    return all(isinstance(each, str | int | float) for each in names) and len(set(names)) == len(names)


def born_weak(
    inputs: Value, rules: Sequence[Rule], subject: Subject, *, onto_another: bool = False
) -> Iterator[Judgement]:
    """Every property that is weaker than its rule wants it; one that is left out counts with its default.

    A new resource that is put `onto_another`, which was there before, is weak as well where it is weaker than nothing.
    """
    if onto_another:
        # Blind rules object to any change, and a first value is none.
        seeing = [rule for rule in rules if not rule.kind.blind]
        yield from (each for each in walk({}, inputs, seeing, subject) if each.verdict is Verdict.WEAKER)
    for rule in rules:
        if rule.kind.born is None:
            continue
        for path, value in _places(pattern(rule.path), inputs):
            if first(rules, path, subject) is not rule:
                continue
            hidden = value is SECRET or contains(value, UNKNOWN)
            verdict = Verdict.UNJUDGED if hidden else rule.kind.born(value)
            if verdict is not None:
                reason = f"new, and from the start: {rule.reason}"
                yield Judgement(verdict, reason, new=words(value), path=path, rule=rule.id)


def _places(wanted: Path, value: Value, path: Path = ()) -> Iterator[tuple[Path, Value]]:
    """Where `wanted` leads in `value`: through every element for `[*]`, else to MISSING when there is nothing."""
    if not wanted:
        yield path, value
    elif wanted[0] == "[*]":
        parts = value if isinstance(value, Mapping) else elements(value)[0] if isinstance(value, list) else {}
        for part, each in parts.items():
            yield from _places(wanted[1:], each, (*path, part))
    elif wanted[0] != "**":
        below = value.get(wanted[0], MISSING) if isinstance(value, Mapping) else value if value is UNKNOWN else MISSING
        yield from _places(wanted[1:], below, (*path, wanted[0]))
