"""Conditions of policy statements: whether one lets no more requests through than another, and keeps strangers out."""

import re
from collections.abc import Callable, Iterable, Mapping

from policy.comparisons.addresses import covered, is_public, networks
from policy.comparisons.patterns import is_anybody, within
from policy.values import Value, items, mapping

Conditions = Mapping[tuple[str, str], frozenset[str]]
"""(operator, key) → values, all in lower case but the values."""

# Operators that are true for what is *not* listed: every further value lets fewer requests through.
_NEGATED = ("stringnotequals", "stringnotequalsignorecase", "stringnotlike", "arnnotequals", "arnnotlike")
_UPPER_BOUND = {"numericlessthanequals": "at most", "numericlessthan": "under"}
# Requests that these keep apart from the rest of the world; anything else in a condition may be true for anybody.
_BOUND = re.compile("aws:(userid|principal(arn|account|orgid|orgpaths)|source(ip|account|arn|orgid|orgpaths|vpc|vpce))")
_PATTERNS = ("stringlike", "arnlike", "arnequals", "stringnotlike", "arnnotlike", "arnnotequals")


def read_conditions(raw: Value) -> Conditions:
    """The statement's Condition block."""
    return {
        (str(operator).lower(), str(key).lower()): frozenset(map(_text, items(values)))
        for operator, keys in mapping(raw).items()
        for key, values in mapping(keys).items()
    }


def _text(value: Value) -> str:
    """A value as IAM reads it: `false` and "false" are the same."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def implies(narrow: Conditions, wide: Conditions) -> bool:
    """Whether every request that fulfils `narrow` fulfils `wide`, as far as the operators can be compared."""
    return all(_demanded(operator, key, values, narrow) for (operator, key), values in wide.items())


def lowered(before: Conditions, after: Conditions, key: str) -> tuple[str, str] | None:
    """Two upper bounds of `key`, in words, when they are all that differs and the second is the lower one."""
    differing = {place for place in {*before, *after} if before.get(place) != after.get(place)}
    operator = next((each for each, about in differing if about == key), "")
    if len(differing) != 1 or operator not in _UPPER_BOUND:
        return None
    old, new = (_loosest(each.get((operator, key), frozenset())) for each in (before, after))
    if old is not None and new is not None and new < old:
        return f"{_UPPER_BOUND[operator]} {old:g}", f"{_UPPER_BOUND[operator]} {new:g}"
    return None


def is_bound(conditions: Conditions) -> bool:
    """Whether one of them keeps strangers out. One that only excludes somebody, may be absent or fits all does not."""
    return any(
        "not" not in operator
        and not operator.endswith("ifexists")
        and not operator.startswith("forallvalues")
        and bool(values)
        and not any(is_public(value) or is_anybody(value) for value in values)
        and _BOUND.fullmatch(key) is not None
        for (operator, key), values in conditions.items()
    )


def text(conditions: Conditions) -> str:
    """For people."""
    return "; ".join(
        f"{operator} {key} {', '.join(sorted(values))}" for (operator, key), values in sorted(conditions.items())
    )


def _demanded(operator: str, key: str, values: frozenset[str], narrow: Conditions) -> bool:
    """Whether `narrow` demands at least what `operator key values` does."""
    strict = narrow.get((operator.removesuffix("ifexists"), key))
    found = narrow.get((operator, key), strict if operator.endswith("ifexists") else None)
    return found is not None and _no_wider(operator.removesuffix("ifexists").rpartition(":")[2], found, values)


def _no_wider(operator: str, narrow: frozenset[str], wide: frozenset[str]) -> bool:
    if narrow == wide:
        return True
    if operator == "notipaddress":
        return _ranges_within(wide, narrow)
    if operator == "ipaddress":
        return _ranges_within(narrow, wide)
    fewer, more = (wide, narrow) if operator in _NEGATED else (narrow, wide)
    if operator in _PATTERNS:
        return all(any(within(one, other) for other in more) for one in fewer)
    if operator.startswith(("numericlessthan", "numericgreaterthan")):
        choose = max if operator.startswith("numericless") else min
        inner, outer = _loosest(narrow, choose), _loosest(wide, choose)
        return inner is not None and outer is not None and choose(inner, outer) == outer
    # Other numbers, dates and Null have no subset that says anything: only the same is no wider.
    return fewer <= more if operator.startswith(("string", "arn", "bool", "binary")) else False


def _loosest(values: frozenset[str], choose: Callable[[Iterable[float]], float] = max) -> float | None:
    """One of several numbers is enough for a condition to hold, so the loosest counts."""
    try:
        return choose([float(each) for each in values])
    except ValueError:
        return None


def _ranges_within(narrow: frozenset[str], wide: frozenset[str]) -> bool:
    inner, outer = networks(sorted(narrow)), networks(sorted(wide))
    return inner is not None and outer is not None and all(covered(each, outer) for each in inner)
