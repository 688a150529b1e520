"""Texts that hold JSON or the recovery plan. A plan is compared as plain data, since an older one need not validate."""

from collections.abc import Sequence

from policy.comparisons.basic import NEUTRAL
from policy.differences import born_weak, unjudged, walk
from policy.rule import Change, Kind, Rule, Subject
from policy.values import MISSING, Value, decode, mapping, read_json, read_yaml
from policy.verdict import Judgement, Verdict

_TOO_LONG = 1024 * 1024


def as_json(rules: Sequence[Rule]) -> Kind:
    """Text that holds JSON, compared by what it says."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        try:
            old, new = (MISSING if v is MISSING else read_json(v) for v in (change.old, change.new))
        except ValueError:
            return change.said(Verdict.UNJUDGED, f"{reason}; it is not JSON")
        return list(walk(old, new, rules, change.subject)) or change.said(Verdict.NEUTRAL, "says the same")

    def born(value: Value) -> Verdict | None:
        try:
            found = () if value is MISSING else born_weak(read_json(value), rules, Subject())
        except ValueError:
            return Verdict.UNJUDGED
        return next((each.verdict for each in found), None)

    return Kind("json", compare, born=born)


def recovery_plan(rules: Sequence[Rule]) -> Kind:
    """Text with the plan in YAML, compared by `rules`."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        try:
            old, new = _plan(change.old), _plan(change.new)
        except ValueError:
            return [unjudged((), "a plan", "a plan", f"{reason}; one of the two is not YAML that can be compared")]
        return list(walk(old, new, rules)) or change.said(Verdict.NEUTRAL, "the same plan, written differently")

    return Kind("plan", compare)


def recovery_bundle(rules: Sequence[Rule]) -> Kind:
    """The bundle's JSON: its plan is compared by `rules`, its digest follows, everything else is for a person."""
    parts = (*(rule.below("plan") for rule in rules), Rule("digest", NEUTRAL, "follows from the content"))

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        try:
            old, new = decode(read_json(change.old)), decode(read_json(change.new))
        except ValueError:
            return change.said(Verdict.WEAKER, f"another object: {reason}")
        if "plan" not in mapping(old) or "plan" not in mapping(new):
            return change.said(Verdict.WEAKER, f"no longer a bundle: {reason}")
        return list(walk(old, new, parts))

    return Kind("bundle", compare)


def _plan(text: Value) -> Value:
    """The plan in a text. Raises ValueError."""
    documents = read_yaml(text) if isinstance(text, str) and len(text) <= _TOO_LONG else []
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise ValueError("not one mapping")
    return decode(documents[0])
