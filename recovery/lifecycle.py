"""S3 lifecycle rules compiled from the plan's retention.

Lifecycle moves copies to colder classes, ends noncurrent versions and unfinished uploads. It never ends a current
version: which chain may go is known only to the catalog (`recovery.pruning`), and S3 places delete markers on locked
objects too.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from recovery.errors import PlanError
from recovery.lifecycle_checks import S3Rule, lifecycle_problems
from recovery.model import SiteName
from recovery.names import BUNDLE_KEY, POINTERS
from recovery.plan import Plan
from recovery.retention import CopyTerms, copy_terms, needed, needed_at_once, whole_days

# Infrequent Access takes objects from their 30th day; stays shorter than these are billed in full.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html (2026-11)
IA_FROM_DAYS = 30
MINIMUM_STAY_DAYS = {"STANDARD_IA": 30, "GLACIER": 90, "DEEP_ARCHIVE": 180}
# Cold storage from one year on: UltraMarket's original document, "S3 lifecycle".
DEEP_ARCHIVE_FROM_DAYS = 365
# Manifests must stay readable at once, whatever the age of the copy: a Glacier object takes hours (fault 56), and an
# archived object costs 40 KiB of index anyway. Only what is larger than this moves.
ARCHIVED_FROM_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Transition:
    """From its `days`-th day on, an object lies in `storage_class`."""

    days: int
    storage_class: str


@dataclass(frozen=True, kw_only=True)
class LifecycleRule:
    """One rule. `prefix` is a key prefix inside the bucket; empty means every object.

    There is no field for ending current versions, so that no rule of ours can.
    """

    id: str
    prefix: str
    noncurrent_days: int | None = None
    larger_than_bytes: int | None = None
    transitions: tuple[Transition, ...] = ()
    abort_upload_days: int | None = None
    remove_expired_markers: bool = False

    def to_s3(self) -> S3Rule:
        """The rule as S3's API has it; the old, rule-level `Prefix` is deprecated, so there is a filter always."""
        rule: dict[str, Any] = {"ID": self.id, "Status": "Enabled", "Filter": {"Prefix": self.prefix}}
        if self.larger_than_bytes is not None:
            rule["Filter"] = {"And": {"Prefix": self.prefix, "ObjectSizeGreaterThan": self.larger_than_bytes}}
        if self.transitions:
            rule["Transitions"] = [{"Days": move.days, "StorageClass": move.storage_class} for move in self.transitions]
        if self.noncurrent_days is not None:
            rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": self.noncurrent_days}
        if self.abort_upload_days is not None:
            rule["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": self.abort_upload_days}
        if self.remove_expired_markers:
            rule["Expiration"] = {"ExpiredObjectDeleteMarker": True}
        return rule


def lifecycle_rules(plan: Plan, site: SiteName) -> tuple[LifecycleRule, ...]:
    """The rules of the backup bucket in `site`'s region. Only the DR bucket archives: production's copies are short.

    A copy that the pruner ended can be brought back as long as its noncurrent version lives. Raises PlanError when S3
    would refuse a rule or take it for something else than is meant.
    """
    terms = [each for each in copy_terms(plan) if each.in_bucket_of(site)]
    rules = [rule for each in terms for rule in _rules_of(plan, each, site)]
    shortest = min(each.undo_days(site) for each in terms)
    for key in (POINTERS, BUNDLE_KEY):
        rules.append(LifecycleRule(id=f"{key.split('/')[0]}-undo", prefix=key, noncurrent_days=shortest))
    rules.append(
        LifecycleRule(
            id="leftovers",
            prefix="",
            # The longest of all terms: S3 lets the shorter one win, so a rule for every object must not undercut.
            noncurrent_days=max(rule.noncurrent_days or 0 for rule in rules),
            abort_upload_days=whole_days(max(each.start_deadline + each.time_limit for each in terms)) + 1,
            remove_expired_markers=True,
        )
    )
    written = [*(each.prefix for each in terms), POINTERS, BUNDLE_KEY]
    if problems := lifecycle_problems([rule.to_s3() for rule in rules], written):
        raise PlanError(
            f"lifecycle of the {site} backup bucket",
            [str(problem) for problem in problems],
            next_step="change `keep` in recovery.yaml; if its numbers look right, recovery/lifecycle.py is wrong",
        )
    return tuple(rules)


def archive_transitions(at_once: timedelta, end: timedelta) -> tuple[Transition, ...]:
    """Where copies move in the DR bucket that must be readable `at_once` for so long and are kept until `end`.

    A class is used only when the copy stays there for its minimum billed time. Infrequent Access can be read at once.
    """
    cold_from, last = whole_days(at_once), whole_days(end)
    deep_from = max(DEEP_ARCHIVE_FROM_DAYS, cold_from)
    moves: list[Transition] = []
    if cold_from < deep_from and last - cold_from >= MINIMUM_STAY_DAYS["GLACIER"]:
        moves.append(Transition(days=cold_from, storage_class="GLACIER"))
        deep_from = max(deep_from, cold_from + MINIMUM_STAY_DAYS["GLACIER"])
    if last - deep_from >= MINIMUM_STAY_DAYS["DEEP_ARCHIVE"]:
        moves.append(Transition(days=deep_from, storage_class="DEEP_ARCHIVE"))
    warm_until = moves[0].days if moves else last
    if warm_until - IA_FROM_DAYS >= MINIMUM_STAY_DAYS["STANDARD_IA"]:
        moves.insert(0, Transition(days=IA_FROM_DAYS, storage_class="STANDARD_IA"))
    return tuple(moves)


def _rules_of(plan: Plan, terms: CopyTerms, site: SiteName) -> list[LifecycleRule]:
    name = terms.prefix.rstrip("/").replace("/", "-")
    rules = [LifecycleRule(id=f"{name}-undo", prefix=terms.prefix, noncurrent_days=terms.undo_days(site))]
    moves = archive_transitions(needed_at_once(plan, terms, site), needed(plan, terms, site)) if site == "dr" else ()
    if moves:
        rules.append(
            LifecycleRule(
                id=f"{name}-archive",
                prefix=terms.prefix,
                larger_than_bytes=ARCHIVED_FROM_BYTES,
                transitions=moves,
            )
        )
    return rules
