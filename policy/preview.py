"""Reads `pulumi preview --json`: the summary of a preview, or with streaming one engine event a line.

Nothing here believes its input: what is not as Pulumi writes it is an `UnreadablePreview` with one clear message.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from policy.values import MISSING, Value, at, decode, mapping
from recovery.errors import Refused

NEXT = "make it with `pulumi preview --json --show-sames --stack STACK > preview.json` and review that file"
STACK = "pulumi:pulumi:Stack"
TOO_LARGE = 256 * 1024 * 1024
# What Pulumi can write as a step's operation, pulumi/pkg/resource/deploy/step.go (v3.259.0).
REPLACING = frozenset({"replace", "create-replacement", "delete-replaced", "import-replacement", "read-replacement"})
DELETING = frozenset({"delete", "discard", "discard-replaced"})
CREATING = frozenset({"create", "import"})
UNCHANGED = frozenset({"same", "refresh", "read", "diff", "remove-pending-replace", "extend-parameterize"})
KNOWN = REPLACING | DELETING | CREATING | UNCHANGED | {"update"}


class UnreadablePreview(Refused):
    """The file is not what `pulumi preview --json` writes; nothing in it was judged."""


@dataclass(frozen=True, kw_only=True)
class State:
    """A resource before or after: its inputs and what Pulumi itself keeps of its options."""

    inputs: Mapping[str, Value]
    outputs: Mapping[str, Value] = field(default_factory=dict[str, Value])
    custom: bool = True
    parent: str = ""
    protect: bool = False
    retain: bool = False
    options: Mapping[str, Value] = field(default_factory=dict[str, Value])


@dataclass(frozen=True, kw_only=True)
class Step:
    """One resource of a preview. `reported` are the paths that the provider says differ."""

    op: str
    urn: str
    old: State | None
    new: State | None
    reported: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """The resource's own type token, without its parents'."""
        parts = self.urn.split("::")
        return parts[2].rpartition("$")[2] if len(parts) > 3 else ""

    @property
    def parents(self) -> tuple[str, ...]:
        """Type tokens of the components around it."""
        parts = self.urn.split("::")
        return tuple(parts[2].split("$")[:-1]) if len(parts) > 3 else ()

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        parts = self.urn.split("::", 3)
        return parts[3] if len(parts) > 3 else self.urn

    @property
    def last(self) -> State | None:
        """What it will be, or was when it goes."""
        return self.new or self.old

    @property
    def stack(self) -> str:
        """The stack it belongs to."""
        parts = self.urn.removeprefix("urn:pulumi:").split("::")
        return parts[0] if len(parts) > 1 else "?"


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A preview's steps, and what makes it incomplete: errors of the engine, steps it cannot have written.

    `unchanged` is how many resources stay as they are by Pulumi's own count, None when it gives none.
    """

    steps: tuple[Step, ...]
    errors: tuple[str, ...] = field(default=())
    unchanged: int | None = None

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
        raise UnreadablePreview(f"{source}: larger than {TOO_LARGE // 1024**2} MiB, so no preview", next_step=NEXT)
    start = text.find("{")
    if start < 0:
        raise UnreadablePreview(f"{source}: there is no JSON in it", next_step=NEXT)
    decoder = json.JSONDecoder()
    documents: list[Any] = []
    place = start
    try:
        while place < len(text):
            document, place = decoder.raw_decode(text, place)
            documents.append(document)
            while place < len(text) and text[place].isspace():
                place += 1
    except json.JSONDecodeError as error:
        raise UnreadablePreview(
            f"{source}: line {error.lineno}: not JSON, or cut off: {error.msg}", next_step=NEXT
        ) from None
    except ValueError:
        what = "not JSON that can be read: a number of too many digits"
        raise UnreadablePreview(f"{source}: {what}", next_step=NEXT) from None
    except RecursionError:
        raise UnreadablePreview(f"{source}: nested too deeply for a preview", next_step=NEXT) from None
    if len(documents) > 1 or "timestamp" in mapping(documents[0]):
        return _events(documents, source)
    return _digest(documents[0], source) if "steps" in mapping(documents[0]) else _empty(documents[0], source)


