"""Which backups a bucket holds: a folder with a manifest and everything that it promises is a backup.

A folder without a manifest never finished, or its manifest has not arrived; one that lacks parts is arriving.
"""

from collections import ChainMap
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from pydantic import ValidationError

from recovery.copies.arrival import Arrival, arrival
from recovery.copies.manifest import Manifest, Pointer
from recovery.errors import Corrupt, Failed, Refused
from recovery.names import (
    BackupFolder,
    folder_of,
    manifest_key,
    parse_backup_folder,
    pointer_key,
    pointer_prefix,
    shared_prefix,
)
from recovery.ports.buckets import ObjectStore

_READERS = 8
_POINTER_TRIES = 10


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One folder of the bucket. `manifest` is None unless the backup is all there: when it has none (yet), when that is
    damaged, and when `arrival` says what is missing."""

    folder: str
    stored_bytes: int
    modified: datetime  # of its newest object
    manifest: Manifest | None
    arrival: Arrival | None = None
    damage: str = ""

    @property
    def id(self) -> str:
        """The last part of the folder's name: start time and run."""
        return self.folder.rstrip("/").rpartition("/")[2]

    @property
    def when(self) -> datetime:
        """When it finished, or when something was last written."""
        known = self.manifest or (self.arrival and self.arrival.manifest)
        return known.finished if known else self.modified

    def problem(self, now: datetime) -> str:
        """Why it is no backup at `now`, or one that only who names it gets; empty for every other."""
        if self.manifest:
            return self.manifest.withheld
        return self.arrival.words(now) if self.arrival else self.damage or "unfinished: no manifest"


def read_manifest(store: ObjectStore, key: str) -> Manifest:
    """The manifest under `key`. Raises Corrupt when it is missing, invalid, or not about its own folder (fault 51)."""
    found = store.get(key)
    if found is None:
        raise Corrupt(
            f"manifest {key} is missing from bucket {store.bucket}: what is left in its folder is not a backup",
            next_step="choose another backup (`dr backups`)",
        )
    manifest = Manifest.from_json(found[0], key=key)
    folder = manifest.folder
    own = (folder, *filter(None, [shared_prefix(manifest.dataset)]))
    strangers = [part.key for part in manifest.parts if not part.key.startswith(own) or ".." in part.key]
    if manifest_key(folder) != key or strangers or not folder.endswith(f"/{manifest.id}/"):
        found_instead = f"it names {strangers[0]}" if strangers else f"its content belongs to {folder}"
        raise Corrupt(
            f"manifest {key} is not about its own folder: {found_instead}",
            next_step="restore from another backup (`dr backups`), and find out who wrote this object",
        )
    return manifest


def whole(store: ObjectStore, folder: str) -> Manifest | None:
    """The backup in `folder`, None when it is none or not all there. Raises Corrupt for a damaged manifest."""
    listed = _listed(store, folder).get(folder)
    return _entry(store, folder, listed, _shared(store, folder)).manifest if listed else None


def entries(store: ObjectStore, dataset: str, kind: str) -> list[Entry]:
    """Every backup folder of a kind, the newest first."""
    # What is shared is listed last: it is written first, so nothing seems to lack what came meanwhile.
    found, shared = _listed(store, f"{dataset}/{kind}/"), _shared(store, f"{dataset}/")

    def entry(folder: str) -> Entry:
        try:
            return _entry(store, folder, found[folder], shared)
        except Corrupt as error:
            return replace(_without_manifest(folder, found[folder]), damage=error.what)

    with ThreadPoolExecutor(_READERS) as pool:
        return sorted(pool.map(entry, found), key=lambda each: each.when, reverse=True)


@dataclass(frozen=True, kw_only=True)
class Newest:
    """The newest backup of a kind that is all there, and what was begun after it and is not. `manifest` is None, and
    `key` what the pointer names or empty, when there is none."""

    key: str
    manifest: Manifest | None
    passed_over: tuple[Entry, ...] = ()


