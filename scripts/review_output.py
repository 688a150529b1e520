"""How a review looks: a block for every finding that somebody must answer for, a line for the others."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from itertools import takewhile

from rich.text import Text

from policy.review.rule_list import rule_list
from policy.review.waivers import Waiver, expired, unused
from policy.verdict import Finding, Verdict, objects
from scripts.output import console, line_width

_BLIND = "made without --show-sames: a change of retainOnDelete alone is not in it"
WAIVED = "waived"
_LABEL = 12  # "  property  "
_ARROW = "-> "
_LONGEST_MESSAGE = 1000  # Pulumi quotes whole tracebacks
_IN_A_LINE = 30


def as_json(findings: list[Finding], agreed: tuple[Waiver, ...], objections: int, today: date) -> dict[str, object]:
    """The findings, counted, with every value whole."""
    counts = Counter(finding.verdict.value for finding in findings)
    return {
        "objections": objections,
        "verdicts": {verdict.value: counts[verdict.value] for verdict in Verdict},
        "findings": [{**asdict(finding), "objection": objects(finding)} for finding in findings],
        "waivers": {
            "expired": [waiver.words() for waiver in expired(agreed, today=today)],
            "unused": [waiver.words() for waiver in unused(findings, agreed)],
        },
    }


def print_review(
    findings: list[Finding], agreed: tuple[Waiver, ...], objections: int, today: date, *, blind: Sequence[str]
) -> None:
    """The findings by verdict, what is wrong with the waivers, and the sum. `blind`: stacks without their sames."""
    groups = {verdict.value: [f for f in findings if f.verdict is verdict and not f.waiver] for verdict in Verdict}
    groups[WAIVED] = [finding for finding in findings if finding.waiver]
    for verdict, members in groups.items():
        for line in group(verdict, members, width=line_width()) if members else ():
            _say(line)
    for waiver in expired(agreed, today=today):
        _say(f"Expired waiver: {waiver.words()}")
    for waiver in unused(findings, agreed):
        _say(f"Waiver that nothing here needs: {waiver.words()}")
    counts = ", ".join(f"{len(members)} {verdict}" for verdict, members in groups.items() if members)
    verdict = f"{objections} objection{'s' if objections != 1 else ''}" if objections else "nothing objectionable"
    console.print(f"Review: {verdict}" + (f" ({counts})" if counts else " (no changes)"))
    for line in wrapped(f"Note: {', '.join(blind)}: {_BLIND}", "", line_width()) if blind else ():
        _say(line)


def print_rules() -> None:
    """A rule a block: its id, what it is about, and why that matters."""
    for each in rule_list():
        _say(each.id)
        _say(f"    {each.type.rpartition(':')[2]}  {each.property}")
        for line in wrapped(each.why, " " * 4, line_width()):
            _say(line)
    _say(f"{len(rule_list())} rules")


def rules_as_json() -> list[dict[str, str]]:
    """The same for programs, with types in full."""
    return [asdict(each) for each in rule_list()]


def group(title: str, members: Sequence[Finding], *, width: int) -> list[str]:
    """The findings of one verdict, for lines of `width`. Only prose is wrapped; what a waiver has to name is whole."""
    lines = [f"{title} ({len(members)})"]
    for each in members:
        lines += ["", *_block(each, width)] if each.verdict.objection else _line(each, width)
    return [*lines, ""]


def pair(old: str, new: str, room: int) -> tuple[str, str]:
    """Both values in `room` characters each: shortened around the place where they begin to differ."""
    start = sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(old, new, strict=False)))
    shown = _short(old, start, room), _short(new, start, room)
    return (old, new) if shown[0] == shown[1] and old != new else shown


def _short(text: str, start: int, room: int) -> str:
    """The beginning, what is around `start`, and the end of `text`."""
    if len(text) <= room:
        return text
    third = room // 3
    tail = text[len(text) - third + 1 :]
    if start < third + third // 2 or start >= len(text) - third // 2:
        return f"{text[: room - third]}…{tail}"
    begin = min(start - third // 4, len(text) - 2 * third)
    return f"{text[: third - 1]}…{text[begin : begin + third]}…{tail}"


def _block(finding: Finding, width: int) -> Iterator[str]:
    yield f"{finding.verdict}: {_resource(finding)}"
    if finding.op == "error":
        yield from _prose("error", _short(finding.new, 0, _LONGEST_MESSAGE), width)
    else:
        yield f"{_label('property')}{finding.property}"
        yield from _change(finding, width - _LABEL)
    yield from _prose("why", finding.reason, width)
    if finding.rule:
        yield f"{_label('rule')}{finding.rule}"
    if finding.waiver:
        yield from _prose(WAIVED, finding.waiver, width)
    elif finding.advice:
        yield from _prose("to do", finding.advice, width)


def _change(finding: Finding, room: int) -> Iterator[str]:
    if not _says_values(finding):
        return
    line = f"{finding.old} {_ARROW}{finding.new}"
    if len(line) <= room:
        yield f"{_label('change')}{line}"
        return
    # One below the other, so that the eye finds what differs.
    old, new = pair(finding.old, finding.new, room - len(_ARROW))
    yield f"{_label('change')}{' ' * len(_ARROW)}{old}"
    yield f"{' ' * _LABEL}{_ARROW}{new}"


def _line(finding: Finding, width: int) -> Iterator[str]:
    """One line; the values and the reason go below it when they do not fit."""
    start, change = f"  {_resource(finding)} {finding.property}", f"{finding.old} {_ARROW}{finding.new}"
    start, change = (f"{start}:", f" {change}") if _says_values(finding) else (start, "")
    if len(f"{start}{change} ({finding.reason})") <= width:
        yield f"{start}{change} ({finding.reason})"
        return
    if change and len(start + change) > width:
        yield start
        old, new = pair(finding.old, finding.new, _IN_A_LINE)
        start, change = "   ", f" {old} {_ARROW}{new}"
    yield start + change
    yield from wrapped(finding.reason, " " * 4, width)


def _says_values(finding: Finding) -> bool:
    return (finding.old, finding.new) != ("-", "-")


def _resource(finding: Finding) -> str:
    return f"{finding.stack} {finding.type.rpartition(':')[2]} {finding.name}"


def _label(text: str) -> str:
    return f"  {text}".ljust(_LABEL)


def _prose(label: str, text: str, width: int) -> Iterator[str]:
    first, *more = wrapped(text, " " * _LABEL, width) or [""]
    yield f"{_label(label)}{first.strip()}"
    yield from more


def wrapped(text: str, indent: str, width: int) -> list[str]:
    """Prose. Names and paths in it are to be found and copied: they are broken nowhere."""
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _say(line: str) -> None:
    """What a preview holds, fit for a terminal: no markup, no control characters, nothing that cannot be encoded."""
    console.print(Text("".join(each if each.isprintable() else "?" for each in line)))
