"""What a new resource means: nothing weaker, unless it is weak itself or reaches something that was there before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from posixpath import normpath

from policy.birth import born_weak
from policy.overwrites import BUCKET, OBJECT, ONTO, ROLE, called, is_bundle
from policy.preview import CREATING, REPLACING, UNCHANGED, State, Step
from policy.rule import Subject
from policy.rules import rules_of
from policy.values import MISSING, UNKNOWN, Path, Value, at, contains, items, mapping, words
from policy.verdict import Judgement, Verdict
from policy.walk import unjudged, walk
from recovery.names import MARKER_KEY

_STACK = "pulumi:pulumi:Stack"
_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_KUBERNETES_ROLE = "kubernetes:rbac.authorization.k8s.io/v1:Role"
_RBAC = "kubernetes:rbac.authorization.k8s.io/v1:"
# Power that nobody had before. In a new stack it comes with what it is for; beside what is there it reaches that too.
_POWERS = {
    ROLE: ((), "a new role: who may take it, and what for"),
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
    after) of those it shows before and after, `around` (type, component) it creates, `taken` what is there already by
    its name. `fresh`: the stack is new; `grown`: something besides the stack itself is there already."""

    made: frozenset[tuple[str, str]]
    written: frozenset[tuple[str, str, str]]
    around: frozenset[tuple[str, str]]
    taken: frozenset[tuple[str, ...]]
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
            taken=frozenset(
                _called(step.type, state)
                for step in steps
                for state in (step.old, step.new if step.op not in CREATING else None)
                if state
            )
            - {()},
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
    else:
        yield from _beside(step, step.new, around)
    if step.type == OBJECT and _is_marker(inputs.get("key", MISSING)):
        reason = f"{MARKER_KEY} is the failover itself: traffic moves to the DR site"
        yield Judgement(verdict=Verdict.DESTRUCTIVE, reason=reason, new="created", path=("key",))
    granted = list(_granted(step.type, inputs, around, parent))
    yield from granted
    if not granted and around.grown:
        yield from _empowered(step.type, inputs, around, parent)
    if step.type == BUCKET and not _is_closed(step, around):
        yield _weaker(
            "public access: a bucket without a public-access block", "block_public_access(…) as for the others"
        )


def _fresh(inputs: Mapping[str, Value]) -> Iterator[Judgement]:
    """The first time a stack comes up there is nothing that could be weakened; what is not known is named."""
    later = sorted(key for key, value in inputs.items() if contains(value, UNKNOWN))
    if later:
        reason = f"new stack: {', '.join(later)} known after apply; then review a preview with --show-sames"
        yield Judgement(verdict=Verdict.NEUTRAL, reason=reason, new=words(UNKNOWN))


def _is_marker(key: Value) -> bool:
    """Whether S3 will call it so: the provider drops what a path does not need."""
    return isinstance(key, str) and normpath(f"/{key}").lstrip("/") == MARKER_KEY


def _beside(step: Step, new: State, around: Surroundings) -> Iterator[Judgement]:
    """Something new in a stack that is there already: weak by itself, or put onto what is there."""
    subject = Subject(type=step.type, name=step.name, inputs=new.inputs)
    found = {each.path: each for each in born_weak(new.inputs, rules_of(step.type) or (), subject)}
    onto = ONTO.get(step.type)
    owner = new.inputs.get(onto.property, MISSING) if onto else MISSING
    if _called(step.type, new) in around.taken:
        reason = "something else in this preview is called the same: an update in disguise"
        yield unjudged((), MISSING, words(new.inputs.get("key", MISSING)), reason)
    elif onto and not around.creates(onto.kind, owner, new.parent) and not is_bundle(new.inputs, step.parents):
        found = _replaces(new.inputs, subject) | found
        if not any(each.verdict is Verdict.WEAKER for each in found.values()):
            yield unjudged((), MISSING, "new", f"{onto.reason}; it is put onto what this preview does not create")
    elif onto and contains(new.inputs.get(onto.document, MISSING), UNKNOWN):
        yield unjudged((onto.document,), MISSING, UNKNOWN, "what it says is known only after apply")
    yield from found.values()


def _replaces(inputs: Mapping[str, Value], subject: Subject) -> dict[Path, Judgement]:
    """What would be weaker than nothing at all. Rules that object to any value say nothing of one that is new."""
    rules = [rule for rule in rules_of(subject.type) or () if not rule.kind.blind]
    return {each.path: each for each in walk({}, inputs, rules, subject) if each.verdict is Verdict.WEAKER}


def _called(kind: str, state: State) -> tuple[str, ...]:
    return called(kind, state.inputs, str(state.options.get("provider", "")).rpartition("::")[0])


def _granted(kind: str, inputs: Mapping[str, Value], around: Surroundings, parent: str) -> Iterator[Judgement]:
    """Permissions given as a resource of their own."""
    if kind == "aws:iam/rolePolicyAttachment:RolePolicyAttachment":
        arn = inputs.get("policyArn", MISSING)
        if any(name in str(arn) for name in _BROAD):
            yield _weaker(f"permission widened: {words(arn)}", "name the actions the duty needs")
        elif not around.creates(ROLE, inputs.get("role", MISSING), parent):
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
    onto = ONTO.get(kind)
    known = onto is not None and not around.creates(onto.kind, inputs.get(onto.property, MISSING), parent)
    key = onto.document if onto else ""
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
    if step.new is None:
        return False
    names = {name for kind, name in around.made if kind == _BLOCK}
    names |= {after for kind, _, after in around.written if kind == _BLOCK}
    return world_name(step.new.inputs) in names - {""} or (_BLOCK, step.new.parent) in around.around


def _weaker(reason: str, advice: str = "") -> Judgement:
    return Judgement(verdict=Verdict.WEAKER, reason=reason, advice=advice)
