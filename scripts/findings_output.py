"""How findings of a monitor look: a table or one JSON document, and the worst of them as exit code."""

from dataclasses import asdict

from operations.monitoring.findings import WORDS, Finding, worst
from scripts.output import ExitWith, emit_json, table


def show(findings: list[Finding], *, json: bool, code: int | None = None) -> None:
    """Print them. Raises ExitWith, always; with the worst level unless a `code` is named."""
    level = worst(findings)
    if json:
        lines = {each.name: {**asdict(each), "level": WORDS[each.level]} for each in findings}
        emit_json({"status": WORDS[level], "findings": lines})
    else:
        table("", ("what", "state", ""), [(each.name, WORDS[each.level], _sentence(each)) for each in findings])
    raise ExitWith(level if code is None else code)


def _sentence(finding: Finding) -> str:
    return finding.words + (f"\nNext: {finding.next_step}" if finding.next_step else "")
