"""The plain ways to compare two values; each is a `Kind` that a rule names. What it cannot read it does not judge."""

import json
from collections.abc import Callable, Sequence

from policy.birth import born_weak, none_at_all
from policy.numbers import number
from policy.rule import Born, Change, Kind, Rule, Subject
from policy.values import MISSING, Value, items, read_json, words
from policy.verdict import Judgement, Verdict
from policy.walk import unjudged, walk

Read = Callable[[Value], float | None]


def said(change: Change, verdict: Verdict, reason: str) -> list[Judgement]:
    """One judgement of the whole change."""
    return [Judgement(verdict=verdict, reason=reason, old=words(change.old), new=words(change.new))]


def neutral() -> Kind:
    """Names, tags, descriptions: nothing protects by them."""
    return Kind("neutral", lambda change, reason: said(change, Verdict.NEUTRAL, reason), blind=True)


def watched() -> Kind:
    """A known property whose change only a person can weigh."""
    return Kind("watched", lambda change, reason: [unjudged((), change.old, change.new, reason)], blind=True)


def fixed(verdict: Verdict = Verdict.WEAKER, *, absent: bool = False) -> Kind:
    """Any change weakens, whatever the values. `absent`: having it from the start weakens as well."""
    born = none_at_all if absent else None
    return Kind("fixed", lambda change, reason: said(change, verdict, reason), blind=True, born=born)


def must_be(wanted: Value, *, default: Value = MISSING, new: bool = True) -> Kind:
    """Exactly `wanted` protects; `default` is what the provider takes for a missing value.

    `new`: also something new must be so, not only stay so.
    """

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = _or(change.old, default), _or(change.new, default)
        if _equal(new, wanted):
            back = Verdict.NEUTRAL if _equal(old, wanted) else Verdict.STRONGER
            return said(change, back, f"as it must be: {words(wanted)}")
        return said(change, Verdict.WEAKER, reason)

    def born(value: Value) -> Verdict | None:
        value = _or(value, default)
        return None if value is MISSING or _equal(value, wanted) else Verdict.WEAKER

    return Kind("must be", compare, born=born if new else None)


def longer(read: Read = number, *, default: Value = MISSING, missing: float | None = None) -> Kind:
    """More protects more. `missing` is what a value that is not there amounts to (infinity: no limit)."""
    return Kind(
        "longer",
        lambda c, reason: _ordered(c, reason, read, default, missing, up=Verdict.STRONGER),
        born=_bound(read, default, lambda value, bound: value < bound),
    )


def shorter(read: Read = number, *, default: Value = MISSING, missing: float | None = None) -> Kind:
    """Less protects more."""
    return Kind(
        "shorter",
        lambda c, reason: _ordered(c, reason, read, default, missing, up=Verdict.WEAKER, down=Verdict.STRONGER),
        born=_bound(read, default, lambda value, bound: value > bound),
    )


def size(
    read: Read = number,
    *,
    default: Value = MISSING,
    missing: float | None = None,
    more: Verdict = Verdict.NEUTRAL,
) -> Kind:
    """Capacity: more costs money and nothing else, unless `more` says so; less may not be enough."""
    return Kind("size", lambda c, reason: _ordered(c, reason, read, default, missing, up=more))


