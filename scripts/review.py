"""`dr review`: does a preview weaken the protection? Every change sorted, objections first."""

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from policy.review import preview
from policy.review.preview import Preview, UnreadablePreview, parse
from policy.review.review import review as judge
from policy.review.waivers import Waiver, apply_waivers, read_waivers
from policy.verdict import objects
from recovery.errors import EXIT_FAILED, Refused
from scripts.options import JsonOption
from scripts.output import ExitWith, emit_json
from scripts.review_output import as_json, print_review, print_rules, rules_as_json

DEFAULT_WAIVERS = Path("waivers.yaml")


def review(
    previews: Annotated[
        list[Path] | None, typer.Argument(help="What `pulumi preview --json` wrote; - for standard input.")
    ] = None,
    waivers: Annotated[Path, typer.Option("--waivers", help="Who answers for which weakening.")] = DEFAULT_WAIVERS,
    rules: Annotated[bool, typer.Option("--rules", help="List every rule by its id, and judge nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Say whether a preview weakens the protection.

    Every change is destructive, weaker, stronger, neutral, or one that dr cannot judge.

    Exit codes: 0 nothing objectionable, 1 objections without a waiver, 2 a file cannot be read, 64 usage.

    Example:

    \b
      pulumi preview --json --show-sames --stack foundation | dr review -
      dr review --rules
    """
    if rules:
        emit_json(rules_as_json()) if json else print_rules()
        return
    if not previews:
        raise typer.BadParameter("name at least one preview, or - for standard input", param_hint="PREVIEWS")
    today = datetime.now(UTC).date()
    agreed = _waivers(waivers, today)
    read = [_read(path) for path in previews]
    findings = apply_waivers(judge(read), agreed, today=today)
    objections = sum(objects(finding) for finding in findings)
    if json:
        emit_json(as_json(findings, agreed, objections, today))
    else:
        print_review(findings, agreed, objections, today, blind=sorted({each.stack for each in read if each.blind}))
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
        raise UnreadablePreview(f"{source}: cannot be read: {reason}") from None


def _waivers(path: Path, today: date) -> tuple[Waiver, ...]:
    if path == DEFAULT_WAIVERS and not path.exists():
        return ()
    try:
        return read_waivers(path.read_text(encoding="utf-8"), source=str(path), today=today)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Refused(f"{path}: cannot be read: {reason}", next_step="name the waivers with --waivers") from None