def _empty(document: Any, source: str) -> Preview:
    """A preview without steps still says what it counted or why it failed."""
    if not isinstance(document, dict) or not {"changeSummary", "diagnostics", "duration", "config"} & set(document):
        raise UnreadablePreview(f"{source}: JSON, but no preview: it has no `steps`", next_step=NEXT)
    return _digest(document, source)


def _digest(document: Any, source: str) -> Preview:
    found = mapping(document)
    steps = found.get("steps", [])
    if not isinstance(steps, list):
        raise UnreadablePreview(f"{source}: `steps` is not a list", next_step=NEXT)
    errors = [_message(entry) for entry in _list(found.get("diagnostics")) if at(entry, "severity") == "error"]
    if found.get("maybeCorrupt"):
        errors.append("Pulumi says that the state may be corrupt")
    return Preview(
        steps=tuple(_step(step, f"{source}: step {number}") for number, step in enumerate(steps, 1)),
        errors=tuple(error for error in errors if error),
        unchanged=_unchanged(found.get("changeSummary")),
    )


def _unchanged(summary: Any) -> int | None:
    """Pulumi's count of what stays; an operation that it did not meet is not in its summary."""
    found = summary.get("same", 0) if isinstance(summary, dict) else None
    return found if isinstance(found, int) else None


def _events(documents: list[Any], source: str) -> Preview:
    """Engine events, written with PULUMI_ENABLE_STREAMING_JSON_PREVIEW: the same facts under other names."""
    steps: list[Step] = []
    errors: list[str] = []
    for number, document in enumerate(documents, 1):
        if not isinstance(document, dict) or "timestamp" not in document:
            raise UnreadablePreview(f"{source}: document {number} is no event of Pulumi's", next_step=NEXT)
        metadata = at(document, "resourcePreEvent", "metadata")
        if metadata is not MISSING:
            raw = mapping(metadata)
            renamed = {**raw, "oldState": raw.get("old"), "newState": raw.get("new"), "diffReasons": raw.get("diffs")}
            steps.append(_step(renamed, f"{source}: event {number}"))
        if at(document, "diagnosticEvent", "severity") == "error":
            errors.append(_message(document["diagnosticEvent"]))
    ends = [document for document in documents if "summaryEvent" in document]
    if not ends:
        errors.append("the stream of events has no end: it was cut off")
    return Preview(
        steps=tuple(steps),
        errors=tuple(error for error in errors if error),
        unchanged=_unchanged(at(ends[-1], "summaryEvent", "resourceChanges")) if ends else None,
    )


def _step(raw: Any, where: str) -> Step:
    found = mapping(raw)
    op, urn = found.get("op"), found.get("urn")
    if not isinstance(op, str) or not isinstance(urn, str):
        raise UnreadablePreview(f"{where}: expected `op` and `urn`, found neither or no text", next_step=NEXT)
    detailed = found.get("detailedDiff")
    reported = list(detailed) if isinstance(detailed, dict) and detailed else _list(found.get("diffReasons"))
    return Step(
        op=op,
        urn=urn,
        old=_state(found.get("oldState"), f"{where}: oldState"),
        new=_state(found.get("newState"), f"{where}: newState"),
        reported=tuple(str(path) for path in reported),
    )


def _state(raw: Any, where: str) -> State | None:
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise UnreadablePreview(f"{where}: expected an object", next_step=NEXT)
    try:
        inputs, outputs = decode(raw.get("inputs") or {}), decode(raw.get("outputs") or {})
    except RecursionError:
        raise UnreadablePreview(f"{where}: nested too deeply for a preview", next_step=NEXT) from None
    options = {key: decode(raw[key]) for key in ("ignoreChanges", "replaceOnChanges", "provider") if raw.get(key)}
    return State(
        inputs=mapping(inputs),
        outputs=mapping(outputs),
        custom=raw.get("custom") is not False,
        parent=str(raw.get("parent") or ""),
        protect=raw.get("protect") is True,
        retain=raw.get("retainOnDelete") is True,
        options=options,
    )


def _message(entry: Any) -> str:
    text = at(entry, "message")
    return " ".join(text.split()) if isinstance(text, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
