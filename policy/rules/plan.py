"""What is compared in the recovery plan, and in the ConfigMap `dr-config`, which repeats parts of it for services."""

from policy.comparisons.basic import WATCHED, contains_all, kept, longer, ranked, shorter, size
from policy.comparisons.numbers import duration, share
from policy.comparisons.schedules import schedule
from policy.comparisons.texts import as_json
from policy.rule import Rule, Subject
from policy.rules.shorthand import each, ignore
from policy.values import at
from policy.verdict import Verdict
from recovery.names import STRATEGY_CONFIG


def _services(one: str) -> tuple[Rule, ...]:
    return (
        Rule(one, kept(), "the DR site runs it"),
        Rule(f"{one}.warm", size(), "fewer replicas are warm when they are needed"),
        Rule(f"{one}.least", size(), "traffic moves to fewer replicas"),
        Rule(f"{one}.full", size(), "fewer replicas carry the business after a promotion"),
    )


_FOR_A_PERSON = "only a person can say what this change means"
_EXEMPTED = kept(gone=Verdict.STRONGER, come=Verdict.WEAKER)
# Datasets and kinds of backup are matched by pattern: a new one is judged like the others.
PLAN_RULES = (
    Rule("objectives.rto", shorter(duration), "the business accepts a longer outage"),
    Rule("objectives.rpo", shorter(duration), "the business accepts a larger loss"),
    Rule("objectives[*]", longer(share), "the objective is lowered"),
    Rule("strategy", ranked("cold", "warm", "hot"), "a colder strategy takes longer to recover"),
    *each("sites.** dns.name dns.zone", WATCHED, _FOR_A_PERSON),
    Rule("backup_account", kept(stays=WATCHED), "the copies' own account"),
    Rule("dns.ttl", shorter(duration), "clients keep the dead site's address for longer"),
    Rule("dns.health_check.interval", shorter(duration), "the marker is seen later"),
    Rule("dns.health_check.failures", shorter(), "the marker is believed later"),
    Rule("lease.duration", shorter(duration), "lease lengthened: a takeover waits for the whole of it"),
    Rule("lease.renewal", shorter(duration), "fewer renewals fit into a lease, one lost answer closes the gate"),
    Rule("lease.margin", longer(duration), "a successor waits less, so two sites may write at once"),
    Rule("datasets[*]", kept(), "its copies and what is promoted"),
    Rule("**.schedule", schedule, "copies are made less often"),
    Rule("**.keep", kept(), "retention"),
    Rule("**.keep[*]", longer(duration), "retention shortened: copies end sooner"),
    Rule("**.start_deadline", size(duration), "a backup that starts late is skipped sooner"),
    Rule("**.time_limit", size(duration), "a long backup is ended before it is complete"),
    Rule("**.every", shorter(duration), "copies are made less often"),
    *_services("services[*]"),
    Rule("notify[*]", contains_all(more=Verdict.NEUTRAL), "fewer people are told"),
    *each("assumptions assumptions.** strategies[*]", WATCHED, _FOR_A_PERSON),
    Rule("**.to", ranked("local", "cloud"), "copies reach the other region only through replication"),
    Rule("**.exception", _EXEMPTED, "this dataset may miss an objective"),
    *ignore("time_zone **.exception.reason"),
    Rule("**.exception[*]", shorter(duration), "this dataset may miss an objective by more"),
    Rule("datasets[*].root", WATCHED, "copies are of another folder"),
    Rule("datasets.configuration.kinds", contains_all(), "a kind of object is not copied any more"),
    Rule("datasets.configuration.cluster_objects", contains_all(), "an object is not copied any more"),
    Rule("datasets.configuration.paths", contains_all(), "files are not copied any more"),
    Rule("datasets[*].exclude", contains_all(fewer=Verdict.STRONGER, more=Verdict.WEAKER), "more files are left out"),
    Rule("datasets[*][*]", kept(), "this kind of copy"),
)


def _is_strategy(subject: Subject) -> bool:
    return at(subject.inputs, "metadata", "name") == STRATEGY_CONFIG


_NAMES = contains_all(separator=",")
_FIRST = contains_all(fewer=Verdict.STRONGER, more=Verdict.WEAKER, separator=",")
STRATEGY_RULES = (
    Rule("data.strategy", ranked("cold", "warm", "hot", least="cold"), "takes longer to recover", _is_strategy),
    Rule('data["recovery-time"]', shorter(duration), "recovery takes longer", _is_strategy),
    Rule("data.rto", shorter(duration), "the business accepts a longer outage", _is_strategy),
    Rule("data.rpo", shorter(duration), "the business accepts a larger loss", _is_strategy),
    Rule("data.standbys", _NAMES, "a database no longer follows", _is_strategy),
    Rule('data["laid-out"]', _NAMES, "no longer laid out with every copy", _is_strategy),
    Rule("data.promoted", _NAMES, "no longer promoted", _is_strategy),
    Rule('data["restored-first"]', _FIRST, "restored before a promotion, which takes longer", _is_strategy),
    Rule("data.services", as_json(_services("[*]")), "what runs at the DR site", _is_strategy),
)
"""The map `dr-config`."""
