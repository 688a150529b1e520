"""What runs in a Pod: images, commands, limits. The rules of a Pod template, for every kind that has one."""

import re
from collections.abc import Sequence

from policy.birth import none_at_all
from policy.comparisons import contains_all, fixed, must_be, said, size, watched
from policy.labels import describing
from policy.numbers import quantity
from policy.plans import ranked
from policy.rule import Change, Kind, Rule, Subject
from policy.values import MISSING, Value, at, items, mapping, words
from policy.verdict import Judgement, Verdict
from policy.walk import unjudged

_TEMPLATES = ("template", "jobTemplate.spec.template")
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_MODES = ("off", "observe", "enforce")
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


def pod_spec(inputs: Value) -> Value:
    """The Pod specification of a workload, MISSING when it has none."""
    for template in _TEMPLATES:
        found = at(inputs, "spec", *template.split("."), "spec")
        if found is not MISSING:
            return found
    return at(inputs, "spec") if at(inputs, "spec", "containers") is not MISSING else MISSING


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


def image() -> Kind:
    """By digest; another digest of the same image is a release, another image is another program."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        if not isinstance(change.new, str) or not by_digest(change.new):
            return said(change, Verdict.WEAKER, reason)
        old = str(change.old).partition("@")[0].rpartition(":")[0] or str(change.old).partition("@")[0]
        if change.new.partition("@")[0] in (str(change.old).partition("@")[0], old):
            return said(change, Verdict.NEUTRAL, "another build of the same image, by digest")
        return [unjudged((), change.old, change.new, "another image: another program under this role")]

    return Kind("image", compare)


def command() -> Kind:
    """A command line: the guard's mode is ranked, anything else is for a person."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        (before, old), (after, new) = _flags(change.old), _flags(change.new)
        if before[:2] == ["dr", "guard"] and after[:2] != before[:2]:
            return said(change, Verdict.WEAKER, f"guard off: {reason}")
        found: list[Judgement] = []
        if before != after:
            found.append(unjudged((), before, after, "another command"))
        for flag in sorted({*old, *new}):
            was, now = old.get(flag, MISSING), new.get(flag, MISSING)
            if was == now:
                continue
            if flag == "--mode" and was in _MODES and now in _MODES:
                weaker = _MODES.index(now) < _MODES.index(was)
                verdict, text = (Verdict.WEAKER, f"guard not enforcing: {reason}") if weaker else (Verdict.STRONGER, "")
                text = text or "the guard does more than before"
                found.append(Judgement(verdict=verdict, reason=text, old=words(was), new=words(now), path=(flag,)))
            else:
                found.append(unjudged((flag,), was, now, "an option of the command"))
        return found or said(change, Verdict.NEUTRAL, "the same command in another order")

    return Kind("command", compare)


def judged_elsewhere() -> Kind:
    """The name of a ConfigMap whose content this very preview shows, old and new, and judges."""

    def compare(change: Change, reason: str) -> Sequence[Judgement]:
        named = isinstance(change.old, str) and isinstance(change.new, str)
        if named and (CONFIG_MAP, change.old, change.new) in change.subject.written:
            return said(change, Verdict.NEUTRAL, "the map's content is judged as its own change")
        return [unjudged((), change.old, change.new, reason)]

    return Kind("judged elsewhere", compare)


def element() -> Kind:
    """One that comes or goes is for a person; what differs in one that stays is judged below."""

    def compare(change: Change, reason: str) -> Sequence[Judgement] | None:
        if MISSING in (change.old, change.new):
            return [unjudged((), change.old, change.new, reason)]
        return None

    return Kind("element", compare)


def limit(read: Kind) -> Kind:
    """A limit must be there: without one is weaker; otherwise `read` decides."""

    def compare(change: Change, reason: str) -> Sequence[Judgement] | None:
        if change.new is MISSING:
            return said(change, Verdict.WEAKER, f"no limit at all: {reason}")
        if change.old is MISSING:
            return said(change, Verdict.STRONGER, "a limit where there was none")
        return read.compare(change, reason)

    return Kind("limit", compare)


def template_rules(at_path: str) -> tuple[Rule, ...]:
    """The rules of the Pod template at `at_path`."""
    pod, container = f"{at_path}.spec", f"{at_path}.spec.containers[*]"
    shut = "what the `restricted` Pod Security Standard asks for is given up"
    return (
        Rule(f"{container}.image", image(), "mutable image tag: what runs can change without a preview"),
        Rule(f"{container}.command", command(), "without an enforcing guard two sites may write", is_guard),
        Rule(f"{container}.command", command(), "another command"),
        Rule(f"{container}.args", command(), "other arguments"),
        Rule(f"{container}.env[DR_LOCK_MODE].value", ranked("GOVERNANCE", "COMPLIANCE"), "lock relaxed"),
        Rule(f"{container}.env[DR_GUARD_MODE].value", ranked(*_MODES), "guard not enforcing"),
        Rule(f"{container}.env[*]", element(), "the command finds something else in its environment"),
        Rule(f"{container}.env[*][*]", watched(), "the command finds something else in its environment"),
        Rule(f"{pod}.volumes[*]", element(), "another volume"),
        Rule(f"{container}.resources", limit(Kind("below", lambda _c, _r: None)), "one Pod can starve the others"),
        Rule(
            f"{container}.resources.limits", limit(Kind("below", lambda _c, _r: None)), "one Pod can starve the others"
        ),
        Rule(f"{container}.resources.limits[*]", limit(size(quantity)), "less than it was sized for"),
        Rule(f"{container}.resources.requests[*]", size(quantity, missing=0), "less than it was sized for"),
        Rule(f"{container}.securityContext.allowPrivilegeEscalation", must_be(False, default=True), shut),
        Rule(f"{container}.securityContext.readOnlyRootFilesystem", must_be(True, default=False), shut),
        Rule(f"{container}.securityContext.privileged", must_be(False, default=False), shut),
        Rule(f"{container}.securityContext.capabilities.drop", contains_all(), shut),
        Rule(
            f"{container}.securityContext.capabilities.add",
            contains_all(fewer=Verdict.STRONGER, more=Verdict.WEAKER, born=none_at_all),
            shut,
        ),
        Rule(f"{pod}.securityContext.runAsNonRoot", must_be(True, default=False), shut),
        Rule(f"{pod}.securityContext.seccompProfile.type", must_be("RuntimeDefault"), shut),
        Rule(f"{pod}.hostNetwork", must_be(False, default=False), "the Pod is outside every network policy"),
        Rule(f"{pod}.hostPID", must_be(False, default=False), shut),
        Rule(f"{pod}.hostIPC", must_be(False, default=False), shut),
        Rule(
            f"{pod}.automountServiceAccountToken", must_be(False, default=True), "a token of the cluster in every Pod"
        ),
        Rule(f"{pod}.volumes[*].configMap.name", judged_elsewhere(), "another ConfigMap, not shown in this preview"),
        Rule(f"{pod}.volumes[*].emptyDir.sizeLimit", size(quantity), "less room to work in"),
        Rule(f"{pod}.terminationGracePeriodSeconds", size(default=30), "less time for a clean stop"),
        Rule(f"{pod}.activeDeadlineSeconds", limit(size()), "a Job without deadline can hang for ever"),
        Rule(f'{at_path}.metadata.labels["app.kubernetes.io/component"]', fixed(), "gate bypassed: policies go by it"),
        Rule(f"{at_path}.metadata.annotations[*]", describing(), "an annotation of the Pod"),
        Rule(f"{pod}.topologySpreadConstraints", watched(), "how Pods are spread over zones"),
    )


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
