"""Reads `pulumi preview --json`: the summary of a preview, or with streaming one engine event a line.

Nothing here believes its input: what is not as Pulumi writes it is an `UnreadablePreview` with one clear message.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from policy.secrecy.stand_ins import Secrets
from policy.values import MISSING, SECRET, Absent, Path, Urn, Value, at, contains, decode, mapping
from recovery.errors import Refused

NEXT = "make it with `pulumi preview --json --show-sames --stack STACK > preview.json` and review that file"
STACK = "pulumi:pulumi:Stack"
TOO_LARGE = 256 * 1024 * 1024
# What Pulumi can write as a step's operation, pulumi/pkg/resource/deploy/step.go (v3.259.0).
REPLACING = frozenset({"replace", "create-replacement", "delete-replaced", "import-replacement", "read-replacement"})
DELETING = frozenset({"delete", "discard", "discard-replaced"})
CREATING = frozenset({"create", "import"})
UNCHANGED = frozenset({"same", "refresh", "read", "diff", "remove-pending-replace", "extend-parameterize"})
_OPTIONS = ("ignoreChanges", "replaceOnChanges", "replaceWith", "deletedWith")
KNOWN = REPLACING | DELETING | CREATING | UNCHANGED | {"update"}


class UnreadablePreview(Refused):
    """The file is not what `pulumi preview --json` writes; nothing in it was judged."""

    def __init__(self, what: str) -> None:
        super().__init__(what, next_step=NEXT)


@dataclass(frozen=True, kw_only=True)
class State:
    """A resource before or after: its inputs and what Pulumi itself keeps of its options."""

    inputs: Mapping[str, Value]
    outputs: Mapping[str, Value] = field(default_factory=dict[str, Value])
    custom: bool = True
    parent: str = ""
    options: Mapping[str, Value]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One resource of a preview. `parents` are the types of the components around it, `reported` the paths that the
    provider says differ."""

    op: str
    urn: str
    stack: str
    parents: tuple[str, ...]
    type: str
    name: str
    old: State | None
    new: State | None
    reported: tuple[str, ...] = ()
    bared: tuple[Path, ...] = ()
    """Where a secret is no longer marked as one."""

    @property
    def last(self) -> State | None:
        """What it will be, or was when it goes."""
        return self.new or self.old


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A preview's steps, and what makes it incomplete: errors of the engine, steps it cannot have written.

    `unchanged` is how many resources stay as they are by Pulumi's own count, None when it gives none.
    """

    steps: tuple[Step, ...]
    errors: tuple[str, ...] = field(default=())
    unchanged: int | None = None
    secrets: Secrets = field(default_factory=Secrets, compare=False)

    @property
    def stack(self) -> str:
        """The stack it is of."""
        return self.steps[0].stack if self.steps else "?"

    @property
    def blind(self) -> bool:
        """Whether it leaves out what stays as it is. The stack itself is in every preview, with --show-sames or not."""
        same = [step for step in self.steps if step.op == "same"]
        if any(step.type != STACK for step in same):
            return False
        return self.unchanged is None or self.unchanged > len(same)


def parse(text: str, *, source: str) -> Preview:
    """The preview in `text`. Raises UnreadablePreview."""
    if len(text) > TOO_LARGE:
        raise UnreadablePreview(f"{source}: larger than {TOO_LARGE // 1024**2} MiB, so no preview")
    start = text.find("{")
    if start < 0:
        raise UnreadablePreview(f"{source}: there is no JSON in it")
    try:
        documents = list(_documents(text, start))
    except json.JSONDecodeError as error:
        raise UnreadablePreview(f"{source}: line {error.lineno}: not JSON, or cut off: {error.msg}") from None
    except ValueError:
        raise UnreadablePreview(f"{source}: not JSON that can be read: a number of too many digits") from None
    except RecursionError:
        raise UnreadablePreview(f"{source}: nested too deeply for a preview") from None
    streamed = len(documents) > 1 or "timestamp" in mapping(documents[0])
    return _without_marked(_digest(_summary(documents, source) if streamed else documents[0], source))


def _documents(text: str, place: int) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    while place < len(text):
        document, place = decoder.raw_decode(text, place)
        yield document
        while place < len(text) and text[place].isspace():
            place += 1


def _digest(document: Any, source: str) -> Preview:
    """A summary. One without steps still says what it counted or why it failed."""
    found = mapping(document)
    if not {"steps", "changeSummary", "diagnostics"} & set(found):
        raise UnreadablePreview(f"{source}: JSON, but no preview: it has no `steps`")
    steps = found.get("steps", [])
    if not isinstance(steps, list):
        raise UnreadablePreview(f"{source}: `steps` is not a list")
    secrets, summary = Secrets(), found.get("changeSummary")
    counted = mapping(summary)
    read = tuple(_step(step, f"{source}: step {number}", secrets) for number, step in enumerate(steps, 1))
    errors = [_message(entry) for entry in _list(found.get("diagnostics")) if at(entry, "severity") == "error"]
    if found.get("maybeCorrupt"):
        errors.append("Pulumi says that the state may be corrupt")
    shown = Counter(step.op for step in read)
    for op in counted.keys() - UNCHANGED:
        if not isinstance(counted[op], int) or counted[op] > shown[op]:
            errors.append(f"Pulumi counts {counted[op]} of `{op}`, and {shown[op]} are shown")
    same = counted.get("same", 0) if isinstance(summary, dict) else None
    return Preview(steps=read, errors=tuple(errors), unchanged=same if isinstance(same, int) else None, secrets=secrets)


def _summary(documents: list[Any], source: str) -> Mapping[str, Any]:
    """Engine events, written with PULUMI_ENABLE_STREAMING_JSON_PREVIEW, as the summary that they amount to."""
    for number, document in enumerate(documents, 1):
        if "timestamp" not in mapping(document):
            raise UnreadablePreview(f"{source}: document {number} is no event of Pulumi's")
    events = [at(document, "resourcePreEvent", "metadata") for document in documents]
    found = [mapping(event) for event in events if event is not MISSING]
    steps = [
        {**s, "oldState": _told(s.get("old")), "newState": _told(s.get("new")), "diffReasons": s.get("diffs")}
        for s in found
    ]
    told = [document["diagnosticEvent"] for document in documents if "diagnosticEvent" in document]
    ends = [at(document, "summaryEvent", "resourceChanges") for document in documents if "summaryEvent" in document]
    if not ends:
        told.append({"severity": "error", "message": "the stream of events has no end: it was cut off"})
    return {"steps": steps, "diagnostics": told, "changeSummary": ends[-1] if ends else None}


def _told(state: Any) -> Any:
    """A state in an event, which leaves out what is false: a component is not `custom`."""
    return {"custom": False, **state} if isinstance(state, dict) else state


def _step(raw: Any, where: str, secrets: Secrets) -> Step:
    found = mapping(raw)
    op, urn = found.get("op"), found.get("urn")
    if not isinstance(op, str) or not isinstance(urn, str):
        raise UnreadablePreview(f"{where}: expected `op` and `urn`, found neither or no text")
    detailed = found.get("detailedDiff")
    reported = list(detailed) if isinstance(detailed, dict) and detailed else _list(found.get("diffReasons"))
    parts = Urn.read(urn)
    return Step(
        op=op,
        urn=urn,
        **parts._asdict(),
        old=_state(found.get("oldState"), parts.type, f"{where}: oldState", secrets),
        new=_state(found.get("newState"), parts.type, f"{where}: newState", secrets),
        reported=tuple(map(str, reported)),
    )


def _state(raw: Any, kind: str, where: str, secrets: Secrets) -> State | None:
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise UnreadablePreview(f"{where}: expected an object")
    marked = [str(name) for name in _list(raw.get("additionalSecretOutputs"))]
    try:
        inputs, outputs = (secrets.read(raw.get(each) or {}, kind, marked) for each in ("inputs", "outputs"))
    except RecursionError:
        raise UnreadablePreview(f"{where}: nested too deeply for a preview") from None
    options = {key: decode(raw[key]) for key in _OPTIONS if raw.get(key)}
    options |= {key: raw.get(key) is True for key in ("protect", "retainOnDelete")}
    # Without its id, which is another one after every change of the provider.
    options["provider"] = str(raw.get("provider") or "").rpartition("::")[0]
    return State(
        inputs=mapping(inputs),
        outputs=mapping(outputs),
        custom=raw.get("custom") is not False,
        parent=str(raw.get("parent") or ""),
        options=options,
    )


def _without_marked(preview: Preview) -> Preview:
    """What is a secret in one state of a resource is one in all of them, whether or not Pulumi marks it there."""
    marked: dict[str, list[Mapping[str, Value]]] = defaultdict(list)
    for step in preview.steps:
        for state in filter(None, (step.old, step.new)):
            marked[step.urn] += [each for each in (state.inputs, state.outputs) if contains(each, SECRET)]

    def hidden(state: State | None, urn: str) -> State | None:
        if state is None:
            return None
        for other in marked[urn]:
            inputs, outputs = (preview.secrets.hide_marked(each, other) for each in (state.inputs, state.outputs))
            state = replace(state, inputs=inputs, outputs=outputs)
        return state

    steps: list[Step] = []
    for step in preview.steps:
        old, new = hidden(step.old, step.urn), hidden(step.new, step.urn)
        bared = tuple(_bared(step.old.inputs, step.new.inputs)) if step.old and step.new else ()
        steps.append(replace(step, old=old, new=new, bared=bared))
    return replace(preview, steps=tuple(steps))


def _bared(old: Value, new: Value, path: Path = ()) -> Iterator[Path]:
    """Where `new` has in plain text what is a secret in `old`."""
    if old is SECRET and not isinstance(new, Absent):
        yield path
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in old.keys() & new.keys():
            yield from _bared(old[key], new[key], (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for place, (before, after) in enumerate(zip(old, new, strict=False)):
            yield from _bared(before, after, (*path, f"[{place}]"))


def _message(entry: Any) -> str:
    text = at(entry, "message")
    return (" ".join(text.split()) if isinstance(text, str) else "") or "an error without words"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
