"""What S3 refuses in a lifecycle configuration, and what it accepts and does otherwise than meant: what compiled rules
are held against.

Rules are read in the form of S3's own API, so that what is judged is what is sent. A wording S3 documents nowhere is
cited from where its answer was seen.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from components.storage.backup_bucket import lifecycle_rule
from recovery.copies.lifecycle_rule import LifecycleRule
from tests.support.lifecycle_overlaps import undercut

S3Rule = Mapping[str, Any]
"""One rule of PutBucketLifecycleConfiguration, as boto3 takes it."""

_API = "https://docs.aws.amazon.com/AmazonS3/latest/API"
_GUIDE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide"
_PUT = f"{_API}/API_PutBucketLifecycleConfiguration.html"
_FILTER = f"{_API}/API_LifecycleRuleFilter.html"
_RULE = f"{_API}/API_LifecycleRule.html"
_EXPIRATION = f"{_API}/API_LifecycleExpiration.html"
_NONCURRENT = f"{_API}/API_NoncurrentVersionExpiration.html"
_TRANSITION = f"{_API}/API_Transition.html"
_ABORT = f"{_API}/API_AbortIncompleteMultipartUpload.html"
_MOVES = f"{_GUIDE}/lifecycle-transition-general-considerations.html"
_ELEMENTS = f"{_GUIDE}/intro-lifecycle-rules.html"
_CONFLICTS = f"{_GUIDE}/lifecycle-conflicts.html"
_LOCKED = f"{_GUIDE}/object-lock-managing.html"
_TAGS = "https://github.com/terraform-aws-modules/terraform-aws-s3-bucket/issues/109"
_SIZE = "https://github.com/aws-cloudformation/cfn-lint/issues/3554"
_MARKER_SIZE = "https://github.com/aws/aws-cli/issues/8239"

_ACTIONS = (
    "Transitions",
    "Expiration",
    "NoncurrentVersionTransitions",
    "NoncurrentVersionExpiration",
    "AbortIncompleteMultipartUpload",
)
# From warm to cold; objects move only downwards.
_CLASSES = ("STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
# Days an object must lie in the warmer class before the next rule may move it, or S3 answers "must be 90 days more".
_GAP = {"STANDARD_IA": 30, "ONEZONE_IA": 30, "GLACIER_IR": 90, "GLACIER": 90}
_S3_NAMES = {"id": "ID"}
_SMALLEST_MOVED = 128 * 1024
_EACH_ENDS = "every object of the bucket"


@dataclass(frozen=True)
class Problem:
    """What is wrong with one rule, under a fixed `name`; `rule` is empty when it is about the configuration."""

    name: str
    what: str
    source: str
    rule: str = ""

    def __str__(self) -> str:
        return f"{self.rule + ': ' if self.rule else ''}{self.what} [{self.name}] {self.source}"


def as_s3(rules: Sequence[LifecycleRule]) -> list[S3Rule]:
    """The rules as they are declared, in the names of S3's API."""
    return [_in_s3_names(lifecycle_rule(rule)) for rule in rules]


def _in_s3_names(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_s3_names(each) for each in value]
    if isinstance(value, dict):
        return {_S3_NAMES.get(name, name.title().replace("_", "")): _in_s3_names(part) for name, part in value.items()}
    return value


Finding = tuple[str, str, str]


def lifecycle_problems(rules: Sequence[S3Rule], written: Collection[str] = ()) -> list[Problem]:
    """Everything wrong with these rules. `written`: beginnings of the keys that are put into the bucket."""
    found = [Problem(*finding) for finding in _configuration(rules)]
    for rule in rules:
        label = f"rule {rule.get('ID', '(no ID)')}"
        found.extend(Problem(*finding, label) for check in _CHECKS for finding in check(rule))
        if written and not any(_meets(_prefix(rule), each) for each in written):
            what = f"prefix {_prefix(rule)!r} matches nothing that is written; a prefix is of the key, not the bucket"
            found.append(Problem("matches-nothing", what, _FILTER, label))
    found.extend(Problem("undercut", what, _CONFLICTS, f"rule {rule}") for rule, what in undercut(rules))
    return found


def _configuration(rules: Sequence[S3Rule]) -> Iterator[Finding]:
    if not 1 <= len(rules) <= 1000:
        yield "number-of-rules", f"expected 1 to 1,000 rules, found {len(rules)}", _PUT
    ids = [str(rule["ID"]) for rule in rules if rule.get("ID")]
    for each in sorted({each for each in ids if ids.count(each) > 1}):
        yield "id-twice", f"two rules are called {each}", _RULE
    everywhere = [rule for rule in rules if rule.get("Status") == "Enabled" and _conditions(rule) == {}]
    if not any("NoncurrentVersionExpiration" in rule for rule in everywhere):
        yield "noncurrent-forever", f"no rule ends noncurrent versions of {_EACH_ENDS}: they cost for ever", _ELEMENTS
    if not any("AbortIncompleteMultipartUpload" in rule for rule in everywhere):
        yield "uploads-forever", f"no rule ends unfinished uploads of {_EACH_ENDS}: they cost for ever", _ABORT


def _form(rule: S3Rule) -> Iterator[Finding]:
    if not 1 <= len(str(rule.get("ID", ""))) <= 255:
        yield "id-length", "expected an ID of 1 to 255 characters", _RULE
    if rule.get("Status") not in ("Enabled", "Disabled"):
        yield "status", f"expected Status Enabled or Disabled, found {rule.get('Status')!r}", _RULE
    if "Filter" not in rule:
        yield (
            "no-filter",
            "expected a Filter; the rule-level Prefix is deprecated and mixes with no Filter",
            _RULE,
        )
    chosen: Mapping[str, Any] = rule.get("Filter", {})
    if len(chosen) > 1 or ("And" in chosen and len(chosen["And"]) < 2):
        yield "filter-form", "a Filter holds one condition, or And with two or more", _FILTER
    if not any(rule.get(action) for action in _ACTIONS):
        yield "no-action", "a rule needs an action", _PUT


