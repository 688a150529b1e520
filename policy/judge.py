"""A preview in, findings out: every change of every resource, sorted."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from policy.absolute import Resource, violations
from policy.creation import Surroundings, created
from policy.lives import DATA, LIVES, Life
from policy.preview import CREATING, DELETING, KNOWN, REPLACING, STACK, UNCHANGED, Preview, State, Step
from policy.reported import unshown
from policy.rule import Subject, pattern
from policy.rules import rules_of
from policy.values import MISSING, Value, path_text, words
from policy.verdict import ADVICE, Finding, Judgement, Verdict
from policy.walk import unjudged, walk

_ORDER = {verdict: place for place, verdict in enumerate(Verdict)}
_NEW = Judgement(verdict=Verdict.NEUTRAL, reason="new", new="created")
_WHOLE = {"create": "creation", "import": "import", "delete": "deletion"}


def review(previews: Iterable[Preview]) -> list[Finding]:
    """Every finding, the worst first."""
    found = [finding for preview in previews for finding in judge(preview)]
    return sorted(found, key=lambda each: (_ORDER[each.verdict], each.stack, each.type, each.name, each.property))


def judge(preview: Preview) -> Iterator[Finding]:
    """The findings of one preview. A preview that failed is itself a finding: what it does not show is unknown."""
    for error in preview.errors:
        reason = "the preview failed, so it does not show everything"
        yield Finding(
            stack=preview.stack, urn="", type="preview", name=preview.stack, op="error", property="-", old="-",
            new=error, verdict=Verdict.UNJUDGED, reason=reason, advice="correct the error and preview again",
        )  # fmt: skip
    steps = _one_per_resource(preview.steps)
    around = Surroundings.of(steps)
    for step in steps:
        if not _is_component(step):
            yield from _resource(step, around)


def _resource(step: Step, around: Surroundings) -> Iterator[Finding]:
    found = list(_changes(step, around))
    said = [path_text(each.path) for each in found if each.verdict.objection]
    standing = [each for each in _standing(step) if not _is_said(path_text(each.path), said)]
    found = [*(each for each in found if not standing or each is not _NEW), *standing]
    for judgement in found:
        yield Finding(
            stack=step.stack,
            urn=step.urn,
            type=step.type,
            name=step.name,
            op=step.op,
            property=path_text(judgement.path) or _whole(step.op),
            old=judgement.old,
            new=judgement.new,
            verdict=judgement.verdict,
            reason=judgement.reason,
            advice=judgement.advice or ADVICE[judgement.verdict],
        )


def _changes(step: Step, around: Surroundings) -> Iterator[Judgement]:
    life = LIVES.get(step.type, Life())
    if step.op not in KNOWN:
        yield unjudged((), MISSING, step.op, "Pulumi does something that this review does not know")
    elif step.op in CREATING:
        yield from list(created(step, around)) or [_NEW]
    elif step.op in DELETING:
        verdict, reason = life.delete
        kept = "; it stays where it is, and nothing looks after it" if step.old and step.old.retain else ""
        yield Judgement(verdict=verdict, reason=reason + kept, old="there", new="gone")
    else:
        yield from _both(step, around, life)


def _both(step: Step, around: Surroundings, life: Life) -> Iterator[Judgement]:
    """A resource that is there before and after."""
    if step.old is None or step.new is None:
        if step.op not in UNCHANGED:
            yield unjudged((), MISSING, MISSING, "the preview does not show both states")
        return
    yield from _options(step, step.old, step.new)
    if step.op in REPLACING:
        verdict, reason = life.replace
        yield Judgement(verdict=verdict, reason=reason, old="there", new="another one")
    if step.op in UNCHANGED:
        return
    rules = rules_of(step.type)
    if rules is None:
        yield unjudged((), MISSING, step.type, "no rule knows this type of resource")
        return
    subject = Subject(
        type=step.type,
        name=step.name,
        inputs=step.new.inputs,
        old_inputs=step.old.inputs,
        written=around.written,
    )
    found = list(walk(step.old.inputs, step.new.inputs, rules, subject))
    found += unshown(step, rules, subject)
    yield from found
    if not found and step.op == "update" and not list(_options(step, step.old, step.new)):
        yield unjudged((), MISSING, MISSING, "Pulumi wants to change it and the preview does not say what")


def _options(step: Step, old: State, new: State) -> Iterator[Judgement]:
    """What only Pulumi knows of a resource."""
    holds = "it holds data" if step.type in DATA else "a destroy would take it"
    for name, before, after in (("protect", old.protect, new.protect), ("retainOnDelete", old.retain, new.retain)):
        if before != after:
            verdict = Verdict.STRONGER if after else Verdict.WEAKER
            reason = "protected from now on" if after else f"protection flag off: {holds}"
            yield Judgement(verdict=verdict, reason=reason, old=words(before), new=words(after), path=(name,))
    for name in ("ignoreChanges", "replaceOnChanges"):
        before, after = old.options.get(name, MISSING), new.options.get(name, MISSING)
        if before != after:
            yield unjudged((name,), before, after, "how Pulumi treats later changes of it")
    before, after = (_without_id(state.options.get("provider", "")) for state in (old, new))
    if before != after:
        yield unjudged(("provider",), before, after, "another provider: another account, region or cluster")


def _standing(step: Step) -> Iterator[Judgement]:
    """The absolute rules, for what will be there whether or not it changes."""
    if step.new is None or step.op in DELETING:
        return
    resource = Resource(
        type=step.type, name=step.name, inputs=step.new.inputs, parents=step.parents, protect=step.new.protect
    )
    for found in violations(resource):
        path = pattern(found.property)
        yield Judgement(verdict=Verdict.WEAKER, reason=f"{found.rule}: {found.message}", path=path, advice=found.advice)


def _is_said(place: str, said: Sequence[str]) -> bool:
    """Whether a rule has already objected to what an absolute rule objects to."""
    return any(each.endswith(place) or each.startswith(place) or place.startswith(each) for each in said if each)


def _one_per_resource(steps: Sequence[Step]) -> list[Step]:
    """Replacement is several steps of one URN, a refresh that found a difference is one more: the telling one stays.

    A deletion stays beside them: of what an earlier update left pending, or of what another resource takes the URN of.
    """
    chosen: dict[tuple[str, bool], Step] = {}
    for step in steps:
        key = step.urn, step.op in DELETING
        before = chosen.get(key)
        if before is None:
            chosen[key] = step
        elif step.op in REPLACING or before.op in REPLACING:
            kept = step if step.op == "replace" or before.op != "replace" else before
            chosen[key] = replace(
                kept, op="replace", old=kept.old or before.old or step.old, new=kept.new or before.new or step.new
            )
        elif step.op not in UNCHANGED or before.op in UNCHANGED:
            chosen[key] = step
    return list(chosen.values())


def _is_component(step: Step) -> bool:
    """Components and the stack itself hold nothing; what is in them is judged for itself."""
    return step.type == STACK or bool(step.last and not step.last.custom)


def _whole(op: str) -> str:
    return "replacement" if op in REPLACING else _WHOLE.get(op, op)


def _without_id(provider: Value) -> str:
    return str(provider).rpartition("::")[0]
