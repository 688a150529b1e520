"""How a review looks: the findings by verdict, the waivers, and the sum; or all rules."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

from rich.text import Text

from policy.review.rule_list import rule_list
from policy.review.waivers import Waiver, expired, unused
from policy.verdict import Finding, Verdict, objects
from scripts.output import console, line_width
from scripts.review_layout import WAIVED, group, wrapped

_BLIND = "made without --show-sames: a change of retainOnDelete alone is not in it"


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


def _say(line: str) -> None:
    """What a preview holds, fit for a terminal: no markup, no control characters, nothing that cannot be encoded."""
    console.print(Text("".join(each if each.isprintable() else "?" for each in line)))
