"""The plain ways to compare two values; each is a `Kind` that a rule names. What it cannot read it does not judge."""

import json
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from policy.numbers import number
from policy.rule import Change, Kind, Rule
from policy.values import MISSING, Value, items, words
from policy.verdict import Judgement, Verdict
from policy.walk import unjudged, walk

Read = Callable[[Value], float | None]
Network = IPv4Network | IPv6Network


def said(change: Change, verdict: Verdict, reason: str) -> list[Judgement]:
    """One judgement of the whole change."""
    return [Judgement(verdict=verdict, reason=reason, old=words(change.old), new=words(change.new))]


def neutral() -> Kind:
    """Names, tags, descriptions: nothing protects by them."""
    return Kind("neutral", lambda change, reason: said(change, Verdict.NEUTRAL, reason), blind=True)


def watched() -> Kind:
    """A known property whose change only a person can weigh."""
    return Kind("watched", lambda change, reason: [unjudged((), change.old, change.new, reason)], blind=True)


def fixed(verdict: Verdict = Verdict.WEAKER) -> Kind:
    """Any change weakens, whatever the values."""
    return Kind("fixed", lambda change, reason: said(change, verdict, reason), blind=True)


def must_be(wanted: Value, *, default: Value = MISSING) -> Kind:
    """Exactly `wanted` protects; `default` is what the provider takes for a missing value."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = _or(change.old, default), _or(change.new, default)
        if _equal(new, wanted):
            back = Verdict.NEUTRAL if _equal(old, wanted) else Verdict.STRONGER
            return said(change, back, f"as it must be: {words(wanted)}")
        return said(change, Verdict.WEAKER, reason)

    return Kind("must be", compare)


def longer(read: Read = number, *, default: Value = MISSING, missing: float | None = None) -> Kind:
    """More protects more. `missing` is what a value that is not there amounts to (infinity: no limit)."""
    return Kind("longer", lambda c, reason: _ordered(c, reason, read, default, missing, up=Verdict.STRONGER))


def shorter(read: Read = number, *, default: Value = MISSING, missing: float | None = None) -> Kind:
    """Less protects more."""
    return Kind(
        "shorter",
        lambda c, reason: _ordered(c, reason, read, default, missing, up=Verdict.WEAKER, down=Verdict.STRONGER),
    )


def size(read: Read = number, *, default: Value = MISSING, missing: float | None = None) -> Kind:
    """Capacity: more costs money and nothing else, less may not be enough."""
    return Kind("size", lambda c, reason: _ordered(c, reason, read, default, missing, up=Verdict.NEUTRAL))


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


def contains_all(*, fewer: Verdict = Verdict.WEAKER, more: Verdict = Verdict.STRONGER, separator: str = "") -> Kind:
    """A list as a set: an element that goes is `fewer`, one that comes is `more`, order is nothing.

    With a `separator` the list is a text.
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

    return Kind("contains all", compare)


def ranges() -> Kind:
    """Address ranges that are let in: every address more is weaker, fewer is stronger."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = networks(change.old), networks(change.new)
        if old is None or new is None:
            return [unjudged((), change.old, change.new, f"{reason}; not a list of ranges")]
        wider = [str(each) for each in new if not covered(each, old)]
        if wider:
            return [Judgement(verdict=Verdict.WEAKER, reason=reason, old=words(change.old), new=", ".join(wider))]
        narrower = any(not covered(each, new) for each in old)
        return said(change, Verdict.STRONGER if narrower else Verdict.NEUTRAL, "no address more is let in")

    return Kind("ranges", compare)


def as_json(rules: Sequence[Rule]) -> Kind:
    """Text that holds JSON, compared by what it says."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        try:
            old, new = (MISSING if v is MISSING else json.loads(v) for v in (change.old, change.new))
        except (TypeError, ValueError, RecursionError):
            return [unjudged((), change.old, change.new, f"{reason}; it is not JSON")]
        return list(walk(old, new, rules, change.subject)) or said(change, Verdict.NEUTRAL, "says the same")

    return Kind("json", compare)


def networks(value: Value) -> list[Network] | None:
    """The ranges in `value`; None when one is none."""
    try:
        return [ip_network(each, strict=False) for each in items(value)]
    except (ValueError, TypeError):
        return None


def covered(network: Network, by: Sequence[Network]) -> bool:
    """Whether `network` lies inside one of `by`."""
    return any(network.version == each.version and network.subnet_of(each) for each in by)  # pyright: ignore[reportArgumentType] - of one version


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


def _set(value: Value) -> set[str]:
    return {each if isinstance(each, str) else json.dumps(each, sort_keys=True, default=str) for each in items(value)}
