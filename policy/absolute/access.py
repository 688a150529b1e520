"""Absolute rules for permissions: never for anybody, never for everything."""

import json
import re
from collections.abc import Iterator

from policy.absolute.resource import Broken, Resource
from policy.comparisons.documents import Grant, NotAPolicy, Statement, read_policy
from policy.comparisons.patterns import has_wildcard, leaves_owner_open
from policy.values import Absent, Value, at, items
from recovery.access.simulation import NEVER_ON_COPIES

_IDENTITY = re.compile(r"aws:iam/\w+:(Role|User|Group)?Policy")
_ATTACHMENT = re.compile(r"aws:iam/\w+:(Role|User|Group)?PolicyAttachment(sExclusive)?")
_DESTROYS = {action.lower() for action in NEVER_ON_COPIES}
_BREAK_GLASS = "break-glass"
_RBAC = ("rbac.authorization.k8s.io/v1:Role", "rbac.authorization.k8s.io/v1:ClusterRole")
# Policies of AWS's own that say `service:*` or more.
_BROAD = re.compile(r"AdministratorAccess|PowerUserAccess|FullAccess")


def public_policy(resource: Resource) -> Iterator[Broken]:
    """No policy allows anybody at all."""
    if not resource.type.startswith("aws:"):
        return
    for key in ("policy", "assumeRolePolicy"):
        for statement in _allowed(at(resource.inputs, key)):
            if _is_public(statement):
                yield f"{key}[{statement.sid}]", "anybody at all is allowed"


def wildcards(resource: Resource) -> Iterator[Broken]:
    """Roles name actions and whose resources; no bucket gives all of itself to somebody."""
    yield from _in_the_cluster(resource)
    if _IDENTITY.fullmatch(resource.type):
        yield from _wide("policy", at(resource.inputs, "policy"))
    elif resource.type == "aws:iam/role:Role":
        for number, each in enumerate(items(at(resource.inputs, "inlinePolicies"))):
            yield from _wide(f"inlinePolicies[{number}].policy", at(each, "policy"))
        yield from _broad("managedPolicyArns", at(resource.inputs, "managedPolicyArns"))
    elif _ATTACHMENT.fullmatch(resource.type):
        for key in ("policyArn", "policyArns"):
            yield from _broad(key, at(resource.inputs, key))
    elif resource.is_bucket or resource.type.endswith(":BucketPolicy"):
        for statement in _allowed(at(resource.inputs, "policy")):
            wide = sorted({grant.action for grant in statement.grants if has_wildcard(grant.action)})
            if wide or "NotAction" in statement.opaque:
                yield f"policy[{statement.sid}]", f"a wildcard in a bucket's policy: {', '.join(wide) or 'all but'}"


def ends_versions(resource: Resource) -> Iterator[Broken]:
    """Nobody but break-glass may destroy a version of a copy or open its lock: whoever ends copies only hides them."""
    is_policy = _IDENTITY.fullmatch(resource.type) or resource.is_bucket or resource.type.endswith(":BucketPolicy")
    if not is_policy or _BREAK_GLASS in resource.name:
        return
    for statement in _allowed(at(resource.inputs, "policy")):
        if found := sorted({grant.action for grant in statement.grants} & _DESTROYS):
            yield f"policy[{statement.sid}]", f"it destroys copies for good: {', '.join(found)}"


def _wide(key: str, document: Value) -> Iterator[Broken]:
    for statement in _allowed(document):
        wide = {grant.action for grant in statement.grants if has_wildcard(grant.action)}
        named = [grant.resource for grant in statement.grants if not _named_otherwise(grant)]
        wide |= {resource for resource in named if leaves_owner_open(resource)}
        if statement.opaque:
            wide.add("all but what is named")
        if wide:
            yield f"{key}[{statement.sid}]", f"a wildcard in a role: {', '.join(sorted(wide))}"


def _named_otherwise(grant: Grant) -> bool:
    """Metrics are no resources: IAM only takes "*", and the namespace in a condition says which are meant."""
    return grant.action == "cloudwatch:putmetricdata" and ("stringequals", "cloudwatch:namespace") in grant.conditions


def _broad(key: str, arns: Value) -> Iterator[Broken]:
    for arn in items(arns):
        if isinstance(arn, str) and _BROAD.search(arn):
            yield key, f"a policy that holds everything of a service or more: {arn}"


def _allowed(document: Value) -> list[Statement]:
    """The statements that allow; none when the document is not known, or is none."""
    if isinstance(document, Absent) or not document:
        return []
    try:
        return [statement for statement in read_policy(document) if not statement.deny]
    except NotAPolicy:
        return []


def _is_public(statement: Statement) -> bool:
    if not statement.opaque:
        return any(grant.public for grant in statement.grants)
    raw = json.loads(statement.opaque)
    if "NotPrincipal" in raw:
        return True
    plain = {key: value for key, value in raw.items() if key not in ("NotAction", "NotResource")}
    return any(grant.public for each in read_policy({"Statement": plain | {"Action": "*"}}) for grant in each.grants)


def _in_the_cluster(resource: Resource) -> Iterator[Broken]:
    if not resource.type.endswith(_RBAC):
        return
    for number, rule in enumerate(items(at(resource.inputs, "rules"))):
        for key in ("apiGroups", "resources", "verbs"):
            if "*" in items(at(rule, key)):
                yield f"rules[{number}].{key}", "a wildcard in a role of the cluster"
