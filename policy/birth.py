"""What is weak from its first day: the rules that need no value from before, asked about something new."""

from collections.abc import Iterator, Mapping, Sequence

from policy.rule import Rule, Subject, pattern
from policy.values import MISSING, SECRET, UNKNOWN, Path, Value, contains, items, words
from policy.verdict import Judgement, Verdict


def born_weak(inputs: Value, rules: Sequence[Rule], subject: Subject) -> Iterator[Judgement]:
    """Every property that is, or by being left out becomes, weaker than its rule wants it."""
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
                yield Judgement(verdict=verdict, reason=reason, new=words(value), path=path)


def none_at_all(value: Value) -> Verdict | None:
    """Of something new: what is there at all weakens."""
    return Verdict.WEAKER if items(value) else None


def _places(wanted: Path, value: Value, path: Path = ()) -> Iterator[tuple[Path, Value]]:
    """Where `wanted` leads in `value`: through every element for `[*]`, else to MISSING when there is nothing."""
    if not wanted:
        yield path, value
    elif wanted[0] == "[*]":
        for part, each in _elements(value):
            yield from _places(wanted[1:], each, (*path, part))
    elif wanted[0] != "**":
        below = value.get(wanted[0], MISSING) if isinstance(value, Mapping) else value if value is UNKNOWN else MISSING
        yield from _places(wanted[1:], below, (*path, wanted[0]))


def _elements(value: Value) -> list[tuple[str, Value]]:
    if isinstance(value, Mapping):
        return list(value.items())
    if not isinstance(value, list):
        return []
    names = [each.get("name") if isinstance(each, Mapping) else None for each in value]
    return [
        (f"[{place if name is None else name}]", each)
        for place, (name, each) in enumerate(zip(names, value, strict=True))
    ]
