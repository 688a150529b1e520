"""What runs in a Pod: images, commands, limits."""

import re
from collections.abc import Sequence

from policy.comparisons.basic import WATCHED, ranked
from policy.differences import unjudged, walk
from policy.rule import Change, Rule, Subject, kind
from policy.values import MISSING, Value, at, items, mapping
from policy.verdict import Judgement, Verdict

_TEMPLATES = (("template",), ("jobTemplate", "spec", "template"))
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
GUARD_MODES = ("off", "observe", "enforce")
GUARD_MODE = ranked(*GUARD_MODES)
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


def pod_spec(inputs: Value) -> Value:
    """The Pod specification of a workload, MISSING when it has none."""
    found = [at(inputs, "spec", *template, "spec") for template in _TEMPLATES]
    found += [at(inputs, "spec")] if at(inputs, "spec", "containers") is not MISSING else []
    return next((each for each in found if each is not MISSING), MISSING)


def containers(inputs: Value) -> list[Value]:
    """All containers of a workload."""
    found = mapping(pod_spec(inputs))
    return [each for key in ("initContainers", "containers") for each in items(found.get(key, MISSING))]


def is_guard(subject: Subject) -> bool:
    """Whether it runs, or ran, the guard and the gate."""
    return any(
        items(at(container, "command"))[:2] == ["dr", "guard"]
        for inputs in (subject.inputs, subject.old_inputs)
        for container in containers(inputs)
    )


def by_digest(image: str) -> bool:
    """Whether the image is named by a whole digest."""
    return _DIGEST.search(image) is not None


@kind()
def image(change: Change, reason: str) -> Sequence[Judgement]:
    """By digest; another digest of the same image is a release, another image is another program."""
    if not isinstance(change.new, str) or not by_digest(change.new):
        return change.said(Verdict.WEAKER, reason)
    old, new = str(change.old).partition("@")[0], change.new.partition("@")[0]
    if new in (old, old.rpartition(":")[0]):
        return change.said(Verdict.NEUTRAL, "another build of the same image, by digest")
    return change.said(Verdict.UNJUDGED, "another image: another program under this role")


@kind()
def command(change: Change, reason: str) -> Sequence[Judgement]:
    """A command line: the guard's mode is ranked, anything else is for a person."""
    (before, old), (after, new) = _flags(change.old), _flags(change.new)
    if before[:2] == ["dr", "guard"] and after[:2] != before[:2]:
        return change.said(Verdict.WEAKER, f"guard off: {reason}")
    found = [] if before == after else [unjudged((), before, after, "another command")]
    mode = Rule("--mode", GUARD_MODE, f"guard not enforcing: {reason}")
    found += walk(old, new, (mode, Rule("[*]", WATCHED, "an option of the command")))
    return found or change.said(Verdict.NEUTRAL, "the same command in another order")


@kind()
def judged_elsewhere(change: Change, reason: str) -> Sequence[Judgement]:
    """The name of a ConfigMap whose content this very preview shows, old and new, and judges."""
    named = isinstance(change.old, str) and isinstance(change.new, str)
    if named and (CONFIG_MAP, change.old, change.new) in change.subject.written:
        return change.said(Verdict.NEUTRAL, "the map's content is judged as its own change")
    return change.said(Verdict.UNJUDGED, reason)


def _flags(value: Value) -> tuple[list[str], dict[str, str]]:
    """(words before and between options, options with their values)."""
    positional: list[str] = []
    flags: dict[str, str] = {}
    pending = ""
    for each in map(str, items(value)):
        if pending and not each.startswith("--"):
            flags[pending], pending = each, ""
        elif each.startswith("--"):
            name, _, given = each.partition("=")
            flags[name], pending = given, "" if given else name
        else:
            positional.append(each)
    return positional, flags
