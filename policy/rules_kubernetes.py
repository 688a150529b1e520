"""What runs in the clusters and who reaches it."""

from collections.abc import Sequence

from policy.admission import cluster_permissions, host_based_access, network_policy
from policy.comparisons import (
    as_json,
    contains_all,
    fixed,
    longer,
    must_be,
    named,
    neutral,
    said,
    shorter,
    size,
    watched,
)
from policy.labels import renewed
from policy.numbers import duration, quantity
from policy.plans import STRATEGY_SERVICES, is_plan, ranked, recovery_plan
from policy.rule import Change, Kind, Rule, Subject
from policy.schedules import schedule
from policy.values import MISSING, Value, at, items
from policy.verdict import Judgement, Verdict
from policy.walk import unjudged
from policy.workloads import is_guard, limit, template_rules
from recovery.names import GATE_SERVICE, STRATEGY_CONFIG

_LISTEN = "alb.ingress.kubernetes.io/listen-ports"
_SITE = 'metadata.annotations["dr.ultramarket.com/{}"]'


def _is_gate(subject: Subject) -> bool:
    return at(subject.old_inputs or subject.inputs, "metadata", "name") == GATE_SERVICE


def _holds_plan(subject: Subject) -> bool:
    return any(is_plan(text) for text in dict(at(subject.inputs, "data") or {}).values())


def _listeners() -> Kind:
    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        plain = '"HTTP"' in str(change.new)
        verdict = Verdict.WEAKER if plain else Verdict.STRONGER if '"HTTP"' in str(change.old) else Verdict.UNJUDGED
        return said(change, verdict, reason if plain else "which ports are listened on")

    return Kind("listeners", compare)