def newest(store: ObjectStore, dataset: str, kind: str) -> Newest:
    """What a restore would start from: as a rule what the pointer names, which takes four requests however many
    backups there are. When that is not all there, the catalog is searched, which takes a listing of it.

    Raises Corrupt for a damaged manifest: somebody has to look before an older backup is taken instead.
    """
    pointer = newest_pointer(store, dataset, kind)
    if pointer:
        manifest = whole(store, pointer.folder)
        if manifest and manifest_key(pointer.folder) == pointer.manifest_key:
            return Newest(key=pointer.manifest_key, manifest=manifest)
    passed: list[Entry] = []
    for each in _by_start(store, dataset, kind):
        if each.manifest and not each.manifest.withheld:
            return Newest(key=manifest_key(each.folder), manifest=each.manifest, passed_over=tuple(passed))
        passed.append(each)
    return Newest(key=pointer.manifest_key if pointer else "", manifest=None, passed_over=tuple(passed))


def latest(
    store: ObjectStore,
    dataset: str,
    kind: str,
    *,
    now: datetime,
    passed_over: Callable[[Entry], None] = lambda _: None,
) -> tuple[str, Manifest]:
    """Key and manifest of the newest backup of a kind that is all there; `passed_over` hears of what was begun later.

    Raises Refused when there is none yet, Corrupt when what should be there is not or is damaged.
    """
    found = newest(store, dataset, kind)
    if found.manifest is None:
        raise _nothing(store, found, dataset, kind, now)
    for each in found.passed_over:
        passed_over(each)
    return found.key, found.manifest


def find(store: ObjectStore, wanted: str, *, dataset: str, kind: str, now: datetime) -> tuple[str, Manifest]:
    """Key and manifest of backup `wanted`: an id, or `latest`.

    Raises Refused when there is no such backup or it is still arriving, Corrupt when it is unfinished or damaged.
    """
    if wanted == "latest":
        return latest(store, dataset, kind, now=now)
    return pick(entries(store, dataset, kind), wanted, store, now=now)


def pick(known: Sequence[Entry], wanted: str, store: ObjectStore, *, now: datetime) -> tuple[str, Manifest]:
    """Key and manifest of the backup with id `wanted` among the `known` ones of this bucket, the newest first."""
    whole = next((each.id for each in known if each.manifest), None)
    advice = f"`dr backups` lists them; the newest is {whole}" if whole else "`dr backups` lists them"
    for each in known:
        if each.id != wanted:
            continue
        if each.manifest:
            return manifest_key(each.folder), each.manifest
        if each.arrival and not each.arrival.lost(now):
            raise Refused(f"{wanted} is not all there yet: {each.problem(now)}", next_step=f"wait, or: {advice}")
        raise Corrupt(f"{wanted} is not a backup: {each.problem(now)}", next_step=f"choose another: {advice}")
    raise Refused(f"bucket {store.bucket} has no backup {wanted}", next_step=advice)


def read_pointer(store: ObjectStore, key: str) -> tuple[Pointer | None, str | None]:
    """The pointer and its ETag; both None when absent. A damaged one is rebuilt from the catalog's newest backup."""
    found = store.get(key)
    if found is None:
        return None, None
    body, etag = found
    try:
        return Pointer.model_validate_json(body), etag
    except ValidationError:
        return _newest(store, key), etag


def newest_pointer(store: ObjectStore, dataset: str, kind: str) -> Pointer | None:
    """The pointer of the highest epoch; None when there is none."""
    keys = [item.key for item in store.list(pointer_prefix(dataset, kind))]
    return read_pointer(store, max(keys))[0] if keys else None


def move_pointer(store: ObjectStore, manifest: Manifest, key: str) -> bool:
    """Let `latest` name this backup, by compare-and-set; False when what it names is newer or of a higher epoch.

    Raises Failed when others keep moving it.
    """
    epoch, finished = manifest.source.epoch, manifest.finished
    pointer = pointer_key(manifest.dataset, manifest.kind, epoch)
    if any(item.key > pointer for item in store.list(pointer_prefix(manifest.dataset, manifest.kind))):
        return False
    body = Pointer(manifest_key=key, epoch=epoch, finished=finished).model_dump_json(indent=1).encode() + b"\n"
    for _ in range(_POINTER_TRIES):
        current, etag = read_pointer(store, pointer)
        if current is not None and current.manifest_key != key and not current.superseded_by(epoch, finished):
            return False
        if store.replace(pointer, body, etag=etag):
            return True
    raise Failed(
        f"{pointer} in bucket {store.bucket} kept moving; the backup itself is complete",
        next_step="see who else writes backups: `dr backups`",
    )


