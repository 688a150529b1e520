"""S3 lifecycle rules compiled from the plan's retention.

Lifecycle moves copies to colder classes, ends noncurrent versions and unfinished uploads. It never ends a current
version: which chain may go is known only to the catalog, and on a locked object an expiry would leave a delete marker.
"""

import math
from dataclasses import dataclass
from datetime import timedelta

from recovery.names import BUNDLE_KEY, POINTERS
from recovery.plan import Backup, Plan, SiteName

# Storage rules of S3, https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
# (2026-11): Infrequent Access takes objects from their 30th day; shorter stays than these are billed in full.
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
    """One rule. `prefix` is a key prefix inside the bucket; empty means every object."""

    id: str
    prefix: str
    noncurrent_days: int | None = None
    larger_than_bytes: int | None = None
    transitions: tuple[Transition, ...] = ()
    abort_upload_days: int | None = None
    remove_expired_markers: bool = False


def lifecycle_rules(plan: Plan, site: SiteName) -> tuple[LifecycleRule, ...]:
    """The rules of the backup bucket in `site`'s region. Only the DR bucket archives: production's copies are short.

    A copy that the pruner ended can be brought back as long as its noncurrent version lives: production's bucket
    keeps it for `keep.local`, the DR bucket for `keep.cloud`.
    """
    rules: list[LifecycleRule] = []
    backups = {"postgres/full/": plan.datasets.postgres.full}
    for prefix, backup in backups.items():
        undo = _days(backup.keep.local if site == "prod" else backup.keep.cloud)
        name = prefix.rstrip("/").replace("/", "-")
        rules.append(LifecycleRule(id=f"{name}-undo", prefix=prefix, noncurrent_days=undo))
        if site == "dr" and (moves := archive_transitions(backup)):
            archive = LifecycleRule(
                id=f"{name}-archive",
                prefix=prefix,
                larger_than_bytes=ARCHIVED_FROM_BYTES,
                transitions=moves,
            )
            rules.append(archive)
    shortest = min(_days(backup.keep.local) for backup in backups.values())
    for key in (POINTERS, BUNDLE_KEY):
        rules.append(LifecycleRule(id=f"{key.split('/')[0]}-undo", prefix=key, noncurrent_days=shortest))
    longest_upload = max(backup.time_limit for backup in backups.values())
    rules.append(
        LifecycleRule(
            id="leftovers",
            prefix="",
            # The longest of all terms: a rule for every object must not undercut the others.
            noncurrent_days=max(rule.noncurrent_days or 0 for rule in rules),
            abort_upload_days=_days(longest_upload) + 1,
            remove_expired_markers=True,
        )
    )
    return tuple(rules)


def archive_transitions(backup: Backup) -> tuple[Transition, ...]:
    """Where one kind of copy moves in the DR bucket between `keep.cloud` and the end of `keep.archive`.

    A class is used only when the copy stays there for its minimum billed time.
    """
    cloud, end = _days(backup.keep.cloud), _days(backup.keep.archive)
    wanted = [("STANDARD_IA", IA_FROM_DAYS), ("GLACIER", cloud), ("DEEP_ARCHIVE", max(DEEP_ARCHIVE_FROM_DAYS, cloud))]
    moves: list[Transition] = []
    for storage_class, start in wanted:
        following = cloud if storage_class == "STANDARD_IA" else end
        if following - start < MINIMUM_STAY_DAYS[storage_class]:
            continue
        if moves and start - moves[-1].days < MINIMUM_STAY_DAYS[moves[-1].storage_class]:
            start = moves[-1].days + MINIMUM_STAY_DAYS[moves[-1].storage_class]
            if end - start < MINIMUM_STAY_DAYS[storage_class]:
                continue
        moves.append(Transition(days=start, storage_class=storage_class))
    return tuple(moves)


def _days(term: timedelta) -> int:
    return max(1, math.ceil(term / timedelta(days=1)))
