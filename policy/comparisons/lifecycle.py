"""S3 lifecycle rules, compared by what they do to an object: when it ends, when it becomes slow to read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from policy.comparisons.numbers import number
from policy.rule import Change, kind
from policy.values import MISSING, Value, at, items, mapping, words
from policy.verdict import Judgement, Verdict

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


class _NotUnderstood(Exception):
    """A rule's filter or terms are not what this module can compare."""


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """One enabled rule: which objects, and its terms in days."""

    prefix: str
    larger_than: float
    terms: Mapping[str, float]


@kind(aspects=(*_TERMS, _UPLOADS))
def lifecycle(change: Change, reason: str) -> Sequence[Judgement]:
    """All rules of a bucket at once: what counts is when an object ends or moves, not how many rules say so."""
    try:
        old, new = _read(change.old), _read(change.new)
    except _NotUnderstood:
        return change.said(Verdict.UNJUDGED, f"{reason}; a rule's filter or terms are not understood")
    unchanged = Judgement(Verdict.NEUTRAL, "nothing ends or becomes slow sooner or later than before")
    return list(_differences(old, new, reason)) or [unchanged]


def _differences(old: Sequence[_Rule], new: Sequence[_Rule], reason: str) -> Iterator[Judgement]:
    sizes = {rule.larger_than + 1 for rule in (*old, *new)} | {0.0}
    for prefix in sorted({rule.prefix for rule in (*old, *new)}):
        # Unfinished uploads end some day or never; which day matters to nobody. A rule for them knows no size.
        before, after = (_days(rules, prefix, NEVER, _UPLOADS) for rules in (old, new))
        if after == NEVER and before != NEVER:
            unseen = "unfinished uploads are kept and paid for, seen by nobody"
            yield _told(Verdict.WEAKER, unseen, before, after, prefix, _UPLOADS)
        if before == NEVER and after != NEVER:
            yield _told(Verdict.STRONGER, "unfinished uploads end", before, after, prefix, _UPLOADS)
        for term, meaning in _TERMS.items():
            for before, after in sorted({(_days(old, prefix, s, term), _days(new, prefix, s, term)) for s in sizes}):
                if after < before:
                    yield _told(Verdict.WEAKER, f"{meaning}: {reason}", before, after, prefix, term)
                if after > before:
                    yield _told(Verdict.STRONGER, f"{meaning}: later than before", before, after, prefix, term)


def _days(rules: Sequence[_Rule], prefix: str, size: float, term: str) -> float:
    """S3 lets the shorter term win where rules overlap."""
    fitting = (each for each in rules if prefix.startswith(each.prefix) and size > each.larger_than)
    return min((each.terms[term] for each in fitting), default=NEVER)


def _told(verdict: Verdict, reason: str, before: float, after: float, prefix: str, term: str) -> Judgement:
    old, new = ("never" if days == NEVER else f"after {words(days)} d" for days in (before, after))
    return Judgement(verdict, reason, old, new, path=(f"[{prefix or 'every object'}]", term))


def _read(value: Value) -> list[_Rule]:
    """The rules that are in force. Raises _NotUnderstood."""
    return [_rule(raw) for raw in items(value) if at(raw, "status") != "Disabled"]


def _rule(raw: Value) -> _Rule:
    chosen = mapping(at(raw, "filter"))
    both = {**chosen, **mapping(chosen.get("and"))}
    ends, ended = at(raw, "expiration"), at(raw, "noncurrentVersionExpiration")
    moves, moved = items(at(raw, "transitions")), items(at(raw, "noncurrentVersionTransitions"))
    strange = not isinstance(raw, Mapping) or set(both) - {"prefix", "and", "objectSizeGreaterThan"}
    dated = any("date" in mapping(each) for each in (ends, *moves))
    if strange or dated or any("newerNoncurrentVersions" in mapping(each) for each in (ended, *moved)):
        raise _NotUnderstood
    terms = {
        "current": at(ends, "days"),
        "noncurrent": at(ended, "noncurrentDays"),
        _UPLOADS: at(raw, "abortIncompleteMultipartUpload", "daysAfterInitiation"),
        # Without a number S3 moves on the first day.
        **{_storage(move): mapping(move).get("days", 0) for move in moves},
        **{f"noncurrent.{_storage(move)}": mapping(move).get("noncurrentDays", 0) for move in moved},
    }
    return _Rule(
        prefix=str(both.get("prefix", "" if "filter" in raw else raw.get("prefix", ""))),  # a filter alone counts
        larger_than=number(both.get("objectSizeGreaterThan")) or -1.0,
        terms={term: _in_days(terms.get(term, MISSING)) for term in (*_TERMS, _UPLOADS)},
    )


def _storage(move: Value) -> str:
    storage = at(move, "storageClass")
    if storage not in _KNOWN:  # nobody knows what a read takes there
        raise _NotUnderstood
    return storage


def _in_days(value: Value) -> float:
    days = number(value)
    if days is None and isinstance(value, str):
        raise _NotUnderstood
    return NEVER if days is None else days
