"""Texts that hold the recovery plan. It is compared as plain data, since an older plan need not validate."""

from collections.abc import Sequence

from policy.comparisons.basic import NEUTRAL, said
from policy.differences import unjudged, walk
from policy.rule import Change, Kind, Rule
from policy.values import Value, decode, mapping, read_json, read_yaml
from policy.verdict import Judgement, Verdict

_TOO_LONG = 1024 * 1024


def recovery_plan(rules: Sequence[Rule]) -> Kind:
    """Text with the plan in YAML, compared by `rules`."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = _load(change.old), _load(change.new)
        if old is None or new is None:
            return [unjudged((), "a plan", "a plan", f"{reason}; one of the two is not YAML that can be compared")]
        return list(walk(old, new, rules)) or said(change, Verdict.NEUTRAL, "the same plan, written differently")

    return Kind("plan", compare)


def recovery_bundle(rules: Sequence[Rule]) -> Kind:
    """The bundle's JSON: its plan is compared by `rules`, its digest follows, everything else is for a person."""
    parts = (*(rule.below("plan") for rule in rules), Rule("digest", NEUTRAL, "follows from the content"))

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        try:
            old, new = decode(read_json(change.old)), decode(read_json(change.new))
        except ValueError:
            return said(change, Verdict.WEAKER, f"another object: {reason}")
        if "plan" not in mapping(old) or "plan" not in mapping(new):
            return said(change, Verdict.WEAKER, f"no longer a bundle: {reason}")
        return list(walk(old, new, parts))

    return Kind("bundle", compare)


def _load(text: Value) -> Value | None:
    if not isinstance(text, str) or len(text) > _TOO_LONG:
        return None
    try:
        documents = read_yaml(text)
    except ValueError:
        return None
    return decode(documents[0]) if len(documents) == 1 and isinstance(documents[0], dict) else None
