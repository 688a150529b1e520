"""Two versions of the recovery plan, compared in the plan's own words. Plain data: an older plan need not validate."""

from collections.abc import Sequence

import yaml

from policy.comparisons import contains_all, kept, longer, neutral, said, shorter, size, watched
from policy.numbers import duration, share
from policy.rule import Change, Kind, Rule
from policy.schedules import schedule
from policy.values import MISSING, Value, decode, mapping, read_json
from policy.verdict import Judgement, Verdict
from policy.walk import unjudged, walk

_TOO_LONG = 1024 * 1024


def ranked(*order: str, least: str = "", default: Value = MISSING) -> Kind:
    """Words in the order of what they protect, the weakest first.

    Something new is weak below `least`, which is the second unless it is said. `default` is what the provider takes
    for something new that does not say.
    """
    enough = order.index(least) if least else 1

    def born(value: Value) -> Verdict | None:
        value = default if value is MISSING else value
        if value is MISSING:
            return None
        return Verdict.UNJUDGED if value not in order else Verdict.WEAKER if order.index(value) < enough else None

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        if change.old not in order or change.new not in order:
            return [unjudged((), change.old, change.new, f"{reason}; expected one of {', '.join(order)}")]
        if order.index(change.new) < order.index(change.old):
            return said(change, Verdict.WEAKER, reason)
        return said(change, Verdict.STRONGER, "protects more than before")

    return Kind("ranked", compare, born=born)


def exempted() -> Kind:
    """An exception that comes weakens, one that goes strengthens; one that stays is compared below."""

    def compare(change: Change, reason: str) -> Sequence[Judgement] | None:
        if change.old is MISSING:
            return said(change, Verdict.WEAKER, reason)
        return said(change, Verdict.STRONGER, "held to the objective again") if change.new is MISSING else None

    return Kind("exempted", compare)


def apart() -> Kind:
    """Copies in an account of their own; which one is for a person to weigh."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        before, after = change.old not in (MISSING, None), change.new not in (MISSING, None)
        if before and after:
            return [unjudged((), change.old, change.new, f"another one: {reason}")]
        if after:
            return said(change, Verdict.STRONGER, f"added: {reason}")
        return said(change, Verdict.WEAKER if before else Verdict.NEUTRAL, f"dropped: {reason}")

    return Kind("apart", compare)


# Datasets and kinds of backup are matched by pattern: a new one is judged like the others.
PLAN_RULES = (
    Rule("objectives.rto", shorter(duration), "the business accepts a longer outage"),
    Rule("objectives.rpo", shorter(duration), "the business accepts a larger loss"),
    Rule("objectives[*]", longer(share), "the objective is lowered"),
    Rule("strategy", ranked("cold", "warm", "hot"), "a colder strategy takes longer to recover"),
    Rule("sites.**", watched(), "a site that moves takes its copies, keys and leases with it"),
    Rule("backup_account", apart(), "the copies' own account"),
    Rule("time_zone", neutral(), "the same runs at another hour"),
    Rule("dns.name", watched(), "another public name"),
    Rule("dns.ttl", shorter(duration), "clients keep the dead site's address for longer"),
    Rule("dns.health_check.interval", shorter(duration), "the marker is seen later"),
    Rule("dns.health_check.failures", shorter(), "the marker is believed later"),
    Rule("lease.duration", shorter(duration), "lease lengthened: a takeover waits for the whole of it"),
    Rule("lease.renewal", shorter(duration), "fewer renewals fit into a lease, one lost answer closes the gate"),
    Rule("lease.margin", longer(duration), "a successor waits less, so two sites may write at once"),
    Rule("datasets[*]", kept(), "its copies and what is promoted"),
    Rule("**.schedule", schedule(), "copies are made less often"),
    Rule("**.keep", kept(), "retention"),
    Rule("**.keep[*]", longer(duration), "retention shortened: copies end sooner"),
    Rule("**.start_deadline", size(duration), "a backup that starts late is skipped sooner"),
    Rule("**.time_limit", size(duration), "a long backup is ended before it is complete"),
    Rule("**.every", shorter(duration), "copies are made less often"),
    Rule("services[*]", kept(), "the DR site runs it"),
    Rule("services[*].warm", size(), "fewer replicas are warm when they are needed"),
    Rule("services[*].full", size(), "fewer replicas carry the business after a promotion"),
    Rule("notify[*]", contains_all(more=Verdict.NEUTRAL), "fewer people are told"),
    Rule("assumptions", watched(), "what the budget rests on"),
    Rule("assumptions.**", watched(), "the budget rests on it"),
    Rule("strategies[*]", watched(), "what a strategy stands for in the budget"),
    Rule("**.to", ranked("local", "cloud"), "copies reach the other region only through replication"),
    Rule("**.exception", exempted(), "this dataset may miss an objective"),
    Rule("**.exception.reason", neutral(), "why it may miss an objective"),
    Rule("**.exception[*]", shorter(duration), "this dataset may miss an objective by more"),
    Rule("datasets[*][*]", kept(), "this kind of copy"),
)


STRATEGY_SERVICES = (
    Rule("[*]", kept(), "the DR site runs it"),
    Rule("[*].warm", size(), "fewer replicas are warm when they are needed"),
    Rule("[*].full", size(), "fewer replicas carry the business after a promotion"),
)
"""The services of `dr-config`, in the plan's words."""


def recovery_plan() -> Kind:
    """Text with the plan in YAML."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = _load(change.old), _load(change.new)
        if old is None or new is None:
            return [unjudged((), "a plan", "a plan", f"{reason}; one of the two is not YAML that can be compared")]
        return compare_plans(old, new) or said(change, Verdict.NEUTRAL, "the same plan, written differently")

    return Kind("plan", compare)


def recovery_bundle() -> Kind:
    """The bundle's JSON: its plan as a plan, its digest as a consequence, everything else for a person."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        try:
            old, new = read_json(change.old), read_json(change.new)
        except ValueError:
            return said(change, Verdict.WEAKER, f"another object: {reason}")
        if "plan" not in mapping(old) or "plan" not in mapping(new):
            return said(change, Verdict.WEAKER, f"no longer a bundle: {reason}")
        return list(walk(old, new, _BUNDLE))

    return Kind("bundle", compare)


_BUNDLE = (
    Rule("plan", Kind("plan", lambda change, _: compare_plans(change.old, change.new)), "the plan"),
    Rule("digest", neutral(), "follows from the content"),
)


def compare_plans(old: Value, new: Value) -> list[Judgement]:
    """Every difference of two plans."""
    return list(walk(old, new, PLAN_RULES))


def is_plan(value: Value) -> bool:
    """Whether the text looks like a recovery plan."""
    return isinstance(value, str) and "objectives:" in value and "datasets:" in value


def _load(text: Value) -> Value | None:
    if not isinstance(text, str) or len(text) > _TOO_LONG:
        return None
    try:
        # An alias can unfold into more than memory holds, and no plan needs one.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            return None
        loaded = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return decode(loaded) if isinstance(loaded, dict) else None