def _numbers(rule: S3Rule) -> Iterator[Finding]:
    ends = [
        ("Expiration.Days", rule.get("Expiration", {}).get("Days"), _EXPIRATION),
        ("NoncurrentDays", rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"), _NONCURRENT),
        ("DaysAfterInitiation", rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"), _ABORT),
    ]
    for name, days, source in ends:
        if days is not None and (not isinstance(days, int) or not 1 <= days < 2**31):
            yield "days", f"expected {name} to be a whole number of at least 1, found {days!r}", source


def _moves(rule: S3Rule) -> Iterator[Finding]:
    for action, unit, end in (
        ("Transitions", "Days", rule.get("Expiration", {}).get("Days")),
        (
            "NoncurrentVersionTransitions",
            "NoncurrentDays",
            rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"),
        ),
    ):
        moves: Sequence[Mapping[str, Any]] = rule.get(action, ())
        known = [(str(each["StorageClass"]), each.get(unit)) for each in moves if each.get("StorageClass") in _CLASSES]
        if len(known) < len(moves):
            yield "class", f"expected storage classes of {', '.join(_CLASSES)}", _TRANSITION
        timed = [(storage, days) for storage, days in known if isinstance(days, int) and days >= 0]
        if len(timed) < len(known) and not any("Date" in each for each in moves):
            yield (
                "days",
                f"expected {unit} of {action} to be a whole number of at least 0",
                f"{_API}/API_Transition.html",
            )
        yield from _order(timed)
        if isinstance(end, int) and any(days >= end for _, days in timed):
            yield (
                "move-after-end",
                f"objects end on day {end}, so a move on the same day or later never happens",
                _ELEMENTS,
            )


def _order(moves: Sequence[tuple[str, int]]) -> Iterator[Finding]:
    for storage, days in moves:
        if storage in ("STANDARD_IA", "ONEZONE_IA") and days < 30:
            yield "ia-too-early", f"{storage} takes objects from day 30 on, found day {days}", _MOVES
    if len({storage for storage, _ in moves}) < len(moves):
        yield "class-twice", "a class can be moved to only once in a rule", _MOVES
    ordered = sorted(moves, key=lambda move: move[1])
    for (warm, first), (cold, then) in pairwise(ordered):
        if _CLASSES.index(cold) < _CLASSES.index(warm):
            yield "class-order", f"S3 moves nothing from {warm} up to {cold}", _MOVES
        elif then - first < _GAP.get(warm, 0):
            yield "class-gap", f"{cold} must be {_GAP[warm]} days more than {warm}, found {then - first}", _MOVES


def _dates(rule: S3Rule) -> Iterator[Finding]:
    timed = [rule.get("Expiration", {}), *rule.get("Transitions", ())]
    if any("Date" in each for each in timed) and any("Days" in each for each in timed):
        yield "date-and-days", "Date and Days cannot be mixed in a rule", _ELEMENTS


def _markers(rule: S3Rule) -> Iterator[Finding]:
    expiration: Mapping[str, Any] = rule.get("Expiration", {})
    conditions = _conditions(rule)
    if "ExpiredObjectDeleteMarker" in expiration:
        if {"Days", "Date"} & set(expiration):
            yield "marker-with-days", "ExpiredObjectDeleteMarker excludes Days and Date", _EXPIRATION
        if {"Tag", "Tags"} & set(conditions):
            yield "marker-with-tags", "ExpiredObjectDeleteMarker excludes tags: a delete marker has none", _ELEMENTS
        if _sized(conditions):
            yield "marker-with-size", "ExpiredObjectDeleteMarker excludes sizes", _MARKER_SIZE
    if {"Days", "Date"} & set(expiration):
        what = "it ends current versions, locked or not, whatever still builds on them; only the pruner may"
        yield "ends-current", what, _LOCKED
    if "AbortIncompleteMultipartUpload" in rule:
        if {"Tag", "Tags"} & set(conditions):
            yield "abort-with-tags", "AbortIncompleteMultipartUpload cannot be specified with tags", _TAGS
        if _sized(conditions):
            yield "abort-with-size", "AbortIncompleteMultipartUpload cannot be specified with sizes", _SIZE


def _small(rule: S3Rule) -> Iterator[Finding]:
    if rule.get("Transitions") and _conditions(rule).get("ObjectSizeGreaterThan", 0) < _SMALLEST_MOVED - 1:
        what = (
            "a rule that moves must say ObjectSizeGreaterThan, 131,071 or more: S3 leaves smaller objects by default, "
            "and with another size filter moves them at a loss"
        )
        yield "small-objects", what, _MOVES


_CHECKS: tuple[Callable[[S3Rule], Iterator[Finding]], ...] = (_form, _numbers, _moves, _dates, _markers, _small)


def _conditions(rule: S3Rule) -> dict[str, Any]:
    """The filter's conditions that leave something out: an empty prefix is none."""
    chosen: Mapping[str, Any] = rule.get("Filter", {})
    both = {**chosen, **chosen.get("And", {})}
    both.pop("And", None)
    return {name: value for name, value in both.items() if (name, value) != ("Prefix", "")}


def _prefix(rule: S3Rule) -> str:
    return str(_conditions(rule).get("Prefix", rule.get("Prefix", "")))


def _sized(conditions: Mapping[str, Any]) -> bool:
    return any(name.startswith("ObjectSize") for name in conditions)


def _meets(prefix: str, written: str) -> bool:
    return written.startswith(prefix) or prefix.startswith(written)