def _newest(store: ObjectStore, key: str) -> Pointer | None:
    """What pointer `key` should say, worked out from the manifests."""
    _, dataset, kind, _ = key.split("/")
    found = [(each.folder, each.manifest) for each in entries(store, dataset, kind) if each.manifest]
    made = [(folder, manifest) for folder, manifest in found if not manifest.withheld]
    if not made:
        return None
    folder, best = max(made, key=lambda pair: (pair[1].source.epoch, pair[1].finished))
    return Pointer(manifest_key=manifest_key(folder), epoch=best.source.epoch, finished=best.finished)


@dataclass(frozen=True, kw_only=True)
class _Listed:
    """What a listing tells about one folder: the size of each object, and when the newest was written."""

    sizes: dict[str, int]
    modified: datetime


def _listed(store: ObjectStore, prefix: str) -> dict[str, _Listed]:
    sizes: dict[str, dict[str, int]] = {}
    modified: dict[str, datetime] = {}
    for item in store.list(prefix):
        folder = folder_of(item.key)
        sizes.setdefault(folder, {})[item.key] = item.bytes
        modified[folder] = max(modified.get(folder, item.modified), item.modified)
    return {folder: _Listed(sizes=sizes[folder], modified=modified[folder]) for folder in sizes}


def _without_manifest(folder: str, listed: _Listed) -> Entry:
    stored = sum(listed.sizes.values())
    return Entry(folder=folder, stored_bytes=stored, modified=listed.modified, manifest=None)


def _shared(store: ObjectStore, folder: str) -> dict[str, int]:
    """The sizes of what the copies of a dataset share; nothing for most."""
    prefix = shared_prefix(folder.split("/")[0])
    return {item.key: item.bytes for item in store.list(prefix)} if prefix else {}


def _entry(store: ObjectStore, folder: str, listed: _Listed, shared: dict[str, int]) -> Entry:
    """Raises Corrupt for a damaged manifest."""
    entry = _without_manifest(folder, listed)
    if manifest_key(folder) not in listed.sizes:
        return entry
    manifest = read_manifest(store, manifest_key(folder))
    missing = arrival(manifest, ChainMap(listed.sizes, shared))
    return replace(entry, arrival=missing) if missing else replace(entry, manifest=manifest)


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A folder of the bucket, of which only the listing was read: what its name says, and whether it has a manifest."""

    named: BackupFolder
    has_manifest: bool
    entry: Callable[[], Entry]
    """Looks at it. Raises Corrupt for a damaged manifest."""


def begun(store: ObjectStore, dataset: str, kind: str) -> list[Begun]:
    """Every folder of a kind by epoch and start, the newest first."""
    found, shared = _listed(store, f"{dataset}/{kind}/"), _shared(store, f"{dataset}/")
    known: list[Begun] = []
    for folder, listed in found.items():
        try:
            named = parse_backup_folder(folder)
        except ValueError:  # none that a backup of ours makes
            continue
        has = manifest_key(folder) in listed.sizes
        known.append(Begun(named=named, has_manifest=has, entry=partial(_entry, store, folder, listed, shared)))
    return sorted(known, key=lambda each: (each.named.epoch, each.named.id), reverse=True)


def _by_start(store: ObjectStore, dataset: str, kind: str) -> Iterator[Entry]:
    """All of them; each is looked at when it is asked for."""
    for each in begun(store, dataset, kind):
        yield each.entry()


def _nothing(store: ObjectStore, found: Newest, dataset: str, kind: str, now: datetime) -> Refused | Corrupt:
    """Why there is no newest backup."""
    arriving = [each for each in found.passed_over if each.arrival]
    if arriving:
        first = arriving[0]
        words = f"bucket {store.bucket} holds no {dataset} {kind} backup that is all there: {first.id} is "
        if first.arrival and not first.arrival.lost(now):
            return Refused(words + first.problem(now), next_step="wait until it is there: `dr backups`")
        return Corrupt(words + first.problem(now), next_step="look at the bucket's versions, and at its replication")
    if found.key:
        return Corrupt(
            f"manifest {found.key} is missing from bucket {store.bucket}: what is left in its folder is not a backup",
            next_step="choose another backup (`dr backups`)",
        )
    return Refused(
        f"bucket {store.bucket} holds no finished {dataset} {kind} backup yet",
        next_step=f"make one: `dr backup {dataset} {kind}`",
    )
