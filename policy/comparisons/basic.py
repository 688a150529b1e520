"""The plain ways to compare two values; each is a `Kind` that a rule names. What it cannot read it does not judge."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from policy.comparisons.numbers import number
from policy.rule import Born, Change, Compare, Kind
from policy.values import MISSING, Value, items, read_json, words
from policy.verdict import Judgement, Verdict

Read = Callable[[Value], float | None]


def fixed(verdict: Verdict = Verdict.WEAKER, *, absent: bool = False) -> Kind:
    """Any change is `verdict`, whatever the values. `absent`: any value of a new resource is weaker."""
    born = none_at_all if absent else None
    return Kind(verdict.value, lambda change, reason: change.said(verdict, reason), blind=True, born=born)


NEUTRAL = fixed(Verdict.NEUTRAL)
"""Names, tags, descriptions: nothing is protected by them."""
WATCHED = fixed(Verdict.UNJUDGED)
"""Only a person can judge a change of it."""


def must_be(wanted: Value, *, default: Value = MISSING, new: bool = True) -> Kind:
    """Exactly `wanted` protects; `default` is what the provider takes for a missing value.

    `new`: a new resource is judged as well.
    """

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = _or(change.old, default), _or(change.new, default)
        if _equal(new, wanted):
            back = Verdict.NEUTRAL if _equal(old, wanted) else Verdict.STRONGER
            return change.said(back, f"as it must be: {words(wanted)}")
        return change.said(Verdict.WEAKER, reason)

    return Kind("must be", compare, born=_measured_by(compare, wanted, default) if new else None)


def longer(read: Read = number, *, default: Value = MISSING) -> Kind:
    """More protects more. `default` is what a missing value amounts to, and the least of a new resource."""
    return _numbers("longer", read, default, more=Verdict.STRONGER, fewer=Verdict.WEAKER)


def shorter(read: Read = number, *, default: Value = MISSING) -> Kind:
    """Less protects more. `default` is what a missing value amounts to, and the most of a new resource."""
    return _numbers("shorter", read, default, more=Verdict.WEAKER, fewer=Verdict.STRONGER)


def size(read: Read = number, *, default: Value = MISSING, more: Verdict = Verdict.NEUTRAL) -> Kind:
    """Capacity: more costs money and nothing else, unless `more` says so; less may not be enough.

    `default` is what a missing value amounts to (infinity: no limit).
    """
    return replace(_numbers("size", read, default, more=more, fewer=Verdict.WEAKER), born=None)


def ranked(*order: str, least: str = "", default: Value = MISSING) -> Kind:
    """Words in the order of what they protect, the weakest first.

    A new resource is weak below `least`, by default the second word. `default` is what the provider takes for a missing
    value.
    """

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = _or(change.old, default), _or(change.new, default)
        if old not in order or new not in order:
            return change.said(Verdict.UNJUDGED, f"{reason}; expected one of {', '.join(order)}")
        if old == new:
            return change.said(Verdict.NEUTRAL, "another spelling of the same")
        if order.index(new) < order.index(old):
            return change.said(Verdict.WEAKER, reason)
        return change.said(Verdict.STRONGER, "protects more than before")

    return Kind("ranked", compare, born=_measured_by(compare, least or order[1], default))


def kept(*, gone: Verdict = Verdict.WEAKER, come: Verdict = Verdict.STRONGER, stays: Kind | None = None) -> Kind:
    """A value that goes is `gone`, one that comes is `come`. One that stays is compared by `stays`, or by its parts."""

    def compare(change: Change, reason: str) -> Sequence[Judgement] | None:
        if change.new is MISSING:
            return change.said(gone, f"dropped: {reason}")
        if change.old is MISSING:
            return change.said(come, f"added: {reason}")
        return stays.compare(change, reason) if stays else None

    return Kind("kept", compare)


def contains_all(
    *,
    fewer: Verdict = Verdict.WEAKER,
    more: Verdict = Verdict.STRONGER,
    separator: str = "",
    none_is_all: bool = False,
    born: Born | None = None,
) -> Kind:
    """A list whose order does not matter: an element that goes is `fewer`, one that comes is `more`.

    With a `separator` the list is a text. `none_is_all`: an empty list stands for everything there is. `born` judges
    the list of a new resource.
    """

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = (_elements(value, separator) for value in (change.old, change.new))
        if none_is_all and bool(old) != bool(new):
            return change.said(fewer if new else more, reason)
        gone, come = sorted(old - new), sorted(new - old)
        found = [Judgement(fewer, reason, old=", ".join(gone))] if gone else []
        found += [Judgement(more, reason, new=", ".join(come))] if come else []
        return found or change.said(Verdict.NEUTRAL, "the same in another order")

    return Kind("contains all", compare, born=born)


def _numbers(name: str, read: Read, default: Value, *, more: Verdict, fewer: Verdict) -> Kind:
    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = (read(_or(value, default)) for value in (change.old, change.new))
        if old is None or new is None:
            return change.said(Verdict.UNJUDGED, f"{reason}; not two numbers to compare")
        if new == old:
            return change.said(Verdict.NEUTRAL, "another spelling of the same")
        verdict = more if new > old else fewer
        good = {Verdict.STRONGER: "more than before protects more" if new > old else "less than before protects more"}
        good[Verdict.NEUTRAL] = "more than before weakens nothing"
        return change.said(verdict, good.get(verdict, reason))

    return Kind(name, compare, born=_measured_by(compare, default, default))


def _measured_by(compare: Compare, wanted: Value, default: Value) -> Born | None:
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


def _or(value: Value, default: Value) -> Value:
    return default if value is MISSING else value


def _equal(value: Value, wanted: Value) -> bool:
    return value is wanted or (value == wanted and isinstance(value, bool) == isinstance(wanted, bool))


def _elements(value: Value, separator: str) -> set[str]:
    """Of a list, or of a text that holds one: JSON, as Pulumi writes a provider's, or words between separators."""
    if isinstance(value, str) and separator:
        value = [each for each in value.split(separator) if each]
    elif isinstance(value, str) and value.startswith("["):
        with suppress(ValueError):
            value = read_json(value)
    return {each if isinstance(each, str) else json.dumps(each, sort_keys=True, default=str) for each in items(value)}
