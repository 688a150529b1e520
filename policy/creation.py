"""What a new resource means: mostly nothing weaker, unless it gives somebody something that was there before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from policy.preview import CREATING, REPLACING, UNCHANGED, Step
from policy.rule import Subject
from policy.rules import rules_of
from policy.values import MISSING, UNKNOWN, Value, at, contains, items, mapping, words
from policy.verdict import Judgement, Verdict
from policy.walk import unjudged, walk

_STACK = "pulumi:pulumi:Stack"
_S3 = "aws:s3/bucket"
_BUCKET, _ROLE, _KUBERNETES_ROLE = (
    "aws:s3/bucket:Bucket",
    "aws:iam/role:Role",
    "kubernetes:rbac.authorization.k8s.io/v1:Role",
)
# What is put onto something else: the property that counts, the input that names the other, and the other's type.
_ATTACHED = {
    f"{_S3}Policy:BucketPolicy": ("policy", "bucket", _BUCKET),
    f"{_S3}LifecycleConfiguration:BucketLifecycleConfiguration": ("rules", "bucket", _BUCKET),
    "aws:iam/rolePolicy:RolePolicy": ("policy", "role", _ROLE),
}
_RBAC = "kubernetes:rbac.authorization.k8s.io/v1:"
# Power that nobody had before. In a new stack it comes with what it is for; beside what is there it reaches that too.
_POWERS = {
    _ROLE: ((), "a new role: who may take it, and what for"),
    "aws:iam/rolePolicy:RolePolicy": (("policy",), "what a new role may do"),
    _KUBERNETES_ROLE: ((), "a new role in the cluster: what it may do there"),
    f"{_RBAC}ClusterRole": ((), "a new role in the whole cluster: what it may do there"),
    f"{_RBAC}RoleBinding": ((), "who gets the new role in the cluster"),
    f"{_RBAC}ClusterRoleBinding": ((), "who gets the new role in the whole cluster"),
}
# Policies of AWS's that hold everything of a service or more.
_BROAD = ("AdministratorAccess", "PowerUserAccess", "FullAccess", "AmazonEKSClusterAdminPolicy")


@dataclass(frozen=True)
class Surroundings:
    """What else a preview shows: `made` are (type, name in the world) it creates, `written` (type, name before, name
    after) of those it shows before and after, `around` (type, component) it creates. `fresh`: the stack is new;
    `grown`: something besides the stack itself is there already."""

    made: frozenset[tuple[str, str]]
    written: frozenset[tuple[str, str, str]]
    around: frozenset[tuple[str, str]]
    fresh: bool
    grown: bool

    @classmethod
    def of(cls, steps: Sequence[Step]) -> "Surroundings":
        """From a preview's steps."""
        created = [step for step in steps if step.op in CREATING and step.new]
        shown = [step for step in steps if step.op in ("update", *REPLACING, *UNCHANGED)]
        return cls(
            made=frozenset((step.type, world_name(step.new.inputs)) for step in created if step.new),
            written=frozenset(
                (step.type, world_name(step.old.inputs), world_name(step.new.inputs))
                for step in shown
                if step.old and step.new
            ),
            around=frozenset((step.type, step.new.parent) for step in created if step.new),
            fresh=any(step.type == _STACK for step in created),
            grown=any(step.op not in CREATING and step.type != _STACK for step in steps),
        )

    def creates(self, kind: str, name: Value, parent: str) -> bool:
        """Whether this preview creates the resource called `name`; one not yet known is of the same component."""
        return (kind, name) in self.made or (name is UNKNOWN and (kind, parent) in self.around)


def world_name(inputs: Mapping[str, Value]) -> str:
    """What a resource is called outside Pulumi; empty when it is not known."""
    for found in (at(inputs, "metadata", "name"), at(inputs, "bucket"), at(inputs, "name")):
        if isinstance(found, str):
            return found
    return ""


def created(step: Step, around: Surroundings) -> Iterator[Judgement]:
    """What is wrong with a new resource; nothing at all is neutral."""
    if step.new is None:
        yield unjudged((), MISSING, MISSING, "the preview does not show what is created")
        return
    inputs, parent = step.new.inputs, step.new.parent
    if rules_of(step.type) is None:
        yield unjudged((), MISSING, step.type, "no rule knows this type of resource")
    elif around.fresh:
        yield from _fresh(inputs)
    elif step.type in _ATTACHED:
        yield from _attached(step, inputs, around, parent)
    granted = list(_granted(step.type, inputs, around, parent))
    yield from granted
    if not granted and around.grown:
        yield from _empowered(step.type, inputs, around, parent)
    if step.type == _BUCKET and not _is_closed(step, around):
        yield _weaker(
            "public access: a bucket without a public-access block", "block_public_access(…) as for the others"
        )


