"""`waivers.yaml`: who answers for which weakening, why, and until when."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Any

from policy.review.rule_list import rule_ids
from policy.verdict import Finding
from recovery.errors import PlanError
from recovery.plan.strict_yaml import NotYaml, read_yaml

_REQUIRED = ("resource", "property", "who", "why", "until")  # `rule` may stand for `property`
_OPTIONAL = ("rule", "stack", "type")
_LEAST_WORDS = 3
# Whoever agreed may have left by then, and what it was agreed for has changed.
_LONGEST = timedelta(days=366)


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """One agreed weakening: `resource` is a name or a URN, `property` a path that covers what lies below it, `rule` the
    id of the rule that objects; with both, both must fit. `type`, as the review prints it or in full, tells resources
    of one name apart."""

    resource: str
    who: str
    why: str
    until: date
    property: str = ""
    rule: str = ""
    stack: str = ""
    type: str = ""

    def covers(self, finding: Finding) -> bool:
        """Whether it is about this finding, in time or not. A preview that failed is nobody's to wave through."""
        at = self.property
        return (
            bool(finding.urn)
            and self.resource in (finding.urn, finding.name)
            and self.stack in ("", finding.stack)
            and self.type in ("", finding.type, finding.type.rpartition(":")[2])
            and self.rule in ("", finding.rule)
            and (at in ("", finding.property) or finding.property.startswith((f"{at}.", f"{at}[")))
        )

    def words(self) -> str:
        """For people."""
        return f"{self.resource} {self.property or self.rule} (until {self.until}, {self.who})"


def read_waivers(text: str, *, source: str, today: date) -> tuple[Waiver, ...]:
    """The waivers in `text`, read as strictly as a plan. Raises PlanError naming every problem."""
    try:
        read = read_yaml(text, days=True)
    except NotYaml as error:
        raise PlanError(source, [str(error)]) from None
    if read.problems:
        raise PlanError(source, [f"line {line}: {message}" for line, message in sorted(read.problems)])
    loaded = {"waivers": None} if read.value is None else read.value
    entries = loaded["waivers"] if isinstance(loaded, dict) and set(loaded) == {"waivers"} else {}
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise PlanError(source, ["expected one key `waivers` with a list"])
    problems = [f"waiver {n}: {each}" for n, entry in enumerate(entries, 1) for each in _problems(entry, today)]
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


def _problems(entry: Any, today: date) -> Iterator[str]:
    if not isinstance(entry, Mapping):
        yield f"expected {', '.join(_REQUIRED)}"
        return
    needed = (key for key in _REQUIRED if key != "property" or "rule" not in entry)
    yield from (f"{key} is missing" for key in needed if key not in entry)
    yield from (f"unknown key {key!r}" for key in entry if key not in (*_REQUIRED, *_OPTIONAL))
    for key in ("resource", "property", "who", "why", *_OPTIONAL):
        if key in entry and (not isinstance(entry[key], str) or not entry[key].strip()):
            yield f"{key}: expected text, found {entry[key]!r}"
        elif key == "rule" and key in entry and entry[key] not in rule_ids():
            close = get_close_matches(entry[key], rule_ids(), n=1)
            hint = f"perhaps {close[0]}" if close else "see `dr review --rules`"
            yield f"rule: no rule is called {entry[key]!r}; {hint}"
    until, why = entry.get("until"), entry.get("why")
    if "until" in entry and not isinstance(until, date):
        yield f"until: expected a day such as 2027-01-31, found {until!r}"
    elif isinstance(until, date) and until > today + _LONGEST:
        yield f"until: {until} is more than a year away, name one by {today + _LONGEST}"
    if isinstance(why, str) and len(why.split()) < _LEAST_WORDS:
        yield f"why: expected a reason somebody can check, found {why!r}"
