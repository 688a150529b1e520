"""All rules of a type: its own, and what every resource of its provider shares. A type without an entry is unknown."""

from dataclasses import replace

from policy.comparisons.basic import NEUTRAL, WATCHED, contains_all
from policy.comparisons.labels import describing
from policy.rule import Rule
from policy.rules.access import ACCESS_RULES
from policy.rules.cluster_objects import KUBERNETES_RULES
from policy.rules.cron_jobs import CRON_JOB_RULES
from policy.rules.ids import identified, type_name
from policy.rules.network import NETWORK_RULES
from policy.rules.shorthand import DESTROYS, ON, Known, Life, each, ignore
from policy.rules.storage import STORAGE_RULES
from policy.rules.workloads import WORKLOAD_RULES
from policy.verdict import Verdict

_AWS = identified(
    "aws",
    (
        *each("tags tags[*] tagsAll tagsAll[*]", NEUTRAL, "a tag"),
        *ignore("description __defaults **.__defaults"),
        Rule("region", DESTROYS, "another region: another resource"),
    ),
)
# Labels one by one, never as a whole: some of them protect, and their own rules come first.
_NOTES = ("pulumi.com/skipAwait", "pulumi.com/timeoutSeconds", "kubernetes.io/description")
_KUBERNETES = identified(
    "kubernetes",
    (
        Rule("metadata.labels[*]", describing, "a label of the object itself"),
        *ignore(" ".join(f'metadata.annotations["{note}"]' for note in _NOTES)),
    ),
)
_ACCOUNTS = contains_all(fewer=Verdict.STRONGER, more=Verdict.WEAKER, none_is_all=True)
_PROVIDERS: dict[str, Known] = {
    "pulumi:providers:aws": (
        Rule("allowedAccountIds", _ACCOUNTS, "another account is let in; without a list any account"),
        Rule("region", DESTROYS, "everything under it would move to another region"),
        *ignore("version"),
    ),
    "pulumi:providers:kubernetes": (
        Rule("enableConfigMapMutable", ON, "a changed map is gone while it is made anew, and no Pod starts meanwhile"),
        *ignore("version"),
    ),
}
_KNOWN = STORAGE_RULES | ACCESS_RULES | NETWORK_RULES | KUBERNETES_RULES | WORKLOAD_RULES | CRON_JOB_RULES | _PROVIDERS
LIVES = {kind: each for kind, known in _KNOWN.items() for each in known if isinstance(each, Life)}
_OWN = {
    kind: identified(type_name(kind), (each for each in known if isinstance(each, Rule)))
    for kind, known in _KNOWN.items()
}
_REPLACED = contains_all(fewer=Verdict.STRONGER, more=Verdict.DESTRUCTIVE)
OPTION_RULES = tuple(
    replace(rule, id=f"option.{rule.path}")
    for rule in (
        Rule("protect", ON, "protection flag off: a destroy would take it"),
        Rule("retainOnDelete", ON, "when it is deleted here, it goes"),
        *each("ignoreChanges replaceOnChanges deletedWith", WATCHED, "how Pulumi treats later changes of it"),
        Rule("replaceWith", _REPLACED, "it is replaced whenever another resource is"),
        Rule("provider", WATCHED, "another provider: another account, region or cluster"),
    )
)
"""What only Pulumi knows of a resource."""
UNKNOWN_ENDING = "unknown.ending"


def rules_of(kind: str) -> tuple[Rule, ...] | None:
    """The rules of a type, its own first; None for a type nobody has thought about."""
    own = _OWN.get(kind)
    if own is None:
        return None
    shared = _AWS if kind.startswith("aws:") else _KUBERNETES if kind.startswith("kubernetes:") else ()
    return (*own, *shared)


def known_types() -> frozenset[str]:
    """Every type that has rules."""
    return frozenset(_OWN)


def shared_rules() -> list[tuple[str, Rule]]:
    """(which resources, rule) of every rule that is for more than one type."""
    shared = {"every AWS resource": _AWS, "every Kubernetes object": _KUBERNETES, "any resource": OPTION_RULES}
    return [(which, rule) for which, rules in shared.items() for rule in rules]


def all_rules() -> list[tuple[str, Rule]]:
    """(type, rule) of every rule that a type has of its own."""
    return [(kind, rule) for kind, rules in _OWN.items() for rule in rules]


def ending(kind: str) -> str:
    """The id of what is said when a resource of this type goes or is replaced."""
    return f"ending.{type_name(kind)}" if kind in LIVES else UNKNOWN_ENDING
