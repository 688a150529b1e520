"""S3 lifecycle rules compiled from the plan's retention.

Lifecycle moves copies to colder classes, ends noncurrent versions and unfinished uploads. It never ends a current
version: which chain may go is known only to the catalog (`recovery.copies.pruning`), and S3 places delete markers on
locked objects too.
"""

from datetime import timedelta

from recovery.copies.lifecycle_rule import IA_FROM_DAYS, MINIMUM_STAY_DAYS, LifecycleRule, Transition, problems
from recovery.copies.log import RANGES
from recovery.copies.retention import UNDO_AT_LEAST_DAYS, CopyTerms, copy_terms, needed, needed_at_once, whole_days
from recovery.errors import PlanError
from recovery.names import BUNDLE_KEY, POINTERS
from recovery.plan.plan import Plan
from recovery.plan.sites import SiteName

# Cold storage from one year on: UltraMarket's original document, "S3 lifecycle".
DEEP_ARCHIVE_FROM_DAYS = 365
# Manifests must stay readable at once, whatever the age of the copy: a Glacier object takes hours (fault 56), and an
# archived object costs 40 KiB of index anyway. Only what is larger than this moves.
ARCHIVED_FROM_BYTES = 1024 * 1024
# Assets are small; what has not arrived after a day never will.
_ASSETS_ABORT_DAYS = 1


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
    if found := problems(rules):
        raise PlanError(
            f"lifecycle of the {site} backup bucket",
            found,
            next_step="change `keep` in recovery.yaml; if its numbers look right, lifecycle.py is wrong",
        )
    return tuple(rules)


def assets_rules(plan: Plan) -> tuple[LifecycleRule, ...]:
    """The rules of the DR region's copy of static assets: what production overwrote stays for as long as copies of
    files stay in the cloud."""
    return (
        LifecycleRule(
            id="undo",
            prefix="",
            noncurrent_days=whole_days(plan.datasets.files.full.keep.cloud),
            abort_upload_days=_ASSETS_ABORT_DAYS,
            remove_expired_markers=True,
        ),
    )


def uploads_end_after(plan: Plan, site: SiteName) -> timedelta:
    """When the bucket of `site` ends an upload that was left open, from its start."""
    return timedelta(days=max(rule.abort_upload_days or 0 for rule in lifecycle_rules(plan, site)))


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
    if RANGES.startswith(terms.prefix):
        # A range is hidden when its bytes are in a locked segment: all that it is good for is undoing that in time.
        rules.append(LifecycleRule(id=f"{name}-ranges", prefix=RANGES, noncurrent_days=UNDO_AT_LEAST_DAYS))
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