def _fresh(inputs: Mapping[str, Value]) -> Iterator[Judgement]:
    """The first time a stack comes up there is nothing that could be weakened; what is not known is named."""
    later = sorted(key for key, value in inputs.items() if contains(value, UNKNOWN))
    if later:
        reason = f"new stack: {', '.join(later)} known after apply; then review a preview with --show-sames"
        yield Judgement(verdict=Verdict.NEUTRAL, reason=reason, new=words(UNKNOWN))


def _attached(step: Step, inputs: Mapping[str, Value], around: Surroundings, parent: str) -> Iterator[Judgement]:
    key, target, kind = _ATTACHED[step.type]
    value = inputs.get(key, MISSING)
    if around.creates(kind, inputs.get(target, MISSING), parent):
        if contains(value, UNKNOWN):
            yield unjudged((key,), MISSING, UNKNOWN, "what it says is known only after apply")
        return
    subject = Subject(type=step.type, name=step.name, inputs=inputs)
    yield from walk({}, {key: value}, rules_of(step.type) or (), subject)


def _granted(kind: str, inputs: Mapping[str, Value], around: Surroundings, parent: str) -> Iterator[Judgement]:
    """Permissions given as a resource of their own."""
    if kind == "aws:iam/rolePolicyAttachment:RolePolicyAttachment":
        arn = inputs.get("policyArn", MISSING)
        if any(name in str(arn) for name in _BROAD):
            yield _weaker(f"permission widened: {words(arn)}", "name the actions the duty needs")
        elif not around.creates(_ROLE, inputs.get("role", MISSING), parent):
            yield _weaker(f"permission widened: an existing role gets {words(arn)}")
    elif kind == "aws:eks/accessPolicyAssociation:AccessPolicyAssociation":
        if not around.fresh or any(name in str(inputs.get("policyArn")) for name in _BROAD):
            yield _weaker(f"permission widened in the cluster: {words(inputs.get('policyArn', MISSING))}")
    elif kind.endswith(("/v1:RoleBinding", "/v1:ClusterRoleBinding")):
        yield from _bound(inputs, around)
    elif kind == "kubernetes:networking.k8s.io/v1:NetworkPolicy" and not around.fresh:
        yield from _opens(inputs)
    elif kind == "aws:eks/accessEntry:AccessEntry":
        cluster = inputs.get("clusterName", MISSING)
        if not around.fresh and not around.creates("aws:eks/cluster:Cluster", cluster, parent):
            yield _weaker(f"permission widened: {words(inputs.get('principalArn', MISSING))} enters the cluster")


def _bound(inputs: Mapping[str, Value], around: Surroundings) -> Iterator[Judgement]:
    role = str(at(inputs, "roleRef", "name"))
    subjects = [str(mapping(each).get("name", "?")) for each in items(inputs.get("subjects", MISSING))]
    if any(each in ("system:anonymous", "system:unauthenticated", "system:authenticated") for each in subjects):
        yield _weaker(f"public access: anybody gets {role}")
    elif role in ("cluster-admin", "admin", "edit") or (
        not around.fresh and (_KUBERNETES_ROLE, role) not in around.made
    ):
        yield _weaker(f"permission widened: {', '.join(subjects)} gets {role}")


def _empowered(kind: str, inputs: Mapping[str, Value], around: Surroundings, parent: str) -> Iterator[Judgement]:
    """A new role beside what is there already; what an existing role gets is compared with nothing elsewhere."""
    key, target, owner = _ATTACHED.get(kind, ("", "", ""))
    known = kind in _ATTACHED and not around.creates(owner, inputs.get(target, MISSING), parent)
    if kind in _POWERS and not known and not contains(inputs.get(key, MISSING), UNKNOWN):
        path, question = _POWERS[kind]
        yield unjudged(path, MISSING, "new", f"{question} is for a person to weigh")


def _opens(inputs: Mapping[str, Value]) -> Iterator[Judgement]:
    """Network policies add up: a new one may let through what the others do not."""
    spec = mapping(inputs.get("spec", {}))
    lets_in = [rule for key in ("ingress", "egress") for rule in items(spec.get(key, MISSING))]
    if any(not mapping(rule) for rule in lets_in):
        yield _weaker("gate bypassed: the new policy lets everybody through")
    elif lets_in:
        yield unjudged((), MISSING, "a way more", "network policies add up: it lets through what others do not")


def _is_closed(step: Step, around: Surroundings) -> bool:
    block = f"{_S3}PublicAccessBlock:BucketPublicAccessBlock"
    if step.new is None:
        return False
    names = {name for kind, name in around.made if kind == block}
    names |= {after for kind, _, after in around.written if kind == block}
    return world_name(step.new.inputs) in names - {""} or (block, step.new.parent) in around.around


def _weaker(reason: str, advice: str = "") -> Judgement:
    return Judgement(verdict=Verdict.WEAKER, reason=reason, advice=advice)
