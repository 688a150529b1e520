"""Judges a new resource, which has no old value to compare with: against what each rule wants, or against the property
being absent."""

from collections.abc import Iterator, Mapping, Sequence

from policy.differences import elements, walk
from policy.rule import Born, Change, Compare, Rule, Subject, pattern
from policy.values import MISSING, SECRET, UNKNOWN, Path, Value, contains, items, words
from policy.verdict import Judgement, Verdict


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
            if next((each for each in rules if each.fits(path, subject)), None) is not rule:
                continue
            hidden = value is SECRET or contains(value, UNKNOWN)
            verdict = Verdict.UNJUDGED if hidden else rule.kind.born(value)
            if verdict is not None:
                reason = f"new, and from the start: {rule.reason}"
                yield Judgement(verdict=verdict, reason=reason, new=words(value), path=path, rule=rule.id)


def measured_by(compare: Compare, wanted: Value, default: Value) -> Born | None:
    """Judges a new value as if it had been `wanted` before; `default` is what the provider takes for none."""
    if wanted is MISSING:
        return None

    def born(value: Value) -> Verdict | None:
        value = default if value is MISSING else value
        found = () if value is MISSING else compare(Change(path=(), old=wanted, new=value), "") or ()
        return next((each.verdict for each in found if each.verdict.objection), None)

    return born


def none_at_all(value: Value) -> Verdict | None:
    """For a new resource, any value counts as weaker."""
    return Verdict.WEAKER if items(value) else None


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
