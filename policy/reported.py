"""Differences that a provider reports and the inputs do not show: a renewed secret, something changed by hand."""

from collections.abc import Iterator, Mapping, Sequence

from policy.preview import Step
from policy.rule import Change, Rule, Subject, pattern
from policy.values import MISSING, SECRET, Path, Value, contains
from policy.verdict import Judgement
from policy.walk import judge, unjudged, walk


def unshown(step: Step, rules: Sequence[Rule], subject: Subject) -> list[Judgement]:
    """Every reported path whose inputs look the same before and after, judged."""
    return [found for path in step.reported for found in _one(step, pattern(path), rules, subject)]


def _one(step: Step, path: Path, rules: Sequence[Rule], subject: Subject) -> Iterator[Judgement]:
    if step.old is None or step.new is None or not path or path[0].startswith("__"):
        return
    old, new, named = *_pair(step.old.inputs, step.new.inputs, path), _named(step.new.inputs, path)
    if old != new:
        return  # the walk has seen it
    if contains(new, SECRET):
        yield from _secret(named, rules, subject)
        return
    old, new = _pair(step.old.outputs, step.new.outputs, path)
    live = _pair(step.old.outputs, step.new.inputs, path)
    for before, after in ((old, new), live):
        if before is not MISSING and after is not MISSING and before != after:
            yield from walk(before, after, rules, subject, named)
            return
    rule = next((rule for rule in rules if rule.fits(named, subject)), None)
    if rule is None or rule.kind.name != "neutral":
        yield unjudged(named, old, new, "the provider reports a change that the preview does not show")
    # A neutral one is nothing to list: tagsAll follows from tags.


def _secret(path: Path, rules: Sequence[Rule], subject: Subject) -> Iterator[Judgement]:
    found = judge(Change(path=path, old=SECRET, new=SECRET, subject=subject), rules)
    if found is None:
        yield unjudged(path, SECRET, SECRET, "a secret changed, and no rule knows what for")
        return
    for judgement in found:
        yield judgement.below(path)


def _pair(old: Value, new: Value, path: Path) -> tuple[Value, Value]:
    return _at(old, path), _at(new, path)


def _at(value: Value, path: Path) -> Value:
    for part in path:
        if isinstance(value, list) and part.startswith("[") and part[1:-1].isdigit():
            place = int(part[1:-1])
            value = value[place] if place < len(value) else MISSING
        elif isinstance(value, Mapping):
            value = value.get(part, MISSING)
        else:
            return value if contains(value, SECRET) else MISSING
    return value


def _named(value: Value, path: Path) -> Path:
    """The path as the rules know it: an element of a list by its name."""
    result: list[str] = []
    for part in path:
        below = _at(value, (part,))
        name = below.get("name") if isinstance(value, list) and isinstance(below, Mapping) else None
        result.append(f"[{name}]" if name else part)
        value = below
    return tuple(result)
