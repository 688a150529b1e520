"""What no resource of ours may ever be, changed or not: pure functions of a type and its properties.

`dr review` applies them to previews, the policy pack in `policy/pack` to what a program declares.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from policy.statements import NotAPolicy, read_policy
from policy.values import MISSING, UNKNOWN, Absent, Value, at, items, mapping
from policy.workloads import by_digest, containers, pod_spec

_STATEFUL = frozenset({"aws:s3/bucket:Bucket", "aws:dynamodb/table:Table", "aws:kms/replicaKey:ReplicaKey"})
_KEY = "aws:kms/key:Key"
_JOBS = {"kubernetes:batch/v1:CronJob": ("spec", "jobTemplate", "spec"), "kubernetes:batch/v1:Job": ("spec",)}
_SWITCHES = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_EVERYWHERE = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource as it will be. `parents` are the types of the components around it; `protect` as Pulumi keeps it."""

    type: str
    name: str
    inputs: Mapping[str, Value]
    parents: tuple[str, ...] = field(default=())
    protect: bool = False


@dataclass(frozen=True)
class Violation:
    """Which rule is broken where, and what to do about it."""

    rule: str
    property: str
    message: str
    advice: str


@dataclass(frozen=True)
class AbsoluteRule:
    """One rule: `check` yields every place that breaks it. What is not known yet breaks nothing."""

    name: str
    description: str
    check: Callable[[Resource], Iterator[tuple[str, str]]]
    advice: str

    def violations(self, resource: Resource) -> Iterator[Violation]:
        """Every place of `resource` that breaks the rule."""
        for place, message in self.check(resource):
            yield Violation(self.name, place, message, self.advice)


def violations(resource: Resource) -> Iterator[Violation]:
    """Every absolute rule that `resource` breaks."""
    for rule in ABSOLUTE_RULES:
        yield from rule.violations(resource)


def _unlocked(resource: Resource) -> Iterator[tuple[str, str]]:
    if resource.type != "aws:s3/bucket:Bucket" or not _is_backup(resource):
        return
    if at(resource.inputs, "objectLockEnabled") not in (True, UNKNOWN):
        yield "objectLockEnabled", "a backup bucket without Object Lock: whoever holds the keys can end every copy"


def _is_backup(resource: Resource) -> bool:
    return "ultramarket:dr:BackupBucket" in resource.parents or "backup" in str(at(resource.inputs, "bucket"))


def _unversioned(resource: Resource) -> Iterator[tuple[str, str]]:
    status = at(resource.inputs, "versioningConfiguration", "status")
    if resource.type == "aws:s3/bucketVersioning:BucketVersioning" and status not in ("Enabled", UNKNOWN):
        yield "versioningConfiguration.status", "a bucket without versions: an overwrite is final"


def _open_bucket(resource: Resource) -> Iterator[tuple[str, str]]:
    if resource.type != "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock":
        return
    for switch in _SWITCHES:
        if at(resource.inputs, switch) not in (True, UNKNOWN):
            yield switch, "public access is not blocked by all four switches"


def _public_policy(resource: Resource) -> Iterator[tuple[str, str]]:
    if not resource.type.startswith("aws:"):
        return
    for key in ("policy", "assumeRolePolicy"):
        yield from _public_statements(key, at(resource.inputs, key))


def _public_statements(key: str, document: Value) -> Iterator[tuple[str, str]]:
    if not isinstance(document, str):
        return
    try:
        statements = read_policy(document)
    except NotAPolicy:
        return
    for statement in statements:
        if not statement.deny and any(grant.public for grant in statement.grants):
            yield f"{key}[{statement.sid}]", "anybody at all is allowed"


def _wildcards(resource: Resource) -> Iterator[tuple[str, str]]:
    yield from _wildcards_in_the_cluster(resource)
    if resource.type not in ("aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy"):
        return
    try:
        document = at(resource.inputs, "policy")
        statements = [] if isinstance(document, Absent) else read_policy(document)
    except NotAPolicy:
        return
    for statement in statements:
        if statement.deny:
            continue
        wide = {grant.action for grant in statement.grants if "*" in grant.action}
        wide |= {grant.resource for grant in statement.grants if _is_wild(grant.resource)}
        if statement.opaque:
            wide.add("all but what is named")
        if wide:
            yield f"policy[{statement.sid}]", f"a wildcard in a role: {', '.join(sorted(wide))}"


def _wildcards_in_the_cluster(resource: Resource) -> Iterator[tuple[str, str]]:
    if not resource.type.endswith(("rbac.authorization.k8s.io/v1:Role", "rbac.authorization.k8s.io/v1:ClusterRole")):
        return
    for number, rule in enumerate(items(at(resource.inputs, "rules"))):
        for key in ("apiGroups", "resources", "verbs"):
            if "*" in items(at(rule, key)):
                yield f"rules[{number}].{key}", "a wildcard in a role of the cluster"


