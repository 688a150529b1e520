"""What keeps Pods running: Deployments, StatefulSets, and what says how many there are at least."""

from policy.comparisons.basic import fixed, longer, must_be, shorter, size
from policy.comparisons.pods import is_guard
from policy.rule import Rule
from policy.rules.pod_template import TEMPLATE_RULES
from policy.rules.shorthand import DESTROYS, OFF, Known, each, ends, holds, ignore, replaceable
from policy.verdict import Verdict

_TEMPLATE = tuple(rule.below("spec.template") for rule in TEMPLATE_RULES)
_FIXED = "spec.volumeClaimTemplates spec.selector spec.serviceName"
_CLAIMS = "spec.persistentVolumeClaimRetentionPolicy"

WORKLOAD_RULES: dict[str, Known] = {
    "kubernetes:apps/v1:Deployment": (
        ends("it no longer runs; a guard's gate closes"),
        Rule("spec.replicas", fixed(), "guard off, or two guards that renew against each other", is_guard),
        Rule("spec.replicas", size(default=1), "replicas dropped"),
        Rule("spec.strategy", fixed(), "two guards may run side by side", is_guard),
        Rule("spec.paused", OFF, "changes no longer arrive"),
        *ignore("spec.revisionHistoryLimit"),
        *_TEMPLATE,
    ),
    "kubernetes:apps/v1:StatefulSet": (
        holds("a database"),
        Rule("spec.replicas", fixed(), "guard off, or two guards that renew against each other", is_guard),
        Rule("spec.replicas", size(default=1, more=Verdict.UNJUDGED), "replicas of what holds data"),
        *each(f"{_CLAIMS}.whenDeleted {_CLAIMS}.whenScaled", must_be("Retain", default="Retain"), "data goes with it"),
        *each(f"{_FIXED} spec.podManagementPolicy", DESTROYS, "a new set, without its volumes"),
        *ignore("spec.revisionHistoryLimit"),
        *_TEMPLATE,
    ),
    "kubernetes:policy/v1:PodDisruptionBudget": (
        replaceable("all Pods may go at once"),
        Rule("spec.minAvailable", longer(), "more Pods may go at once"),
        Rule("spec.maxUnavailable", shorter(), "more Pods may go at once"),
    ),
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": (
        replaceable("replicas dropped to one"),
        *each("spec.minReplicas spec.maxReplicas", size(), "replicas dropped"),
    ),
}
