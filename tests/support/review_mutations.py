"""Changes a reviewer may meet, each with what a person says to it.

`weaken` is for the tests' Pulumi program: it declares the stack with the mutations applied, as if the components had
been edited. Edits of plan and config are in `review_edits`.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from policy.rule import pattern
from policy.verdict import Verdict

W, D, C, S, N = Verdict.WEAKER, Verdict.DESTRUCTIVE, Verdict.UNJUDGED, Verdict.STRONGER, Verdict.NEUTRAL
REMOVED = object()
EVERYBODY = {"kind": "Group", "name": "everybody", "apiGroup": "rbac.authorization.k8s.io"}


@dataclass(frozen=True)
class Mutation:
    """One edit of a component: a property of a resource, and the verdict of whatever the review says below `at`.

    `at` names elements of lists by place or by name; `protect` and `retainOnDelete` are the resource's options.
    """

    stack: str
    resource: str
    at: str
    to: Any
    verdict: Verdict

    @property
    def says(self) -> tuple[str, str]:
        """Where the finding is to be."""
        return self.resource, self.at


def edited(change: Callable[[Any], None]) -> Callable[[str], str]:
    """An edit of a JSON text."""

    def edit(text: str) -> str:
        document = json.loads(text)
        change(document)
        return json.dumps(document)

    return edit


def without(sid: str) -> Callable[[str], str]:
    """A policy without one of its statements, which must be there."""

    def drop(document: Any) -> None:
        (gone,) = (each for each in document["Statement"] if each["Sid"] == sid)
        document["Statement"].remove(gone)

    return edited(drop)


def changed(sid: str, **values: Any) -> Callable[[str], str]:
    """A policy with other values in one of its statements."""

    def change(document: Any) -> None:
        (found,) = (each for each in document["Statement"] if each.get("Sid") == sid)
        found.update(values)

    return edited(change)


def more_actions(sid: str, *actions: str) -> Callable[[str], str]:
    """A policy whose statement allows more."""

    def change(document: Any) -> None:
        (found,) = (each for each in document["Statement"] if each.get("Sid") == sid)
        found["Action"] = [*found["Action"], *actions]

    return edited(change)


def rewritten(text: str) -> str:
    """The same policy in another order and layout."""
    document = json.loads(text)
    document["Statement"].reverse()
    return json.dumps(document, indent=2)


_UNDO = "noncurrentVersionExpiration"


def longer_by(name: str, days: int) -> Callable[[list[Any]], list[Any]]:
    """Lifecycle rules with one undo window changed."""
    return lambda rules: [
        {**rule, _UNDO: {"noncurrentDays": rule[_UNDO]["noncurrentDays"] + days}} if rule["id"] == name else rule
        for rule in rules
    ]


_ENCRYPTED = "rules[0].applyServerSideEncryptionByDefault.sseAlgorithm"
_COPIED = "rules[all-copies]"
_BACKUP = "spec.jobTemplate.spec.template.spec.containers[backup]"
_GUARD = "spec.template.spec.containers[guard]"
_POLICIES = "spec.template.spec"
_FULL = "backup-postgres-full-job"


def _foundation(resource: str, at: str, to: Any, verdict: Verdict) -> Mutation:
    return Mutation("foundation", resource, at, to, verdict)


def _prod(resource: str, at: str, to: Any, verdict: Verdict) -> Mutation:
    return Mutation("prod", resource, at, to, verdict)


def _dr(resource: str, at: str, to: Any, verdict: Verdict) -> Mutation:
    return Mutation("dr", resource, at, to, verdict)


COMPONENTS = (
    # What keeps copies.
    _foundation("backups-prod-bucket", "forceDestroy", True, W),
    _foundation("backups-prod-bucket", "protect", False, W),
    _foundation("failover-bucket", "tags", {"team": "platform"}, N),
    _foundation("failover-bucket", "retainOnDelete", False, W),
    _foundation("backups-prod-versioning", "versioningConfiguration.status", "Suspended", W),
    _foundation("backups-prod-encryption", _ENCRYPTED, "AES256", W),
    _foundation("backups-dr-encryption", "rules[0].blockedEncryptionTypes", [], W),
    _foundation("backups-dr-encryption", "rules[0].bucketKeyEnabled", False, N),
    _foundation("backups-prod-public-access", "blockPublicPolicy", False, W),
    _foundation("backups-dr-public-access", "restrictPublicBuckets", REMOVED, W),
    _foundation("backups-dr-ownership", "rule.objectOwnership", "ObjectWriter", W),
    _foundation("backups-prod-lifecycle", "rules", longer_by("postgres-full-undo", -4), W),
    _foundation("backups-prod-policy", "policy", without("KeepVersions"), W),
    _foundation("backups-dr-policy", "policy", rewritten, N),
    _foundation("failover-policy", "policy", changed("CheckersRead", Condition={}), W),
    _foundation("backup-replication-rule", f"{_COPIED}.status", "Disabled", W),
    _foundation("backup-replication-rule", f"{_COPIED}.deleteMarkerReplication.status", "Enabled", W),
    _foundation("backup-replication-rule", f"{_COPIED}.destination.metrics", REMOVED, W),
    _foundation("backup-replication-rule", f"{_COPIED}.filter", {"prefix": "postgres/"}, W),
    # Keys.
    _foundation("backup-key-prod-key", "deletionWindowInDays", 7, W),
    _foundation("backup-key-prod-key", "enableKeyRotation", False, W),
    _foundation("backup-key-dr-key", "policy", without("KeepKey"), W),
    _foundation("backup-key-dr-key", "description", "the key of the DR region", N),
    # The control table.
    _foundation("control-table", "deletionProtectionEnabled", False, W),
    _foundation("control-table", "pointInTimeRecovery.enabled", False, W),
    _foundation("control-table", "replicas[us-east-1].pointInTimeRecovery", False, W),
    _foundation("control-table", "protect", False, W),
    # Traffic.
    _foundation("failover-secondary", "healthCheckId", "11111111-2222-3333-4444-555555555555", W),
    _foundation("failover-marker-check", "invertHealthcheck", False, W),
    _foundation("failover-canary-check", "searchString", "anything", W),
    _foundation("failover-canary-check", "requestInterval", 30, D),
    _foundation("failover-canary-check", "protect", False, W),
    _foundation("failover-primary", "ttl", 300, W),
    # Who may do what.
    _foundation("role-shipper-permission", "policy", more_actions("WriteLogs", "s3:DeleteObject"), W),
    _foundation("role-guard-permission", "policy", more_actions("RenewLease", "dynamodb:DeleteItem"), W),
    _foundation("role-restorer-permission", "policy", without("ReadCopies"), C),
    _foundation("backup-replication-permission", "policy", without("WriteReplicas"), W),
    _foundation("role-break-glass-role", "assumeRolePolicy", changed("PeopleWithMfa", Condition={}), W),
    _foundation("role-writer-role", "description", "Writes copies", N),
    _foundation("role-promoter-role", "maxSessionDuration", 43200, W),
    _foundation("role-guard-role", "protect", False, W),
    _foundation("role-pruner-role", "inlinePolicies", [{"name": "more", "policy": "{}"}], C),
    _foundation("tampering-dr-key", "state", "DISABLED", W),
    # Production's side.
    _prod(_FULL, "spec.suspend", True, W),
    _prod(_FULL, "spec.concurrencyPolicy", "Allow", W),
    _prod(_FULL, "spec.jobTemplate.spec.activeDeadlineSeconds", REMOVED, W),
    _prod(_FULL, f"{_BACKUP}.resources", REMOVED, W),
    _prod(_FULL, f"{_BACKUP}.securityContext.readOnlyRootFilesystem", False, W),
    _prod(_FULL, "spec.successfulJobsHistoryLimit", 5, N),
    _prod(_FULL, "metadata.labels.team", "platform", N),
    _prod("site-guard-gate", "spec.selector", {"app.kubernetes.io/component": "database"}, W),
    _prod("site-guard-guard", "spec.replicas", 2, W),
    _prod("site-guard-guard", "spec.strategy", {"type": "RollingUpdate"}, W),
    _prod("site-guard-guard", f"{_GUARD}.tty", True, C),
    _prod("site-guard-account", "automountServiceAccountToken", True, W),
    # The DR site.
    _dr("warm-cluster-cluster", "vpcConfig.endpointPrivateAccess", False, W),
    _dr("warm-cluster-cluster", "enabledClusterLogTypes", ["api"], W),
    _dr("warm-cluster-secrets-key", "deletionWindowInDays", 7, W),
    _dr("warm-cluster-vpc-cni", "configurationValues", '{"enableNetworkPolicy": "false"}', W),
    _dr("warm-cluster-promoter-access", "kubernetesGroups", ["ultramarket:promoter", "system:masters"], W),
    _dr("warm-cluster-nodes", "tags", {"team": "platform"}, N),
    _dr("warm-cluster-nodes", "scalingConfig.minSize", 1, W),
    _dr("namespace", 'metadata.labels["pod-security.kubernetes.io/enforce"]', "privileged", W),
    _dr("postgres-set", "spec.persistentVolumeClaimRetentionPolicy.whenDeleted", "Delete", W),
    _dr("postgres-set", f"{_POLICIES}.terminationGracePeriodSeconds", 90, N),
    _dr("default-deny-postgres", "spec.ingress", [{}], W),
    _dr("postgres-set", "spec.replicas", 2, W),
    _dr("postgres-set", "protect", False, W),  # the engine would refuse the preview of a replacement
    _dr("postgres-set", "spec.template.spec.containers[postgres].volumeMounts[gate]", REMOVED, W),
    _dr("postgres-set", 'spec.template.metadata.annotations["eks.amazonaws.com/skip-containers"]', REMOVED, W),
    _dr("postgres-gate", "spec.publishNotReadyAddresses", True, W),
    _dr("services-promoter-role", "rules", lambda rules: [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}], W),
    _dr("services-promoter-binding", "subjects", lambda found: [*found, EVERYBODY], W),
    _dr("edge-https", "protocol", "HTTP", W),
    _dr("services-auth-service", "spec.type", "LoadBalancer", W),
    _dr("services-user-deployment", "spec.template.spec.containers[user].image", "ultramarket/user:latest", W),
    _dr("services-cart-deployment", "spec.template.spec.containers[cart].resources.limits.memory", "1Gi", N),
    _dr("services-order-deployment", "spec.template.spec.hostNetwork", True, W),
    _dr("services-auth-disruption", "spec.maxUnavailable", 3, W),
)  # fmt: skip


def weaken(stack: str, mutations: Iterable[Mutation] = COMPONENTS) -> None:
    """Apply the stack's mutations to every resource that this program declares from now on."""
    import pulumi

    wanted = [each for each in mutations if each.stack == stack]

    def transform(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        found = [each for each in wanted if each.resource == args.name]
        if not found or not args.custom:
            return None
        props = dict(args.props)
        for mutation in found:
            if mutation.at == "protect":
                args.opts.protect = mutation.to
            elif mutation.at == "retainOnDelete":
                args.opts.retain_on_delete = mutation.to
            else:
                props = _set(props, pattern(mutation.at), mutation.to)
        return pulumi.ResourceTransformResult(props=props, opts=args.opts)

    pulumi.runtime.register_resource_transform(transform)


def _set(value: Any, path: tuple[str, ...], to: Any) -> Any:
    """A copy of `value` with another one at `path`; an Output stays one."""
    import pulumi

    if isinstance(value, pulumi.Output):
        return value.apply(lambda found: _set(found, path, to))
    if not path:
        return to(value) if callable(to) else to
    part, rest = path[0], path[1:]
    if isinstance(value, list):
        place = int(part[1:-1]) if part[1:-1].isdigit() else _place(value, part[1:-1])
        if to is REMOVED and not rest:
            return [each for number, each in enumerate(value) if number != place]
        return [_set(each, rest, to) if number == place else each for number, each in enumerate(value)]
    copy = dict(value or {})
    if to is REMOVED and not rest:
        del copy[part]
    else:
        copy[part] = _set(copy.get(part), rest, to)
    return copy


def _place(elements: list[Any], name: str) -> int:
    (found,) = (
        n for n, each in enumerate(elements) if name in (each.get("name"), each.get("id"), each.get("regionName"))
    )
    return found
