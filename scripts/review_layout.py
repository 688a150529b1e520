"""A finding of the review as text: a block for one that somebody must answer for, a line for the others."""

import textwrap
from collections.abc import Iterator, Sequence

from policy.verdict import Finding
from scripts.shortened import pair, short

WAIVED = "waived"
_LABEL = 12  # "  property  "
_ARROW = "-> "
_LONGEST_MESSAGE = 1000  # Pulumi quotes whole tracebacks
_IN_A_LINE = 30


def group(title: str, members: Sequence[Finding], *, width: int) -> list[str]:
    """The findings of one verdict, for lines of `width`. Only prose is wrapped; what a waiver has to name is whole."""
    lines = [f"{title} ({len(members)})"]
    for each in members:
        lines += ["", *_block(each, width)] if each.verdict.objection else _line(each, width)
    return [*lines, ""]


def _block(finding: Finding, width: int) -> Iterator[str]:
    yield f"{finding.verdict}: {_resource(finding)}"
    if finding.op == "error":
        yield from _prose("error", short(finding.new, 0, _LONGEST_MESSAGE), width)
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