def _routes() -> Kind:
    """The paths of an Ingress and where each leads; their order means nothing."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        old, new = _paths(change.old), _paths(change.new)
        found = [
            Judgement(verdict=Verdict.WEAKER, reason=reason, old=path, new="-", path=(f"[{path}]",))
            for path in old
            if path not in new
        ]
        found += [
            unjudged((f"[{path}]",), old.get(path, MISSING), to, "who outside reaches what")
            for path, to in new.items()
            if old.get(path) != to
        ]
        return found or said(change, Verdict.NEUTRAL, "the same paths in another order")

    return Kind("routes", compare)


def _paths(rules: Value) -> dict[str, Value]:
    """(host and path) → backend."""
    return {
        f"{at(rule, 'host') if at(rule, 'host') is not MISSING else ''}{at(path, 'path')}": at(path, "backend")
        for rule in items(rules)
        for path in items(at(rule, "http", "paths"))
    }


def _is_strategy(subject: Subject) -> bool:
    return at(subject.inputs, "metadata", "name") == STRATEGY_CONFIG


_STRATEGY = (
    Rule(
        "data.strategy",
        ranked("cold", "warm", "hot", least="cold"),
        "a colder strategy takes longer to recover",
        _is_strategy,
    ),
    Rule('data["recovery-time"]', shorter(duration), "recovery takes longer", _is_strategy),
    Rule("data.rto", shorter(duration), "the business accepts a longer outage", _is_strategy),
    Rule("data.rpo", shorter(duration), "the business accepts a larger loss", _is_strategy),
    Rule("data.strategies", watched(), "what a strategy stands for", _is_strategy),
    Rule("data.standbys", contains_all(separator=","), "a database no longer follows", _is_strategy),
    Rule('data["laid-out"]', contains_all(separator=","), "no longer laid out with every copy", _is_strategy),
    Rule("data.promoted", contains_all(separator=","), "no longer promoted", _is_strategy),
    Rule(
        'data["restored-first"]',
        contains_all(fewer=Verdict.STRONGER, more=Verdict.WEAKER, separator=","),
        "restored before a promotion, which takes longer",
        _is_strategy,
    ),
    Rule("data.services", as_json(STRATEGY_SERVICES), "what runs at the DR site", _is_strategy),
)
_WORKLOAD = (Rule("spec.revisionHistoryLimit", neutral(), "how many old versions are kept"),)
_REPLICAS = "replicas dropped"

KUBERNETES_RULES: dict[str, tuple[Rule, ...]] = {
    "kubernetes:core/v1:Namespace": (
        *(
            Rule(
                f'metadata.labels["pod-security.kubernetes.io/{mode}"]',
                ranked("privileged", "baseline", "restricted", least="restricted", default=default),
                "Pod Security relaxed",
            )
            for mode, default in (("enforce", "privileged"), ("audit", MISSING), ("warn", MISSING))
        ),
        *(
            Rule(
                f'metadata.labels["pod-security.kubernetes.io/{mode}-version"]',
                must_be("latest", default="latest"),
                "Pod Security relaxed: an older version asks for less",
            )
            for mode in ("enforce", "audit", "warn")
        ),
        *(
            Rule(_SITE.format(each), fixed(), "promotion knows the site by it")
            for each in ("site", "account", "region")
        ),
    ),
    "kubernetes:core/v1:ServiceAccount": (
        Rule("automountServiceAccountToken", must_be(False, default=True), "a token of the cluster in every Pod"),
    ),
    "kubernetes:core/v1:Secret": (
        Rule("stringData", renewed(), "a secret was renewed; its value is not shown"),
        Rule("data", renewed(), "a secret was renewed; its value is not shown"),
        Rule("stringData[*]", renewed(), "a secret was renewed; its value is not shown"),
        Rule("data[*]", renewed(), "a secret was renewed; its value is not shown"),
        Rule("immutable", neutral(), "whether it changes in place"),
    ),
    "kubernetes:core/v1:ConfigMap": (
        Rule('data["recovery.yaml"]', recovery_plan(), "the recovery plan"),
        Rule('data["pg_hba.conf"]', host_based_access(), "gate bypassed: the database lets in more"),
        *_STRATEGY,
        Rule("metadata.name", neutral(), "named by its content, which is judged by itself"),
        Rule("immutable", neutral(), "whether it changes in place"),
    ),
    "kubernetes:core/v1:Service": (
        Rule("spec.selector", fixed(), "gate bypassed: its Service leads elsewhere", _is_gate),
        Rule("spec.selector", watched(), "the Service leads elsewhere"),
        Rule("spec.type", must_be("ClusterIP", default="ClusterIP"), "public access: reachable from outside"),
        Rule("spec.externalIPs", fixed(absent=True), "public access: reachable from outside"),
        Rule("spec.externalName", fixed(), "the Service leads elsewhere"),
        Rule("spec.ports", watched(), "other ports"),
    ),
    "kubernetes:apps/v1:Deployment": (
        Rule("spec.replicas", fixed(), "guard off, or two guards that renew against each other", is_guard),
        Rule("spec.replicas", size(default=1), _REPLICAS),
        Rule("spec.strategy", fixed(), "two guards may run side by side", is_guard),
        Rule("spec.strategy", watched(), "how Pods are replaced"),
        Rule("spec.paused", must_be(False, default=False), "changes no longer arrive"),
        *_WORKLOAD,
        *template_rules("spec.template"),
    ),
    "kubernetes:apps/v1:StatefulSet": (
        Rule("spec.replicas", size(default=1, more=Verdict.UNJUDGED), "replicas of what holds data"),
        Rule(
            "spec.persistentVolumeClaimRetentionPolicy.whenDeleted",
            must_be("Retain", default="Retain"),
            "data goes with the set",
        ),
        Rule(
            "spec.persistentVolumeClaimRetentionPolicy.whenScaled",
            must_be("Retain", default="Retain"),
            "data goes with the Pod",
        ),
        Rule("spec.volumeClaimTemplates", fixed(Verdict.DESTRUCTIVE), "the set is replaced; its volumes do not follow"),
        Rule("spec.selector", fixed(Verdict.DESTRUCTIVE), "the set is replaced"),
        Rule("spec.serviceName", fixed(Verdict.DESTRUCTIVE), "the set is replaced"),
        *_WORKLOAD,
        *template_rules("spec.template"),
    ),
    "kubernetes:batch/v1:CronJob": (
        Rule("spec.schedule", schedule(), "copies are made less often"),
        Rule("spec.suspend", must_be(False, default=False), "schedule suspended"),
        Rule("spec.concurrencyPolicy", must_be("Forbid", default="Allow"), "two runs at once"),
        Rule("spec.startingDeadlineSeconds", size(missing=float("inf")), "a run that starts late is skipped sooner"),
        Rule("spec.timeZone", named("the same runs at another hour"), "the cluster's own clock decides when it runs"),
        Rule("spec.successfulJobsHistoryLimit", neutral(), "how many Jobs are kept to look at"),
        Rule("spec.failedJobsHistoryLimit", neutral(), "how many Jobs are kept to look at"),
        Rule("spec.jobTemplate.spec.activeDeadlineSeconds", limit(size()), "a long run is ended before it is complete"),
        Rule("spec.jobTemplate.spec.backoffLimit", size(default=6), "fewer tries"),
        Rule("spec.jobTemplate.spec.ttlSecondsAfterFinished", neutral(), "how long Jobs are kept to look at"),
        *template_rules("spec.jobTemplate.spec.template"),
    ),
    "kubernetes:batch/v1:Job": (
        Rule("spec.activeDeadlineSeconds", limit(size()), "a long run is ended before it is complete"),
        Rule("spec.backoffLimit", size(default=6), "fewer tries"),
        Rule("spec.ttlSecondsAfterFinished", neutral(), "how long it is kept to look at"),
        *template_rules("spec.template"),
    ),
    "kubernetes:rbac.authorization.k8s.io/v1:Role": (Rule("rules", cluster_permissions(), "permission widened"),),
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole": (
        Rule("rules", cluster_permissions(), "permission widened"),
    ),
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": (
        Rule("spec", network_policy(), "gate bypassed: more gets through"),
    ),
    "kubernetes:networking.k8s.io/v1:Ingress": (
        Rule("spec.rules", _routes(), "customers are not let in"),
        Rule(f'metadata.annotations["{_LISTEN}"]', _listeners(), "plaintext listener"),
        Rule('metadata.annotations["alb.ingress.kubernetes.io/certificate-arn"]', watched(), "another certificate"),
        Rule('metadata.annotations["alb.ingress.kubernetes.io/healthcheck-path"]', watched(), "what counts as healthy"),
    ),
    "kubernetes:policy/v1:PodDisruptionBudget": (
        Rule("spec.minAvailable", longer(), "more Pods may go at once"),
        Rule("spec.maxUnavailable", shorter(), "more Pods may go at once"),
        Rule("spec.selector", watched(), "other Pods are kept"),
    ),
    "kubernetes:core/v1:ResourceQuota": (Rule("spec.hard[*]", size(quantity), "full size may no longer fit"),),
    "kubernetes:core/v1:LimitRange": (Rule("spec.limits", watched(), "what a Pod gets that asks for nothing"),),
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": (
        Rule("spec.minReplicas", size(), _REPLICAS),
        Rule("spec.maxReplicas", size(), _REPLICAS),
        Rule("spec.scaleTargetRef", watched(), "another workload"),
        Rule("spec.behavior", watched(), "how it scales"),
    ),
    "kubernetes:storage.k8s.io/v1:StorageClass": (
        Rule("reclaimPolicy", ranked("Delete", "Retain", default="Delete"), "a volume goes with its claim"),
        Rule("parameters.encrypted", must_be("true", default="false"), "volumes unencrypted"),
        Rule("allowVolumeExpansion", neutral(), "whether volumes grow"),
    ),
    "kubernetes:core/v1:PersistentVolumeClaim": (
        Rule("spec.resources.requests.storage", size(quantity), "a smaller volume"),
        Rule("spec.storageClassName", fixed(Verdict.DESTRUCTIVE), "another volume"),
    ),
    "kubernetes:core/v1:PersistentVolume": (
        Rule("spec.persistentVolumeReclaimPolicy", ranked("Delete", "Retain"), "the volume goes with its claim"),
    ),
    "kubernetes:core/v1:Pod": (Rule("metadata.labels[*]", watched(), "policies and Services go by a Pod's labels"),),
} | {
    f"kubernetes:rbac.authorization.k8s.io/v1:{kind}": (
        Rule("subjects", contains_all(fewer=Verdict.STRONGER, more=Verdict.WEAKER), "permission widened"),
        Rule("roleRef", fixed(), "permission widened"),
    )
    for kind in ("RoleBinding", "ClusterRoleBinding")
}
