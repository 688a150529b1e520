"""What a new resource means: nothing weaker, unless it is weak itself or reaches something that was there before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from posixpath import normpath

from policy.differences import born_weak, unjudged
from policy.review.attachments import ACCESS_POLICY, BUCKET, OBJECT, ONTO, POWERS, RBAC, ROLE, called, is_bundle
from policy.review.preview import CREATING, REPLACING, STACK, UNCHANGED, State, Step
from policy.rule import Subject
from policy.rules.by_type import rules_of
from policy.values import MISSING, UNKNOWN, Value, at, contains, items, mapping, words
from policy.verdict import Judgement, Verdict
from recovery.names import MARKER_KEY

_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
# Policies of AWS's for a cluster that hold everything in it.
_BROAD = ("AdministratorAccess", "PowerUserAccess", "FullAccess", "AmazonEKSClusterAdminPolicy")
_SHOWN = frozenset({"update"}) | REPLACING | UNCHANGED
_ANYBODY = ("system:anonymous", "system:unauthenticated", "system:authenticated")


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
        created = [(step.type, step.new) for step in steps if step.op in CREATING and step.new]
        both = [(step.type, step.old, step.new) for step in steps if step.op in _SHOWN and step.old and step.new]
        there = [(step.type, step.old) for step in steps if step.old]
        there += [(step.type, step.new) for step in steps if step.new and step.op not in CREATING]
        return cls(
            made=frozenset((kind, world_name(new.inputs)) for kind, new in created),
            written=frozenset((kind, world_name(old.inputs), world_name(new.inputs)) for kind, old, new in both),
            around=frozenset((kind, new.parent) for kind, new in created),
            taken=frozenset(called(kind, each.inputs, each.options["provider"]) for kind, each in there) - {()},
            fresh=STACK in {kind for kind, _ in created},
            grown=any(step.op not in CREATING and step.type != STACK for step in steps),
        )

    def creates(self, kind: str, name: Value, parent: str) -> bool:
        """Whether this preview creates the resource called `name`; one not yet known is of the same component."""
        if name is UNKNOWN:
            return (kind, parent) in self.around
        return isinstance(name, str) and (kind, name) in self.made


def world_name(inputs: Mapping[str, Value]) -> str:
    """What a resource is called outside Pulumi; empty when it is not known."""
    names = (at(inputs, "metadata", "name"), at(inputs, "bucket"), at(inputs, "name"))
    return next((each for each in names if isinstance(each, str)), "")


def created(step: Step, around: Surroundings) -> Iterator[Judgement]:
    """What is wrong with a new resource; nothing at all is neutral."""
    if step.new is None:
        yield unjudged((), MISSING, MISSING, "the preview does not show what is created")
        return
    inputs = step.new.inputs
    if rules_of(step.type) is None:
        yield unjudged((), MISSING, step.type, "no rule knows this type of resource")
    elif around.fresh:
        yield from _fresh(inputs)
    else:
        yield from _beside(step, step.new, around)
    if step.type == OBJECT and _is_marker(inputs.get("key", MISSING)):
        reason = f"{MARKER_KEY} is the failover itself: traffic moves to the DR site"
        yield Judgement(Verdict.DESTRUCTIVE, reason, new="created", path=("key",))
    yield from _given_away(step.type, step.new, around)
    if step.type == BUCKET and not _is_closed(step.new, around):
        advice = "block_public_access(…) as for the others"
        yield Judgement(Verdict.WEAKER, "public access: a bucket without a public-access block", advice=advice)


def _fresh(inputs: Mapping[str, Value]) -> Iterator[Judgement]:
    """The first time a stack comes up there is nothing that could be weakened; what is not known is named."""
    if later := sorted(key for key, value in inputs.items() if contains(value, UNKNOWN)):
        reason = f"new stack: {', '.join(later)} known after apply; then review a preview with --show-sames"
        yield Judgement(Verdict.NEUTRAL, reason, new=words(UNKNOWN))


def _is_marker(key: Value) -> bool:
    """Whether S3 will call it so: the provider drops what a path does not need."""
    return isinstance(key, str) and normpath(f"/{key}").lstrip("/") == MARKER_KEY


def _beside(step: Step, new: State, around: Surroundings) -> Iterator[Judgement]:
    """Something new in a stack that is there already: weak by itself, put onto what is there, or a new power."""
    onto = ONTO.get(step.type)
    there = onto is not None and not around.creates(onto.kind, at(new.inputs, *onto.property.split(".")), new.parent)
    onto_another = there and not is_bundle(new.inputs, step.parents)
    rules, subject = rules_of(step.type) or (), Subject(inputs=new.inputs)
    weak = {each.path: each for each in born_weak(new.inputs, rules, subject, onto_another=onto_another)}
    yield from weak.values()
    if called(step.type, new.inputs, new.options["provider"]) in around.taken:
        reason = "something else in this preview is called the same: an update in disguise"
        yield unjudged((), MISSING, words(at(new.inputs, "key")), reason)
    if onto and onto_another:
        if not any(each.verdict is Verdict.WEAKER for each in weak.values()):
            yield Judgement(onto.verdict, f"{onto.reason}; it is put onto what this preview does not create", new="new")
    elif onto and contains(at(new.inputs, onto.document), UNKNOWN):
        yield unjudged((onto.document,), MISSING, UNKNOWN, "what it says is known only after apply")
    elif step.type in POWERS and around.grown:
        path = (onto.document,) if onto and onto.document else ()
        yield unjudged(path, MISSING, "new", f"{POWERS[step.type]} is for a person to weigh")


def _given_away(kind: str, new: State, around: Surroundings) -> Iterator[Judgement]:
    """Permissions that are too wide in a new stack as well."""
    inputs, arn = new.inputs, words(at(new.inputs, "policyArn"))
    if kind == _ATTACHMENT and not around.creates(ROLE, at(inputs, "role"), new.parent):
        yield Judgement(Verdict.WEAKER, f"permission widened: an existing role gets {arn}")
    if kind == ACCESS_POLICY and any(name in arn for name in _BROAD):
        yield Judgement(Verdict.WEAKER, f"permission widened in the cluster: {arn}")
    if kind in (f"{RBAC}RoleBinding", f"{RBAC}ClusterRoleBinding"):
        role = str(at(inputs, "roleRef", "name"))
        subjects = [str(mapping(each).get("name", "?")) for each in items(inputs.get("subjects", MISSING))]
        if not set(_ANYBODY).isdisjoint(subjects):
            yield Judgement(Verdict.WEAKER, f"public access: anybody gets {role}")
        elif role in ("cluster-admin", "admin", "edit"):
            yield Judgement(Verdict.WEAKER, f"permission widened: {', '.join(subjects)} gets {role}")


def _is_closed(bucket: State, around: Surroundings) -> bool:
    names = {name for kind, name in around.made if kind == _BLOCK}
    names |= {after for kind, _, after in around.written if kind == _BLOCK}
    return world_name(bucket.inputs) in names - {""} or (_BLOCK, bucket.parent) in around.around