def named(same: str) -> Kind:
    """Any value will do and another is as good, for `same`; none leaves it to somebody else."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        gone = change.new in (MISSING, "")
        return said(change, Verdict.WEAKER if gone else Verdict.NEUTRAL, reason if gone else same)

    return Kind("named", compare)


def kept(*, more: Verdict = Verdict.STRONGER) -> Kind:
    """Present elements are compared below; one that goes weakens, one that comes strengthens, or is `more`."""

    def compare(change: Change, reason: str) -> Sequence[Judgement] | None:
        if change.new is MISSING:
            return said(change, Verdict.WEAKER, f"dropped: {reason}")
        if change.old is MISSING:
            return said(change, more, f"added: {reason}")
        return None

    return Kind("kept", compare)


def contains_all(
    *,
    fewer: Verdict = Verdict.WEAKER,
    more: Verdict = Verdict.STRONGER,
    separator: str = "",
    born: Born | None = None,
) -> Kind:
    """A list as a set: an element that goes is `fewer`, one that comes is `more`, order is nothing.

    With a `separator` the list is a text. `born` judges the list of something new.
    """

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = (_set(_split(value, separator)) for value in (change.old, change.new))
        gone, come = sorted(old - new), sorted(new - old)
        found: list[Judgement] = []
        if gone:
            found.append(Judgement(verdict=fewer, reason=reason, old=", ".join(gone), new="-"))
        if come:
            found.append(Judgement(verdict=more, reason=reason, old="-", new=", ".join(come)))
        return found or said(change, Verdict.NEUTRAL, "the same in another order")

    return Kind("contains all", compare, born=born)


def admitted() -> Kind:
    """All that is let in: an element more is weaker, one less is stronger, and an empty list lets in everything."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = (_set(_listed(value)) for value in (change.old, change.new))
        if old == new:
            return said(change, Verdict.NEUTRAL, "the same in another order")
        wider = not new or bool(old and new - old)
        return said(change, Verdict.WEAKER if wider else Verdict.STRONGER, reason if wider else "fewer are let in")

    return Kind("admitted", compare)


def as_json(rules: Sequence[Rule]) -> Kind:
    """Text that holds JSON, compared by what it says."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        try:
            old, new = (MISSING if v is MISSING else read_json(v) for v in (change.old, change.new))
        except ValueError:
            return [unjudged((), change.old, change.new, f"{reason}; it is not JSON")]
        return list(walk(old, new, rules, change.subject)) or said(change, Verdict.NEUTRAL, "says the same")

    def born(value: Value) -> Verdict | None:
        try:
            found = () if value is MISSING else born_weak(read_json(value), rules, Subject())
        except ValueError:
            return Verdict.UNJUDGED
        return next((each.verdict for each in found), None)

    return Kind("json", compare, born=born)


def _ordered(
    change: Change,
    reason: str,
    read: Read,
    default: Value,
    missing: float | None,
    *,
    up: Verdict,
    down: Verdict = Verdict.WEAKER,
) -> Sequence[Judgement]:
    old, new = (_number(value, read, default, missing) for value in (change.old, change.new))
    if old is None or new is None:
        return [unjudged((), change.old, change.new, f"{reason}; not two numbers to compare")]
    if new == old:
        return said(change, Verdict.NEUTRAL, "another spelling of the same")
    verdict = up if new > old else down
    good = {Verdict.STRONGER: "more than before protects more" if new > old else "less than before protects more"}
    good[Verdict.NEUTRAL] = "more than before weakens nothing"
    return said(change, verdict, good.get(verdict, reason))


def _bound(read: Read, default: Value, is_weak: Callable[[float, float], bool]) -> Born | None:
    """Something new is measured by the provider's default, when there is one."""
    bound = read(default)
    if bound is None:
        return None

    def born(value: Value) -> Verdict | None:
        found = read(_or(value, default))
        return Verdict.UNJUDGED if found is None else Verdict.WEAKER if is_weak(found, bound) else None

    return born


def _number(value: Value, read: Read, default: Value, missing: float | None) -> float | None:
    if value is MISSING and missing is not None:
        return missing
    return read(_or(value, default))


def _or(value: Value, default: Value) -> Value:
    return default if value is MISSING else value


def _equal(value: Value, wanted: Value) -> bool:
    return value is wanted or (value == wanted and isinstance(value, bool) == isinstance(wanted, bool))


def _split(value: Value, separator: str) -> Value:
    return [each for each in value.split(separator) if each] if separator and isinstance(value, str) else value


def _listed(value: Value) -> Value:
    """A provider's list, which Pulumi hands it as text."""
    try:
        return read_json(value) if isinstance(value, str) and value.startswith("[") else value
    except ValueError:
        return value


def _set(value: Value) -> set[str]:
    return {each if isinstance(each, str) else json.dumps(each, sort_keys=True, default=str) for each in items(value)}