def _is_wild(resource: str) -> bool:
    bucket = resource.removeprefix("arn:aws:s3:::").partition("/")[0]
    return resource == "*" or (resource.startswith("arn:aws:s3:::") and "*" in bucket)


def _mutable_image(resource: Resource) -> Iterator[tuple[str, str]]:
    if not resource.type.startswith("kubernetes:"):
        return
    for container in containers(resource.inputs):
        image = at(container, "image")
        if isinstance(image, str) and not by_digest(image):
            yield f"containers[{at(container, 'name')}].image", f"mutable image tag: {image}"


def _unbounded_job(resource: Resource) -> Iterator[tuple[str, str]]:
    if resource.type not in _JOBS:
        return
    spec = at(resource.inputs, *_JOBS[resource.type])
    if MISSING is at(spec, "activeDeadlineSeconds") is at(pod_spec(resource.inputs), "activeDeadlineSeconds"):
        yield "activeDeadlineSeconds", "a Job without deadline can hang for ever"
    for container in containers(resource.inputs):
        if not mapping(at(container, "resources", "limits")):
            yield f"containers[{at(container, 'name')}].resources", "a Job without limits can starve a node"


def _unprotected(resource: Resource) -> Iterator[tuple[str, str]]:
    backup_key = resource.type == _KEY and "ultramarket:dr:BackupKey" in resource.parents
    if (resource.type in _STATEFUL or backup_key) and not resource.protect:
        yield "protect", "it holds what cannot be made again, and a destroy would take it"


def _plaintext(resource: Resource) -> Iterator[tuple[str, str]]:
    if resource.type == "aws:lb/listener:Listener":
        redirects = any(at(each, "type") == "redirect" for each in items(at(resource.inputs, "defaultActions")))
        if at(resource.inputs, "protocol") == "HTTP" and not redirects:
            yield "protocol", "a listener in plain text"
    if resource.type == "kubernetes:networking.k8s.io/v1:Ingress":
        notes = mapping(at(resource.inputs, "metadata", "annotations"))
        ports = notes.get("alb.ingress.kubernetes.io/listen-ports", MISSING)
        is_alb = at(resource.inputs, "spec", "ingressClassName") == "alb"
        if '"HTTP"' in str(ports) or (is_alb and ports is MISSING):
            yield "metadata.annotations", "a listener in plain text (without listen-ports an ALB listens on port 80)"


def _checked_secondary(resource: Resource) -> Iterator[tuple[str, str]]:
    roles = [at(each, "type") for each in items(at(resource.inputs, "failoverRoutingPolicies"))]
    is_secondary = resource.type == "aws:route53/record:Record" and "SECONDARY" in roles
    if is_secondary and at(resource.inputs, "healthCheckId") is not MISSING:
        yield "healthCheckId", "SECONDARY with a check: while it is unhealthy everybody is sent back to PRIMARY"


def _open_network(resource: Resource) -> Iterator[tuple[str, str]]:
    kind = resource.type.rpartition(":")[2]
    if kind == "SecurityGroup":
        rules = [("ingress", rule) for rule in items(at(resource.inputs, "ingress"))]
    elif kind == "SecurityGroupIngressRule" or at(resource.inputs, "type") == "ingress":
        rules = [("", resource.inputs)]
    else:
        return
    for place, rule in rules:
        for key in ("cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks"):
            if any(each in _EVERYWHERE for each in items(at(rule, key))):
                yield f"{place}.{key}".lstrip("."), "the whole internet is let in"


ABSOLUTE_RULES = (
    AbsoluteRule("backup-bucket-locked", "A backup bucket has Object Lock.", _unlocked, "set object_lock_enabled=True"),
    AbsoluteRule("bucket-versioned", "A bucket keeps versions.", _unversioned, 'set status="Enabled"'),
    AbsoluteRule("bucket-closed", "All four public-access switches are on.", _open_bucket, "set all four to True"),
    AbsoluteRule("policy-not-public", "No policy allows anybody.", _public_policy, "name who, or a source condition"),
    AbsoluteRule("role-without-wildcards", "Roles name actions and buckets.", _wildcards, "name what the duty needs"),
    AbsoluteRule("image-by-digest", "Images are named by digest.", _mutable_image, "append @sha256:… of the image"),
    AbsoluteRule("job-bounded", "Jobs have deadline and limits.", _unbounded_job, "set both, see BackupCronJob"),
    AbsoluteRule("stateful-protected", "What holds data is protected.", _unprotected, "protect=True in its options"),
    AbsoluteRule("no-plaintext", "Nothing listens in plain text.", _plaintext, "listen on HTTPS only"),
    AbsoluteRule("secondary-unchecked", "SECONDARY has no check.", _checked_secondary, "take the check away"),
    AbsoluteRule("network-closed", "No open ingress.", _open_network, "name the ranges"),
)
