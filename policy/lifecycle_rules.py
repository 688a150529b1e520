"""S3 lifecycle rules, compared by what they do to an object: when it ends, when it becomes slow to read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from policy.numbers import number
from policy.rule import Change, Kind
from policy.values import Value, at, items, mapping, words
from policy.verdict import Judgement, Verdict
from policy.walk import unjudged

NEVER = float("inf")
_SLOW = ("GLACIER", "DEEP_ARCHIVE")
_ONE_ZONE = "ONEZONE_IA"
# A read takes milliseconds and a lost zone loses nothing.
_HARMLESS = ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR")
_KNOWN = (*_SLOW, _ONE_ZONE, *_HARMLESS)
_TERMS = {
    "current": "copies end",
    "noncurrent": "undo window of deleted copies",
    **{storage: f"copies move to {storage}, where a read takes hours" for storage in _SLOW},
    **{f"noncurrent.{storage}": f"deleted copies move to {storage}: undoing takes hours" for storage in _SLOW},
    _ONE_ZONE: "copies move into one zone, and are lost with it",
    f"noncurrent.{_ONE_ZONE}": "deleted copies move into one zone: no undoing without it",
}
_UPLOADS = "uploads"


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """One enabled rule: which objects, and its terms in days."""

    prefix: str
    larger_than: float
    terms: Mapping[str, float]

    def covers(self, prefix: str, size: float) -> bool:
        return prefix.startswith(self.prefix) and size > self.larger_than


def lifecycle() -> Kind:
    """All rules of a bucket at once: a rule more or less means nothing by itself, the terms of an object do."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = _read(change.old), _read(change.new)
        if old is None or new is None:
            return [unjudged((), change.old, change.new, f"{reason}; a rule's filter or terms are not understood")]
        found = list(_terms(old, new, reason))
        if found:
            return found
        return [Judgement(verdict=Verdict.NEUTRAL, reason="nothing ends or becomes slow sooner or later than before")]

    return Kind("lifecycle", compare)


def _terms(old: Sequence[_Rule], new: Sequence[_Rule], reason: str) -> Iterator[Judgement]:
    prefixes = sorted({rule.prefix for rule in (*old, *new)})
    sizes = sorted({rule.larger_than + 1 for rule in (*old, *new)} | {0.0})
    for prefix in prefixes:
        yield from _uploads(old, new, prefix)
        for term, meaning in _TERMS.items():
            pairs = {(_days(old, prefix, size, term), _days(new, prefix, size, term)) for size in sizes}
            for before, after in sorted(pairs):
                if before == after:
                    continue
                verdict = Verdict.WEAKER if after < before else Verdict.STRONGER
                yield Judgement(
                    verdict=verdict,
                    reason=f"{meaning}: {reason if verdict is Verdict.WEAKER else 'later than before'}",
                    old=_text(before),
                    new=_text(after),
                    path=(f"[{prefix or 'every object'}]", term),
                )


def _uploads(old: Sequence[_Rule], new: Sequence[_Rule], prefix: str) -> Iterator[Judgement]:
    """Unfinished uploads end some day or never; which day matters to nobody. A rule for them knows no size."""
    before, after = (_days(rules, prefix, NEVER, _UPLOADS) for rules in (old, new))
    if (before == NEVER) != (after == NEVER):
        weaker = after == NEVER
        reason = "unfinished uploads are kept and paid for, seen by nobody" if weaker else "unfinished uploads end"
        verdict = Verdict.WEAKER if weaker else Verdict.STRONGER
        path = (f"[{prefix or 'every object'}]", _UPLOADS)
        yield Judgement(verdict=verdict, reason=reason, old=_text(before), new=_text(after), path=path)


def _days(rules: Sequence[_Rule], prefix: str, size: float, term: str) -> float:
    """S3 lets the shorter term win where rules overlap."""
    return min((rule.terms[term] for rule in rules if rule.covers(prefix, size)), default=NEVER)


def _text(days: float) -> str:
    return "never" if days == NEVER else f"after {words(days)} d"


def _read(value: Value) -> list[_Rule] | None:
    found: list[_Rule] = []
    for raw in items(value):
        if not isinstance(raw, Mapping):
            return None
        if raw.get("status") == "Disabled":
            continue
        rule = _rule(raw)
        if rule is None:
            return None
        found.append(rule)
    return found


def _rule(raw: Mapping[str, Value]) -> _Rule | None:
    chosen = mapping(raw.get("filter", {}))
    both = {**chosen, **mapping(chosen.get("and", {}))}
    if set(both) - {"prefix", "and", "objectSizeGreaterThan"}:
        return None
    terms = {
        "current": at(raw, "expiration", "days"),
        "noncurrent": at(raw, "noncurrentVersionExpiration", "noncurrentDays"),
        _UPLOADS: at(raw, "abortIncompleteMultipartUpload", "daysAfterInitiation"),
    }
    moves = _moves(raw)
    if moves is None:
        return None
    terms |= moves
    read: dict[str, float] = {}
    for term in (*_TERMS, _UPLOADS):
        days = number(terms.get(term))
        if days is None and isinstance(terms.get(term), str):
            return None
        read[term] = NEVER if days is None else days
    dated = [raw.get("expiration", {}), *items(raw.get("transitions", []))]
    if any("date" in mapping(each) for each in dated):
        return None
    older = [raw.get("noncurrentVersionExpiration"), *items(raw.get("noncurrentVersionTransitions", []))]
    if any("newerNoncurrentVersions" in mapping(each) for each in older):
        return None
    return _Rule(
        prefix=str(both.get("prefix", raw.get("prefix", ""))),
        larger_than=number(both.get("objectSizeGreaterThan")) or -1.0,
        terms=read,
    )


def _moves(raw: Mapping[str, Value]) -> dict[str, Value] | None:
    """(term → days) of every transition; None when one leads to where nobody knows what a read takes."""
    found: dict[str, Value] = {}
    for key, days, prefix in (
        ("transitions", "days", ""),
        ("noncurrentVersionTransitions", "noncurrentDays", "noncurrent."),
    ):
        for move in items(raw.get(key, [])):
            storage = at(move, "storageClass")
            if storage not in _KNOWN:
                return None
            # Without a number S3 moves on the first day; a date is refused elsewhere.
            found[f"{prefix}{storage}"] = mapping(move).get(days, 0)
    return found
