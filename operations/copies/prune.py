"""Pruning a bucket: what would go and why, and doing exactly that, under the lease, by delete markers alone.

A run may be killed anywhere. A backup's manifest goes last, so what is left of it is still judged by its own term, and
the next run ends the rest. Two runs at once come to the same decisions and only place a marker twice.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from engines.fencing import require_held
from engines.inventory import Inventory, take
from recovery.copies.gaps import CLOCKS
from recovery.copies.pruning import SURELY_OVER, Prune, Verdict, decide
from recovery.copies.retention import LOG, copy_terms, lock_bound_days
from recovery.errors import Failed, Refused
from recovery.lease.lease import Lease, moved
from recovery.names import Names, manifest_key, shared_prefix
from recovery.plan.plan import Plan, SiteName
from recovery.ports.buckets import HiddenObject, ObjectStore, PruneBucket, StoredObject
from recovery.ports.control_table import LeaseStore
from recovery.units import read_duration

_READERS = 8
_MARKERS_A_LOOK = 200
"""How many markers are placed before the lease is looked at again: seconds."""


@dataclass(frozen=True, slots=True)
class HiddenCopy:
    """An object under a delete marker although it is locked. The pruner hides nothing that is locked."""

    key: str
    locked_until: datetime
    hidden: datetime

    @property
    def words(self) -> str:
        """For people."""
        return f"{self.key}, hidden {self.hidden:%Y-%m-%d %H:%M}, locked until {self.locked_until:%Y-%m-%d %H:%M}"


@dataclass(frozen=True, kw_only=True)
class PruneOrder:
    """What a run will do: shown by a dry run, and executed as it is."""

    verdict: Verdict
    inventory: Inventory
    hidden: tuple[HiddenCopy, ...]
    shared: tuple[StoredObject, ...]
    """What copies shared, and none names any more."""

    def bytes(self, prune: Prune) -> int:
        """What the copy takes in the bucket."""
        return self.inventory.bytes[prune.copy.folder]

    @property
    def gaps(self) -> str:
        """Which datasets were not judged and why, in one sentence; empty when all were."""
        return "; ".join(f"nothing of {of} was judged: {', '.join(found)}" for of, found in self.verdict.gaps.items())

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "prune": [
                {
                    "dataset": each.copy.dataset,
                    "kind": each.copy.kind,
                    "id": each.copy.id,
                    "folder": each.copy.folder,
                    "finished": each.copy.finished,
                    "bytes": self.bytes(each),
                    "reason": each.reason,
                }
                for each in self.verdict.prunes
            ],
            "kept": [{"folder": each.copy.folder, "reason": each.reason} for each in self.verdict.keeps],
            "not_judged": {dataset: list(found) for dataset, found in self.verdict.gaps.items()},
            "shared": [{"key": each.key, "bytes": each.bytes} for each in self.shared],
            "hidden_but_locked": [
                {"key": each.key, "locked_until": each.locked_until, "hidden": each.hidden} for each in self.hidden
            ],
        }


def look(
    store: PruneBucket, plan: Plan, site: SiteName, *, clock: Callable[[], datetime], replicas: ObjectStore | None
) -> PruneOrder:
    """Judge all that the bucket of `site` holds; nothing is changed. `replicas`: the DR bucket, for production's.

    Raises Refused when this machine's clock is not S3's: by a clock that is ahead, copies end too early.
    """
    now = clock()
    apart = now - store.time()
    if abs(apart) > CLOCKS:
        raise Refused(
            f"this machine's clock is {read_duration(abs(apart))} {'ahead of' if apart > timedelta() else 'behind'} "
            f"S3's: by it, nobody can say how old a copy is",
            next_step="set the clock of this machine (or node), and run it again",
        )
    hidden = hidden_but_locked(store, plan, site, now)
    inventory = take(store, plan, site, replicas=replicas, now=now)
    catalog = inventory.catalog
    damaged: dict[str, tuple[str, ...]] = dict(catalog.damaged)
    for each in hidden:
        dataset = each.key.split("/")[0]
        damaged[dataset] = (*damaged.get(dataset, ()), f"{each.key} (hidden, though it is locked)")
    verdict = decide(replace(catalog, damaged=damaged), plan, now)
    shared = _ended_shares(store, inventory, {*verdict.gaps, *damaged}, plan, now)
    return PruneOrder(verdict=verdict, inventory=inventory, hidden=hidden, shared=shared)


def _ended_shares(
    store: PruneBucket, inventory: Inventory, unexplained: set[str], plan: Plan, now: datetime
) -> tuple[StoredObject, ...]:
    """What no manifest names, is too old for a run that has not written its manifest yet, and is not locked. A copy
    that is only due still counts: what it alone named goes the next time."""
    terms = copy_terms(plan)
    found: list[StoredObject] = []
    for dataset, objects in inventory.unnamed.items():
        if dataset in unexplained:
            continue
        running = max(each.start_deadline + each.time_limit for each in terms if each.dataset == dataset)
        found += [each for each in objects if each.modified < now - running - SURELY_OVER]
    with ThreadPoolExecutor(_READERS) as pool:
        locks = list(pool.map(lambda each: store.locked_until(each.key), found))
    return tuple(each for each, until in zip(found, locks, strict=True) if until is None or until <= now)


def hidden_but_locked(store: PruneBucket, plan: Plan, site: SiteName, now: datetime) -> tuple[HiddenCopy, ...]:
    """Locked objects under a delete marker: anybody who may place one hides a copy, lock or not. Ranges of a log have
    no lock, and an object that is older than the longest one of its kind has none any more."""
    found: list[HiddenObject] = []
    for terms in (each for each in copy_terms(plan) if each.in_bucket_of(site)):
        oldest = now - timedelta(days=lock_bound_days(plan, terms.prefix))
        if shared := shared_prefix(terms.dataset):  # whose locks are made longer, so that age says nothing
            found += store.hidden(shared)
        for prefix in (
            [f"{terms.prefix}{part}/" for part in ("segments", "gaps")] if terms.kind == LOG else [terms.prefix]
        ):
            found += [each for each in store.hidden(prefix) if each.modified > oldest]
    with ThreadPoolExecutor(_READERS) as pool:
        locks = list(pool.map(lambda each: store.locked_until(each.key, each.version), found))
    return tuple(
        HiddenCopy(each.key, until, each.hidden)
        for each, until in zip(found, locks, strict=True)
        if until is not None and until > now
    )


def execute(
    store: PruneBucket,
    order: PruneOrder,
    leases: LeaseStore | None,
    site: SiteName,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ended: Callable[[Prune], None] = lambda _: None,
) -> None:
    """End what `order` says, in its order; `ended` hears of each. `leases`: None in an account of copies alone,
    which is no site's.

    Raises LeaseRefused before any effect at a site without the lease (fault 68), Failed when the lease moves meanwhile.
    """
    seen, placed = require_held(leases, site) if leases else None, 0

    def hide(keys: Iterator[str]) -> None:
        nonlocal placed
        for number, key in enumerate(keys):
            if leases and seen and number % _MARKERS_A_LOOK == 0:
                _require_same(leases, seen)
            try:
                store.hide(key)
            except Refused as error:
                if placed == 0:
                    raise
                raise Failed(f"{error.what}, after {placed} delete markers", next_step=error.next_step) from None
            placed += 1

    for prune in order.verdict.prunes:
        hide(_keys(store, order, prune))
        ended(prune)
    hide(each.key for each in order.shared if not _locked(store, each.key, clock()))


def _locked(store: PruneBucket, key: str, now: datetime) -> bool:
    """A copy that is being made may have begun to use it again, and has made its lock longer then."""
    until = store.locked_until(key)
    return until is not None and until > now


def _keys(store: PruneBucket, order: PruneOrder, prune: Prune) -> Iterator[str]:
    """What is still there of a copy. A manifest goes last, and what has got one since it was judged does not go."""
    copy = prune.copy
    if copy.kind == LOG:
        yield from (each.key for each in order.inventory.log[copy.folder])
        return
    manifest = manifest_key(copy.folder)
    keys = [each.key for each in store.list(copy.folder)]
    if not copy.complete and not copy.lacking and manifest in keys:
        return
    yield from sorted(keys, key=lambda key: key == manifest)


def _require_same(leases: LeaseStore, seen: Lease) -> None:
    """Raises Failed unless the lease is still the same. An answer that does not come ends the run as well."""
    if moved(leases.read(), seen):
        raise Failed(
            f"the lease is no longer {seen.site}'s in epoch {seen.epoch}: this pruner has stopped",
            next_step="none: the site with the lease prunes (`dr lease show`)",
        )


def words(order: PruneOrder, *, executed: bool) -> str:
    """What a run did, or would do, in one line."""
    prunes, keeps = order.verdict.prunes, order.verdict.keeps
    went = f"{len(prunes)} {'ended' if executed else 'due'}"
    hidden = f", {len(order.hidden)} hidden although locked" if order.hidden else ""
    packs = f", {len(order.shared)} packs that no copy names" if order.shared else ""
    return f"{went if prunes else 'nothing is due'}{packs}, {len(keeps)} kept{hidden}"


def require_judged(order: PruneOrder, bucket: str) -> None:
    """Raises Failed when there is a dataset that nothing was judged of: it only grows until somebody has looked."""
    if order.verdict.gaps:
        raise Failed(
            f"{order.gaps} (bucket {bucket})",
            next_step="see what became of it: `dr backups`, and the bucket's versions. Break-glass takes away "
            "delete markers; a replica that is on its way is there at the next run. The other datasets were judged",
        )


def require_may_end(names: Names, bucket: SiteName) -> None:
    """Raises Refused for copies in an account of their own, which nobody of production's ends."""
    if bucket == "dr" and names.apart:
        raise Refused(
            f"the copies of {names.backup_bucket('dr')} are in account {names.account_of_copies('dr')}: no login of "
            f"account {names.account} ends one there",
            next_step="look without --execute; to end them sign in to that account and run it there",
        )
