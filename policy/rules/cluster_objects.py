"""What is declared in the clusters, and who reaches it. Pods and what runs them (a CronJob, say) are in `workloads`."""

from policy.comparisons.basic import WATCHED, fixed, kept, must_be, ranked, size
from policy.comparisons.labels import renewed
from policy.comparisons.numbers import quantity
from policy.comparisons.pg_hba import host_based_access
from policy.comparisons.texts import recovery_plan
from policy.comparisons.ways import cluster_permissions, network_policy
from policy.rule import Rule, Subject
from policy.rules.plan import PLAN_RULES, STRATEGY_RULES
from policy.rules.shorthand import GROWS, OFF, Known, each, ends, holds, ignore, protects, replaceable
from policy.values import MISSING, Value, at, items
from recovery.names import GATE_SERVICE, SCRATCH_DISK_CLASS
from recovery.site.edge import NODE_PORTS

_SECURITY = 'metadata.labels["pod-security.kubernetes.io/{}"]'
_SITE = " ".join(f'metadata.annotations["dr.ultramarket.com/{each}"]' for each in ("site", "account", "region"))
_RBAC = "kubernetes:rbac.authorization.k8s.io/v1"


def _is_node_port(subject: Subject) -> bool:
    """Whether its node ports are all among those that the edge leads to."""
    ports = items(at(subject.inputs, "spec", "ports"))
    own = [at(port, "nodePort") in NODE_PORTS.values() for port in ports]
    return at(subject.inputs, "spec", "type") == "NodePort" and bool(own) and all(own)


def _is_gate(subject: Subject) -> bool:
    return at(subject.old_inputs or subject.inputs, "metadata", "name") == GATE_SERVICE


def _keeps_data(subject: Subject) -> bool:
    return at(subject.old_inputs or subject.inputs, "metadata", "name") != SCRATCH_DISK_CLASS


def _pod_security(mode: str, default: Value = MISSING) -> tuple[Rule, ...]:
    level = ranked("privileged", "baseline", "restricted", least="restricted", default=default)
    return (
        Rule(_SECURITY.format(mode), level, "Pod Security relaxed"),
        Rule(_SECURITY.format(f"{mode}-version"), must_be("latest", default="latest"), "an older one asks for less"),
    )


_PREEMPTS = must_be("PreemptLowerPriority", default="PreemptLowerPriority")
_BOUND_LATE = must_be("WaitForFirstConsumer", default="Immediate", new=False)
_ROLE = (Rule("rules", cluster_permissions, "permission widened"),)
_BINDING = (Rule("subjects", GROWS, "permission widened"), Rule("roleRef", fixed(), "permission widened"))

KUBERNETES_RULES: dict[str, Known] = {
    "kubernetes:core/v1:Namespace": (
        holds("everything in it, volumes too"),
        *_pod_security("enforce", default="privileged"),
        *_pod_security("audit"),
        *_pod_security("warn"),
        *each(_SITE, fixed(), "promotion knows the site by it"),
    ),
    "kubernetes:core/v1:ServiceAccount": (
        ends("its Pods cannot start"),
        Rule("automountServiceAccountToken", must_be(False, default=True), "a token of the cluster in every Pod"),
    ),
    "kubernetes:core/v1:Secret": (
        replaceable("who logs in by it cannot any more"),
        *each("stringData data stringData[*] data[*]", renewed, "a secret was renewed; its value is not shown"),
        *ignore("immutable"),
    ),
    "kubernetes:core/v1:ConfigMap": (
        replaceable("what it configures is no longer there"),
        Rule('data["recovery.yaml"]', recovery_plan(PLAN_RULES), "the recovery plan"),
        Rule('data["pg_hba.conf"]', host_based_access, "gate bypassed: the database lets in more"),
        Rule('data["primary-ca.pem"]', kept(), "nobody verifies the primary's certificate any more"),
        *STRATEGY_RULES,
        *ignore("metadata.name immutable"),  # the CA's is named by its content, which is judged by itself
    ),
    "kubernetes:core/v1:Service": (
        ends("who looks for it finds nobody"),
        Rule("spec.selector", fixed(), "gate bypassed: its Service leads elsewhere", _is_gate),
        # As closed as its node, where the edge's security group alone is let in.
        Rule("spec.type", WATCHED, "reached through every node", _is_node_port),
        Rule("spec.type", must_be("ClusterIP", default="ClusterIP"), "public access: reachable from outside"),
        Rule("spec.externalIPs", fixed(absent=True), "public access: reachable from outside"),
        Rule("spec.externalName", fixed(), "the Service leads elsewhere"),
        Rule("spec.publishNotReadyAddresses", OFF, "a closed gate looks like an open one", _is_gate),
    ),
    f"{_RBAC}:Role": (ends("the duty can no longer be done"), *_ROLE),
    f"{_RBAC}:ClusterRole": (ends("the duty can no longer be done"), *_ROLE),
    f"{_RBAC}:RoleBinding": (ends("the duty can no longer be done"), *_BINDING),
    f"{_RBAC}:ClusterRoleBinding": (ends("the duty can no longer be done"), *_BINDING),
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": (
        protects("gate bypassed: the Pods it closed are open"),
        Rule("spec", network_policy, "gate bypassed: more gets through"),
    ),
    "kubernetes:core/v1:ResourceQuota": (
        replaceable("one workload can starve the others"),
        Rule("spec.hard[*]", size(quantity), "full size may no longer fit"),
    ),
    "kubernetes:core/v1:LimitRange": (replaceable("a Pod that asks for nothing gets nothing"),),
    "kubernetes:storage.k8s.io/v1:StorageClass": (
        ends("no new volumes"),
        Rule(
            "reclaimPolicy", ranked("Delete", "Retain", default="Delete"), "a volume goes with its claim", _keeps_data
        ),
        Rule("parameters.encrypted", must_be("true", default="false"), "volumes unencrypted"),
        Rule("allowVolumeExpansion", must_be(True, default=False, new=False), "a full disk cannot be made larger"),
        Rule("volumeBindingMode", _BOUND_LATE, "a volume in a zone without a node"),
    ),
    "kubernetes:scheduling.k8s.io/v1:PriorityClass": (
        ends("its Pods cannot be made any more"),
        Rule("value", size(), "other Pods come before those that everything waits for"),
        Rule("globalDefault", OFF, "every Pod is as urgent as those that everything waits for"),
        Rule("preemptionPolicy", _PREEMPTS, "what everything waits for waits for room"),
    ),
}
