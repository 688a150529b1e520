"""Everything that a bucket holds of what the plan keeps, as the pruner judges it: current versions alone.

What was ended lies in noncurrent versions; they are never read as copies (WAL-G did, and built on what was hidden:
https://github.com/wal-g/wal-g/issues/2143).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from engines.catalog import newest_pointer
from engines.folders import Entry, Unread, entries_but
from engines.registry import logs
from engines.shipping import HeldLog
from recovery.copies.arrival import arrival
from recovery.copies.catalog import Catalog, Copy, Named
from recovery.copies.manifest import Manifest
from recovery.copies.retention import LOG, CopyTerms, copy_terms, lock_term, stands_alone
from recovery.errors import Corrupt, Refused, Unreachable
from recovery.names import BackupFolder, manifest_key, parse_backup_folder, shared_prefix
from recovery.plan.plan import SITES, Plan, SiteName
from recovery.ports.buckets import ObjectStore, PruneBucket, StoredObject


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """The catalog, and how many bytes each folder holds. `log`: the objects of each of the log's days, in order.
    `unnamed`: of what copies of a dataset share, the objects that no manifest names."""

    catalog: Catalog
    bytes: Mapping[str, int]
    log: Mapping[str, tuple[StoredObject, ...]]
    unnamed: Mapping[str, tuple[StoredObject, ...]]


def take(
    store: PruneBucket,
    plan: Plan,
    site: SiteName,
    *,
    replicas: ObjectStore | None = None,
    now: datetime | None = None,
) -> Inventory:
    """Of the bucket of `site`. `replicas`: the DR bucket, for production's, which keeps what that one has not. With
    `now`, of copies that nothing builds on only those manifests are read whose term may be over: the plan keeps 26,000
    snapshots of Redis, and 70 end between two runs.

    Raises Unreachable or Refused when `store` cannot be asked; the same of `replicas` only means that nothing is there.
    """
    copies: list[Copy] = []
    sizes: dict[str, int] = {}
    latest: dict[tuple[str, str], Named] = {}
    damaged: dict[str, list[str]] = {}
    manifests: dict[str, Manifest] = {}
    kinds = [each for each in copy_terms(plan) if each.in_bucket_of(site)]
    log: dict[str, tuple[StoredObject, ...]] = {}
    held = {
        each.dataset: logs()[each.dataset].held(store) for each in kinds if each.kind == LOG and each.dataset in logs()
    }
    for dataset, found in held.items():
        log |= found.days.objects
        copies += found.days.copies
        if found.days.latest:
            latest[dataset, LOG] = found.days.latest
    sizes |= {folder: sum(each.bytes for each in objects) for folder, objects in log.items()}
    # Listed first: what a manifest that comes meanwhile names is never taken for unnamed.
    shared = {of: tuple(store.list(prefix)) for of in {each.dataset for each in kinds} if (prefix := shared_prefix(of))}
    named = set[str]()
    for terms in (each for each in kinds if each.kind != LOG):
        # What the pointer names is looked for in a listing that comes later.
        if pointer := newest_pointer(store, terms.dataset, terms.kind):
            latest[terms.dataset, terms.kind] = Named(folder=pointer.folder, finished=pointer.finished)
        within = _surely_within(terms, site, now)
        looked_at, unread = entries_but(store, terms.dataset, terms.kind, within)
        for each in unread:
            sizes[each.folder] = each.stored_bytes
            copies.append(_by_name(each))
        for entry in looked_at:
            sizes[entry.folder] = entry.stored_bytes
            try:
                _require_seen(store, entry)
                copies.append(_copy(entry, plan, terms, held.get(terms.dataset)))
            except Corrupt as error:
                damaged.setdefault(terms.dataset, []).append(f"{entry.folder} ({error.what})")
                continue
            if known := entry.manifest or (entry.arrival and entry.arrival.manifest):
                named.update(part.key for part in known.parts)
            if entry.manifest:
                manifests[entry.folder] = entry.manifest
    catalog = Catalog(
        site=site,
        copies=tuple(copies),
        latest=latest,
        damaged={dataset: tuple(found) for dataset, found in damaged.items()},
        elsewhere=_elsewhere(replicas, kinds, manifests) if replicas else None,
    )
    unnamed = {of: tuple(each for each in found if each.key not in named) for of, found in shared.items()}
    return Inventory(catalog=catalog, bytes=sizes, log=log, unnamed=unnamed)


def _surely_within(terms: CopyTerms, site: SiteName, now: datetime | None) -> Callable[[BackupFolder], bool]:
    """Of a folder with a manifest: whether it is kept whatever that says. A copy ends its term later than its start."""
    if now is None or not stands_alone(terms.dataset, terms.kind):
        return lambda _: False
    ends, kept = now, terms.kept(site)
    return lambda folder: ends - folder.started < kept


def _by_name(unread: Unread) -> Copy:
    named = unread.named
    return Copy(
        dataset=named.dataset,
        kind=named.kind,
        id=named.id,
        folder=unread.folder,
        epoch=named.epoch,
        source=named.source,
        started=named.started,
        finished=named.started,  # at the earliest
    )


def _require_seen(store: PruneBucket, entry: Entry) -> None:
    """Raises Corrupt for a damaged manifest, and for one that is hidden: the pruner ends a manifest last, so somebody
    else did, and the rest must not follow it."""
    if entry.damage:
        raise Corrupt(entry.damage)
    if not (entry.manifest or entry.arrival) and any(True for _ in store.hidden(manifest_key(entry.folder))):
        raise Corrupt("its manifest lies under a delete marker")


def _copy(entry: Entry, plan: Plan, terms: CopyTerms, log: HeldLog | None) -> Copy:
    """Raises Corrupt for what is no folder of a backup, or says no position of its log."""
    known = entry.manifest or (entry.arrival and entry.arrival.manifest)
    try:
        if known:
            copy = Copy.of(known, entry.folder, verified=False, complete=entry.manifest is not None)
            return replace(copy, position=log.needed_from(known)) if log else copy
        named = parse_backup_folder(entry.folder)
        return Copy(
            dataset=terms.dataset,
            kind=terms.kind,
            id=named.id,
            folder=entry.folder,
            epoch=named.epoch,
            source=named.source,
            started=entry.modified,
            finished=entry.modified,
            complete=False,
            # Nobody says until when its parts are locked: no longer than by a run that began with the last of them.
            locked_until=entry.modified + max(lock_term(plan, terms.dataset, terms.kind, site) for site in SITES),
        )
    except ValueError:
        raise Corrupt("it is none that a backup of ours makes") from None


def _elsewhere(
    replicas: ObjectStore, kinds: Iterable[CopyTerms], manifests: Mapping[str, Manifest]
) -> frozenset[str] | None:
    """Which of these backups the other bucket holds whole."""
    try:
        shared = filter(None, {shared_prefix(terms.dataset) for terms in kinds})
        prefixes = (*(terms.prefix for terms in kinds), *shared)
        held = {item.key: item.bytes for prefix in prefixes for item in replicas.list(prefix)}
    except (Refused, Unreachable):
        return None
    return frozenset(
        folder
        for folder, manifest in manifests.items()
        if manifest_key(folder) in held and arrival(manifest, held) is None
    )
