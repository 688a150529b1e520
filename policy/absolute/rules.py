"""Rules that every resource must keep, whether it changes or not: pure functions of a type and its properties.

`dr review` applies them to previews, the policy pack in `policy/pack` to what a program declares.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from policy.absolute.access import ends_versions, public_policy, wildcards
from policy.absolute.network import open_network, plaintext
from policy.absolute.resource import Broken, Resource
from policy.comparisons.pods import by_digest, containers, pod_spec
from policy.rule import pattern
from policy.values import MISSING, UNKNOWN, at, items, mapping, words
from policy.verdict import Judgement, Verdict
from recovery.access.buckets import PUBLIC_ACCESS_SWITCHES
from recovery.names import DISK_CLASS

_STATEFUL = frozenset({"aws:dynamodb/table:Table", "aws:kms/replicaKey:ReplicaKey"})
_KEY = "aws:kms/key:Key"
_CLAIMS = ("spec", "volumeClaimTemplates")
_JOBS = {"kubernetes:batch/v1:CronJob": ("spec", "jobTemplate", "spec"), "kubernetes:batch/v1:Job": ("spec",)}


@dataclass(frozen=True)
class AbsoluteRule:
    """One rule: `check` yields every place that breaks it. What is not known yet breaks nothing."""

    name: str
    description: str
    check: Callable[[Resource], Iterator[Broken]]
    advice: str


def violations(resource: Resource) -> Iterator[Judgement]:
    """Every place of `resource` that breaks an absolute rule."""
    for rule in ABSOLUTE_RULES:
        for place, message in rule.check(resource):
            reason, name = f"{rule.name}: {message}", f"absolute.{rule.name}"
            path = pattern(place)
            yield Judgement(Verdict.WEAKER, reason, path=path, advice=rule.advice, rule=name)


def _unlocked(resource: Resource) -> Iterator[Broken]:
    if not resource.is_bucket or not _is_backup(resource):
        return
    # Older versions of the provider have it in a block.
    block = at(resource.inputs, "objectLockConfiguration", "objectLockEnabled") in ("Enabled", UNKNOWN)
    if not block and at(resource.inputs, "objectLockEnabled") not in (True, UNKNOWN):
        yield "objectLockEnabled", "a backup bucket without Object Lock: whoever holds the keys can end every copy"


def _is_backup(resource: Resource) -> bool:
    names = (at(resource.inputs, key) for key in ("bucket", "bucketPrefix", "bucketName"))
    return "ultramarket:dr:BackupBucket" in resource.parents or any("backup" in str(name).lower() for name in names)


def _unversioned(resource: Resource) -> Iterator[Broken]:
    status = at(resource.inputs, "versioningConfiguration", "status")
    if resource.type.endswith((":BucketVersioning", ":BucketVersioningV2")) and status not in ("Enabled", UNKNOWN):
        yield "versioningConfiguration.status", "a bucket without versions: an overwrite is final"


def _open_bucket(resource: Resource) -> Iterator[Broken]:
    if resource.type != "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock":
        return
    for switch in PUBLIC_ACCESS_SWITCHES:
        if at(resource.inputs, switch) not in (True, UNKNOWN):
            yield switch, "public access is not blocked by all four switches"


def _mutable_image(resource: Resource) -> Iterator[Broken]:
    if not resource.type.startswith("kubernetes:"):
        return
    for container in containers(resource.inputs):
        image = at(container, "image")
        if isinstance(image, str) and not by_digest(image):
            yield f"containers[{at(container, 'name')}].image", f"mutable image tag: {image}"


def _unbounded_job(resource: Resource) -> Iterator[Broken]:
    if resource.type not in _JOBS:
        return
    spec = at(resource.inputs, *_JOBS[resource.type])
    if MISSING is at(spec, "activeDeadlineSeconds") is at(pod_spec(resource.inputs), "activeDeadlineSeconds"):
        yield "activeDeadlineSeconds", "a Job without deadline can hang for ever"
    for container in containers(resource.inputs):
        if not mapping(at(container, "resources", "limits")):
            yield f"containers[{at(container, 'name')}].resources", "a Job without limits can starve a node"


def _unprotected(resource: Resource) -> Iterator[Broken]:
    backup_key = resource.type == _KEY and "ultramarket:dr:BackupKey" in resource.parents
    if (resource.is_bucket or resource.type in _STATEFUL or backup_key) and not resource.protect:
        yield "protect", "it holds what cannot be made again, and a destroy would take it"


def _plain_disk(resource: Resource) -> Iterator[Broken]:
    """What holds data in the cluster is of our class, which encrypts: what another does is not in a preview."""
    if resource.type == "kubernetes:storage.k8s.io/v1:StorageClass":
        if at(resource.inputs, "parameters", "encrypted") not in ("true", UNKNOWN):
            yield "parameters.encrypted", "volumes of this class are not encrypted"
        return
    claims = [(f"volumeClaimTemplates[{n}].", each) for n, each in enumerate(items(at(resource.inputs, *_CLAIMS)))]
    if resource.type == "kubernetes:core/v1:PersistentVolumeClaim":
        claims = [("", resource.inputs)]
    for place, claim in claims:
        found = at(claim, "spec", "storageClassName")
        if found not in (DISK_CLASS, UNKNOWN):
            yield f"{place}spec.storageClassName", f"a disk of another class than {DISK_CLASS}: {words(found)}"


def _checked_secondary(resource: Resource) -> Iterator[Broken]:
    roles = [at(each, "type") for each in items(at(resource.inputs, "failoverRoutingPolicies"))]
    is_secondary = resource.type == "aws:route53/record:Record" and "SECONDARY" in roles
    if is_secondary and at(resource.inputs, "healthCheckId") is not MISSING:
        yield "healthCheckId", "SECONDARY with a check: while it is unhealthy everybody is sent back to PRIMARY"


ABSOLUTE_RULES = (
    AbsoluteRule("backup-bucket-locked", "A backup bucket has Object Lock.", _unlocked, "set object_lock_enabled=True"),
    AbsoluteRule("bucket-versioned", "A bucket keeps versions.", _unversioned, 'set status="Enabled"'),
    AbsoluteRule("bucket-closed", "All four public-access switches are on.", _open_bucket, "set all four to True"),
    AbsoluteRule("policy-not-public", "No policy allows anybody.", public_policy, "name who, or a source condition"),
    AbsoluteRule("role-without-wildcards", "Roles name actions and buckets.", wildcards, "name what the duty needs"),
    AbsoluteRule("versions-stay", "Only break-glass ends versions.", ends_versions, "let the pruner place a marker"),
    AbsoluteRule("image-by-digest", "Images are named by digest.", _mutable_image, "append @sha256:… of the image"),
    AbsoluteRule("job-bounded", "Jobs have deadline and limits.", _unbounded_job, "set both, see BackupCronJobs"),
    AbsoluteRule("stateful-protected", "What holds data is protected.", _unprotected, "protect=True in its options"),
    AbsoluteRule(
        "disk-encrypted", "Disks are of our class, encrypted.", _plain_disk, "use EncryptedDisks and its class"
    ),
    AbsoluteRule("no-plaintext", "Nothing listens in plain text.", plaintext, "listen on HTTPS only"),
    AbsoluteRule("secondary-unchecked", "SECONDARY has no check.", _checked_secondary, "take the check away"),
    AbsoluteRule("network-closed", "No open ingress.", open_network, "name the ranges, none wider than /8 or IPv6 /32"),
)
