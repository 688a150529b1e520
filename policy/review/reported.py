"""Differences that a provider reports and the inputs do not show: a renewed secret, something changed by hand."""

from collections.abc import Iterator, Mapping, Sequence

from policy.comparisons.basic import NEUTRAL
from policy.differences import judge, unjudged, walk
from policy.review.preview import Step
from policy.rule import Change, Rule, Subject, first, pattern
from policy.values import MISSING, SECRET, Path, Value, contains, mapping
from policy.verdict import Judgement


def unshown(step: Step, rules: Sequence[Rule], subject: Subject) -> list[Judgement]:
    """Every reported path whose inputs look the same before and after, judged."""
    return [found for path in step.reported for found in _one(step, pattern(path), rules, subject)]


def _one(step: Step, path: Path, rules: Sequence[Rule], subject: Subject) -> Iterator[Judgement]:
    if step.old is None or step.new is None or not path or path[0].startswith("__"):
        return
    new, named = _down(step.new.inputs, path)
    if _down(step.old.inputs, path)[0] != new:
        return  # the walk has seen it
    if contains(new, SECRET):
        secret = Change(path=named, old=SECRET, new=SECRET, subject=subject)
        unknown = unjudged((), SECRET, SECRET, "a secret changed, and no rule knows what for")
        yield from (each.below(named) for each in judge(secret, rules) or [unknown])
        return
    before, after = (_down(state.outputs, path)[0] for state in (step.old, step.new))
    for live in (after, new):
        if MISSING not in (before, live) and before != live:
            yield from walk(before, live, rules, subject, named)
            return
    rule = first(rules, named, subject)
    if rule is None or rule.kind is not NEUTRAL:
        yield unjudged(named, before, after, "the provider reports a change that the preview does not show")
    # A neutral one is nothing to list: tagsAll follows from tags.


def _down(value: Value, path: Path) -> tuple[Value, Path]:
    """What lies at `path`, and the path as the rules know it: an element of a list by its name."""
    named: list[str] = []
    for number, part in enumerate(path):
        if isinstance(value, list) and part.startswith("[") and part[1:-1].isdigit():
            place = int(part[1:-1])
            below = value[place] if place < len(value) else MISSING
        elif isinstance(value, Mapping):
            below = value.get(part, MISSING)
        else:
            return value if contains(value, SECRET) else MISSING, (*named, *path[number:])
        name = mapping(below).get("name") if isinstance(value, list) else None
        named.append(f"[{name}]" if name else part)
        value = below
    return value, tuple(named)
