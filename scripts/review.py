"""`dr review`: does a preview weaken the protection? Every change sorted, objections first."""

import sys
from collections import Counter
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from policy import preview
from policy.judge import review as judge
from policy.preview import NEXT, Preview, UnreadablePreview, parse
from policy.verdict import Finding, Verdict, objects
from policy.waivers import Waiver, apply_waivers, expired, read_waivers, unused
from recovery.errors import EXIT_FAILED, Refused
from scripts.context import JsonOption
from scripts.output import ExitWith, console, emit_json, line_width
from scripts.review_output import WAIVED, group, wrapped

DEFAULT_WAIVERS = Path("waivers.yaml")
_BLIND = "made without --show-sames: a change of retainOnDelete alone is not in it"


def review(
    previews: Annotated[list[Path], typer.Argument(help="What `pulumi preview --json` wrote; - for standard input.")],
    waivers: Annotated[Path, typer.Option("--waivers", help="Who answers for which weakening.")] = DEFAULT_WAIVERS,
    json: JsonOption = False,
) -> None:
    """Sort every change of a preview into destructive, weaker, cannot judge, stronger and neutral.

    Exit codes: 0 nothing objectionable, 1 objections without a waiver, 2 a file cannot be read, 64 usage.

    Example: pulumi preview --json --show-sames --stack foundation | dr review -
    """
    today = datetime.now(UTC).date()
    agreed = _waivers(waivers, today)
    read = [_read(path) for path in previews]
    findings = apply_waivers(judge(read), agreed, today=today)
    objections = sum(objects(finding) for finding in findings)
    if json:
        emit_json(_as_json(findings, agreed, objections, today))
    else:
        _print(findings, agreed, objections, today)
        blind = sorted({each.stack for each in read if each.blind})
        if blind:
            for line in wrapped(f"Note: {', '.join(blind)}: {_BLIND}", "", line_width()):
                _say(line)
    if objections:
        raise ExitWith(EXIT_FAILED)


def _read(path: Path) -> Preview:
    source = "standard input" if str(path) == "-" else str(path)
    try:
        if str(path) == "-":
            return parse(sys.stdin.read(preview.TOO_LARGE + 1), source=source)
        with path.open(encoding="utf-8") as file:
            return parse(file.read(preview.TOO_LARGE + 1), source=source)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UnreadablePreview(f"{source}: cannot be read: {reason}", next_step=NEXT) from None


def _waivers(path: Path, today: date) -> tuple[Waiver, ...]:
    if path == DEFAULT_WAIVERS and not path.exists():
        return ()
    try:
        return read_waivers(path.read_text(encoding="utf-8"), source=str(path), today=today)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Refused(f"{path}: cannot be read: {reason}", next_step="name the waivers with --waivers") from None


def _as_json(findings: list[Finding], agreed: tuple[Waiver, ...], objections: int, today: date) -> dict[str, object]:
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


def _print(findings: list[Finding], agreed: tuple[Waiver, ...], objections: int, today: date) -> None:
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


def _say(line: str) -> None:
    """What a preview holds, fit for a terminal: no markup, no control characters, nothing that cannot be encoded."""
    console.print(Text("".join(each if each.isprintable() else "?" for each in line)))
