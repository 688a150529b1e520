"""All rules of a type: its own, and what every resource of its provider shares. A type without an entry is unknown."""

from policy.comparisons import admitted, fixed, neutral, watched
from policy.labels import describing
from policy.rule import Rule
from policy.rules_access import ACCESS_RULES
from policy.rules_kubernetes import KUBERNETES_RULES
from policy.rules_network import NETWORK_RULES
from policy.rules_storage import STORAGE_RULES
from policy.verdict import Verdict

_AWS = (
    Rule("tags", neutral(), "a tag"),
    Rule("tags[*]", neutral(), "a tag"),
    Rule("tagsAll", neutral(), "a tag"),
    Rule("tagsAll[*]", neutral(), "a tag"),
    Rule("description", neutral(), "a description"),
    Rule("__defaults", neutral(), "which inputs Pulumi filled in"),
    Rule("**.__defaults", neutral(), "which inputs Pulumi filled in"),
    Rule("region", fixed(Verdict.DESTRUCTIVE), "another region: another resource"),
)
# Labels one by one, never as a whole: some of them protect, and their own rules come first.
_KUBERNETES = (
    Rule("metadata.labels[*]", describing(), "a label of the object itself"),
    Rule('metadata.annotations["pulumi.com/skipAwait"]', neutral(), "how long Pulumi waits"),
    Rule('metadata.annotations["pulumi.com/timeoutSeconds"]', neutral(), "how long Pulumi waits"),
    Rule('metadata.annotations["kubernetes.io/description"]', neutral(), "a description"),
    Rule("metadata.name", watched(), "another object"),
    Rule("metadata.namespace", watched(), "another object"),
)
_PROVIDERS = {
    "pulumi:providers:aws": (
        Rule("allowedAccountIds", admitted(), "another account is let in; without a list any account"),
        Rule("region", fixed(Verdict.DESTRUCTIVE), "everything under it would move to another region"),
        Rule("assumeRoles", watched(), "everything under it may go to another account"),
        Rule("version", neutral(), "the provider's version"),
    ),
    "pulumi:providers:kubernetes": (
        Rule("kubeconfig", watched(), "everything under it may go to another cluster"),
        Rule("version", neutral(), "the provider's version"),
    ),
}
_OWN = {**STORAGE_RULES, **ACCESS_RULES, **NETWORK_RULES, **KUBERNETES_RULES, **_PROVIDERS}


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


def all_rules() -> list[tuple[str, Rule]]:
    """(type, rule) of every rule that a type has of its own."""
    return [(kind, rule) for kind, rules in _OWN.items() for rule in rules]
