"""`waivers.yaml`: who answers for which weakening, why, and until when."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from policy.verdict import Finding
from recovery.errors import PlanError
from recovery.yaml_text import NotYaml, read_yaml

_REQUIRED = ("resource", "property", "who", "why", "until")
_OPTIONAL = ("stack", "type")
_LEAST_WORDS = 3
# Whoever agreed may have left by then, and what it was agreed for has changed.
_LONGEST = timedelta(days=366)


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """One agreed weakening: `resource` is a name or a URN, `property` a path that covers what lies below it. `type`, as
    the review prints it or in full, tells resources of one name apart."""

    resource: str
    property: str
    who: str
    why: str
    until: date
    stack: str = ""
    type: str = ""

    def covers(self, finding: Finding) -> bool:
        """Whether it is about this finding, in time or not. A preview that failed is nobody's to wave through."""
        if not finding.urn or self.resource not in (finding.urn, finding.name):
            return False
        if self.stack not in ("", finding.stack):
            return False
        if self.type not in ("", finding.type, finding.type.rpartition(":")[2]):
            return False
        return finding.property == self.property or finding.property.startswith(
            (f"{self.property}.", f"{self.property}[")
        )

    def words(self) -> str:
        """For people."""
        return f"{self.resource} {self.property} (until {self.until}, {self.who})"


def read_waivers(text: str, *, source: str, today: date) -> tuple[Waiver, ...]:
    """The waivers in `text`, read as strictly as a plan. Raises PlanError naming every problem."""
    try:
        read = read_yaml(text, days=True)
    except NotYaml as error:
        raise PlanError(source, [str(error)]) from None
    if read.problems:
        raise PlanError(source, [f"line {line}: {message}" for line, message in sorted(read.problems)])
    loaded = read.value
    entries = loaded.get("waivers") if isinstance(loaded, dict) and set(loaded) <= {"waivers"} else None
    if loaded is None or (isinstance(loaded, dict) and entries is None and set(loaded) == {"waivers"}):
        return ()
    if not isinstance(entries, list):
        raise PlanError(source, ["expected one key `waivers` with a list"])
    problems = [problem for number, entry in enumerate(entries, 1) for problem in _problems(entry, number, today)]
    if problems:
        raise PlanError(source, problems)
    return tuple(Waiver(**entry) for entry in entries)


def apply_waivers(findings: Iterable[Finding], waivers: Sequence[Waiver], *, today: date) -> list[Finding]:
    """The findings, with the name of whoever answers for them. An expired waiver covers nothing."""
    return [_waived(finding, waivers, today) for finding in findings]


def expired(waivers: Sequence[Waiver], *, today: date) -> list[Waiver]:
    """Waivers that no longer hold."""
    return [waiver for waiver in waivers if waiver.until < today]


def unused(findings: Sequence[Finding], waivers: Sequence[Waiver]) -> list[Waiver]:
    """Waivers that nothing in the preview needs."""
    return [waiver for waiver in waivers if not any(f.verdict.objection and waiver.covers(f) for f in findings)]


def _waived(finding: Finding, waivers: Sequence[Waiver], today: date) -> Finding:
    if not finding.verdict.objection:
        return finding
    fitting = [waiver for waiver in waivers if waiver.covers(finding)]
    for waiver in fitting:
        if waiver.until >= today:
            return replace(finding, waiver=f"{waiver.who} until {waiver.until}: {waiver.why}")
    if fitting:
        return replace(finding, advice=f"the waiver ended on {fitting[0].until}; {finding.advice}")
    return finding


def _problems(entry: Any, number: int, today: date) -> list[str]:
    where = f"waiver {number}"
    if not isinstance(entry, Mapping):
        return [f"{where}: expected {', '.join(_REQUIRED)}"]
    found = [f"{where}: {key} is missing" for key in _REQUIRED if key not in entry]
    found += [f"{where}: unknown key {key!r}" for key in entry if key not in (*_REQUIRED, *_OPTIONAL)]
    for key in ("resource", "property", "who", "why", *_OPTIONAL):
        if key in entry and (not isinstance(entry[key], str) or not entry[key].strip()):
            found.append(f"{where}: {key}: expected text, found {entry[key]!r}")
    until = entry.get("until")
    if "until" in entry and not isinstance(until, date):
        found.append(f"{where}: until: expected a day such as 2027-01-31, found {until!r}")
    elif isinstance(until, date) and until > today + _LONGEST:
        found.append(f"{where}: until: {until} is more than a year away, name one by {today + _LONGEST}")
    if isinstance(entry.get("why"), str) and len(entry["why"].split()) < _LEAST_WORDS:
        found.append(f"{where}: why: expected a reason somebody can check, found {entry['why']!r}")
    return found
