"""How long each kind of copy is kept, can be read at once, is locked and can be brought back: all from `keep`.

A copy goes to the bucket of the site that makes it, and production's are replicated into the DR bucket; what the plan
sends `to: cloud` goes to the DR bucket alone, whoever makes it. Production's bucket keeps for `keep.local`, the DR
bucket for `keep.archive`, of which the first `keep.cloud` in classes that can be read at once.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from recovery.names import shared_prefix
from recovery.plan.datasets import Backup, Datasets, Log, Retention
from recovery.plan.fields import Model
from recovery.plan.plan import Plan
from recovery.plan.schedules import longest_gap
from recovery.plan.sites import SITES, SiteName

LOG = "log"
FULL = "full"
BUILDS_ON: dict[str, tuple[str, ...]] = {"incremental": (FULL, "incremental"), LOG: (FULL,)}
"""Kinds that are worth nothing without a copy of these kinds. Every other kind is complete in itself."""

# A mistake made on a Friday evening is found on Monday.
UNDO_AT_LEAST_DAYS = 3
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html (2026-11): 100 years at most.
LONGEST_LOCK = timedelta(days=36_500)
DUE_LOOKED_AT = "*/5 * * * *"
"""When it is looked whether a full backup is due before its schedule."""
_CLOCK_CHANGE = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class CopyTerms:
    """One kind of copy of one dataset; `direct`: it goes to the DR bucket alone. Logs have no schedule and no limit."""

    dataset: str
    kind: str
    keep: Retention
    direct: bool = False
    schedule: str = ""
    start_deadline: timedelta = timedelta()
    time_limit: timedelta = timedelta()

    @property
    def prefix(self) -> str:
        """What the keys of all these copies begin with."""
        return f"{self.dataset}/{self.kind}/"

    def kept(self, site: SiteName) -> timedelta:
        """The copy's own term in the bucket of `site`; PERMANENT where it has no end."""
        return self.keep.local if site == "prod" else self.keep.archive

    def at_once(self, site: SiteName) -> timedelta:
        """How long it can be read without waiting for Glacier in the bucket of `site`."""
        return self.keep.local if site == "prod" else self.keep.cloud

    def undo_days(self, site: SiteName) -> int:
        """For how many days a copy that was ended in the bucket of `site` can be brought back."""
        return max(whole_days(self.at_once(site)), UNDO_AT_LEAST_DAYS)

    def bucket_of(self, site: SiteName) -> SiteName:
        """Whose bucket a copy that `site` makes is put into."""
        return "dr" if self.direct else site

    def in_bucket_of(self, site: SiteName) -> bool:
        """Whether the bucket of `site` holds such copies at all."""
        return site == "dr" or not self.direct


def copy_terms(plan: Plan) -> tuple[CopyTerms, ...]:
    """Every kind of copy that the plan makes, in the plan's order."""
    return _terms_of(plan.datasets)  # pyright: ignore[reportArgumentType]  (frozen models have a hash)


@lru_cache(maxsize=8)
def _terms_of(datasets: Datasets) -> tuple[CopyTerms, ...]:
    return tuple(
        CopyTerms(
            dataset=dataset,
            kind=kind,
            keep=part.keep,
            direct=getattr(part, "to", "local") == "cloud",
            schedule=part.schedule if isinstance(part, Backup) else "",
            start_deadline=part.start_deadline if isinstance(part, Backup) else timedelta(),
            time_limit=part.time_limit if isinstance(part, Backup) else timedelta(),
        )
        for dataset, section in _parts(datasets)
        for kind, part in _parts(section)
        if isinstance(part, Backup | Log)
    )


def _parts(model: object) -> list[tuple[str, object]]:
    if not isinstance(model, Model):
        return []
    return [(name, getattr(model, name)) for name in type(model).model_fields]


def needed_at_once(plan: Plan, terms: CopyTerms, site: SiteName) -> timedelta:
    """`at_once`, or longer where a copy that builds on this one must itself be readable for longer."""
    return _with_dependants(plan, terms, site, CopyTerms.at_once)


def needed(plan: Plan, terms: CopyTerms, site: SiteName) -> timedelta:
    """`kept`, or longer where a copy that builds on this one is kept for longer, if no backup is missed."""
    return _with_dependants(plan, terms, site, CopyTerms.kept)


def terms_of(plan: Plan, dataset: str, kind: str) -> CopyTerms:
    """What the plan says of one kind of copy. Raises KeyError when it has no such copy."""
    return {(each.dataset, each.kind): each for each in copy_terms(plan)}[dataset, kind]


def stands_alone(dataset: str, kind: str) -> bool:
    """Whether nothing builds on such a copy, and what it consists of is in no other one: it is kept for its own term,
    whatever else there is."""
    builds = BUILDS_ON.items()
    needed = kind in (FULL, LOG) or any(kind == what or kind in bases for what, bases in builds)
    return not needed and not shared_prefix(dataset)


def lock_term(plan: Plan, dataset: str, kind: str, site: SiteName) -> timedelta:
    """How long from its start a copy that `site` makes is locked in the bucket it is put into.

    Its replica takes the same date with it, so production's copies are locked for what production's bucket keeps, in
    both buckets. A base is locked for as long as what the schedule lets build on it; beyond its own term only by that.
    Raises KeyError when the plan has no such copy.
    """
    terms = terms_of(plan, dataset, kind)
    bucket = terms.bucket_of(site)
    return min(_with_dependants(plan, terms, bucket, CopyTerms.at_once), LONGEST_LOCK)


def lock_bound_days(plan: Plan, prefix: str) -> int:
    """The longest lock in days that a role which writes below `prefix` ever sets, and one more: our clock may be ahead
    of S3's, which compares whole days. Raises ValueError when the plan makes no copy there."""
    locks = [
        lock_term(plan, each.dataset, each.kind, site)
        for each in copy_terms(plan)
        for site in SITES
        if each.prefix.startswith(prefix)
    ]
    return whole_days(max(locks)) + 1


def longest_newest(plan: Plan, dataset: str, kind: str = FULL) -> timedelta:
    """The longest time that a backup stays the newest of its kind while none is missed: interval, late start, time
    limit. Raises KeyError for what the plan does not have."""
    terms = terms_of(plan, dataset, kind)
    return longest_gap((terms.schedule,)) + _CLOCK_CHANGE + terms.start_deadline + terms.time_limit


def whole_days(term: timedelta) -> int:
    """S3 counts in days: the next whole number of them, at least one."""
    return max(1, math.ceil(term / timedelta(days=1)))


def _with_dependants(
    plan: Plan, terms: CopyTerms, site: SiteName, measure: Callable[[CopyTerms, SiteName], timedelta]
) -> timedelta:
    own = measure(terms, site)
    dependants = [
        measure(each, site)
        for each in copy_terms(plan)
        if each.dataset == terms.dataset and terms.kind in BUILDS_ON.get(each.kind, ()) and each.in_bucket_of(site)
    ]
    if not dependants or max(dependants) > LONGEST_LOCK:  # PERMANENT: nothing can be added to it
        return max([own, *dependants])
    return max(own, longest_newest(plan, terms.dataset) + max(dependants))
