"""A preview in, findings out: every change of every resource, sorted."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from policy.absolute.rules import Resource, violations
from policy.differences import UNKNOWN_PROPERTY, unjudged, walk
from policy.review.new_resources import Surroundings, created
from policy.review.preview import CREATING, DELETING, KNOWN, REPLACING, STACK, UNCHANGED, Preview, Step
from policy.review.reported import unshown
from policy.review.rule_list import BARED_SECRET, FAILED_PREVIEW, UNKNOWN_OPERATION, UNKNOWN_TYPE
from policy.rule import Subject
from policy.rules.by_type import LIVES, OPTION_RULES, ending, rules_of
from policy.rules.ids import type_name
from policy.rules.shorthand import Life
from policy.secrecy.stand_ins import shown
from policy.values import MISSING, SECRET, path_text, words
from policy.verdict import ADVICE, Finding, Judgement, Verdict

_ORDER = {verdict: place for place, verdict in enumerate(Verdict)}
_WHOLE = {"create": "creation", "delete": "deletion", **dict.fromkeys(REPLACING, "replacement")}


def review(previews: Iterable[Preview]) -> list[Finding]:
    """Every finding, the worst first. No text in it holds a secret that any of the previews shows."""
    previews = list(previews)
    found = [_scrubbed(finding, previews) for preview in previews for finding in judge(preview)]
    return sorted(found, key=lambda each: (_ORDER[each.verdict], each.stack, each.type, each.name, each.property))


def _scrubbed(finding: Finding, previews: Sequence[Preview]) -> Finding:
    """The last look: reasons quote values, errors quote anything, and one stack's secret may be in another's text."""
    said: dict[str, str] = {}
    for name in ("old", "new", "reason"):
        text = getattr(finding, name)
        for preview in previews:
            text = preview.secrets.scrub(text, strange=finding.op == "error")
        said[name] = shown(text)
    return replace(finding, property=shown(finding.property), **said)


def judge(preview: Preview) -> Iterator[Finding]:
    """The findings of one preview. A preview that failed is itself a finding: what it does not show is unknown."""
    for error in preview.errors:
        reason = "the preview failed, so it does not show everything"
        yield Finding(
            stack=preview.stack, urn="", type="preview", name=preview.stack, op="error", property="-", old="-",
            new=error, verdict=Verdict.UNJUDGED, reason=reason, advice="correct the error and preview again",
            rule=FAILED_PREVIEW,
        )  # fmt: skip
    steps = _one_per_resource(preview.steps)
    around = Surroundings.of(steps)
    for step in steps:
        if not _is_component(step):
            yield from _resource(step, around)


def _resource(step: Step, around: Surroundings) -> Iterator[Finding]:
    found = list(_changes(step, around))
    said = [path_text(each.path) for each in found if each.verdict.objection]
    found += [each for each in _standing(step) if not _is_said(path_text(each.path), said)]
    if step.op in CREATING and not found:
        found = [Judgement(Verdict.NEUTRAL, "new", new="created")]
    for judgement in found:
        yield Finding(
            stack=step.stack,
            urn=step.urn,
            type=step.type,
            name=step.name,
            op=step.op,
            property=path_text(judgement.path) or _WHOLE.get(step.op, step.op),
            old=judgement.old,
            new=judgement.new,
            verdict=judgement.verdict,
            reason=judgement.reason,
            advice=judgement.advice or ADVICE.get(judgement.verdict, ""),
            rule=judgement.rule or _default_rule(step),
        )


def _default_rule(step: Step) -> str:
    """Of what no table of rules says: something about a new resource as a whole, or about a property nobody knows."""
    if step.op not in CREATING:
        return UNKNOWN_PROPERTY
    return UNKNOWN_TYPE if rules_of(step.type) is None else f"new.{type_name(step.type)}"


def _changes(step: Step, around: Surroundings) -> Iterator[Judgement]:
    if step.op not in KNOWN:
        reason = "Pulumi does something that this review does not know"
        yield unjudged((), MISSING, step.op, reason).by(UNKNOWN_OPERATION)
    elif step.op in CREATING:
        yield from created(step, around)
    elif step.op in DELETING:
        verdict, reason = LIVES.get(step.type, Life()).delete
        if step.old and step.old.options["retainOnDelete"]:
            reason += "; it stays where it is, and nothing looks after it"
        yield Judgement(verdict, reason, old="there", new="gone", rule=ending(step.type))
    else:
        yield from _both(step, around)


def _both(step: Step, around: Surroundings) -> Iterator[Judgement]:
    """A resource that is there before and after."""
    if step.old is None or step.new is None:
        if step.op not in UNCHANGED:
            yield unjudged((), MISSING, MISSING, "the preview does not show both states")
        return
    options = list(walk(step.old.options, step.new.options, OPTION_RULES))
    yield from options
    for path in step.bared:
        reason, new = "is stored in plain text; set it as a secret", "in plain text"
        yield Judgement(Verdict.WEAKER, reason, old=words(SECRET), new=new, path=path, rule=BARED_SECRET)
    if step.op in REPLACING:
        verdict, reason = LIVES.get(step.type, Life()).replace
        yield Judgement(verdict, reason, old="there", new="another one", rule=ending(step.type))
    if step.op in UNCHANGED:
        return
    rules = rules_of(step.type)
    if rules is None:
        yield unjudged((), MISSING, step.type, "no rule knows this type of resource").by(UNKNOWN_TYPE)
        return
    subject = Subject(inputs=step.new.inputs, old_inputs=step.old.inputs, written=around.written)
    found = [*walk(step.old.inputs, step.new.inputs, rules, subject), *unshown(step, rules, subject)]
    yield from found
    if not found and not options and step.op == "update":
        yield unjudged((), MISSING, MISSING, "Pulumi wants to change it and the preview does not say what")


def _standing(step: Step) -> Iterator[Judgement]:
    """The absolute rules, for what will be there whether or not it changes. What is only read is not ours."""
    if step.new is None or step.op == "read" or step.op in DELETING:
        return
    inputs, protect = step.new.inputs, step.new.options["protect"]
    yield from violations(
        Resource(type=step.type, name=step.name, inputs=inputs, parents=step.parents, protect=protect)
    )


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
        elif before.op == "refresh" and step.op not in DELETING:
            chosen[key] = _refreshed(before, step)
        elif step.op in REPLACING or before.op in REPLACING:
            kept = step if step.op == "replace" or before.op != "replace" else before
            chosen[key] = replace(
                kept, op="replace", old=kept.old or before.old or step.old, new=kept.new or before.new or step.new
            )
        elif step.op not in UNCHANGED or before.op in UNCHANGED:
            chosen[key] = step
    return list(chosen.values())


def _refreshed(before: Step, step: Step) -> Step:
    """`step` after a refresh, which took over what it found: the change is from what was there before it.

    What is made anew although it was there was found gone.
    """
    if step.op in CREATING:
        return replace(step, op="replace", old=before.old)
    if before.old is None or step.new is None or step.op == "refresh" or before.old.inputs == step.new.inputs:
        return step
    return replace(step, op="update" if step.op == "same" else step.op, old=before.old)


def _is_component(step: Step) -> bool:
    """Components and the stack itself hold nothing; what is in them is judged for itself."""
    return step.type == STACK or bool(step.last and not step.last.custom)
