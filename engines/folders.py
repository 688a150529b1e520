"""The folders of a bucket: a folder with a manifest and everything that it promises is a backup.

A folder without a manifest never finished, or its manifest has not arrived; one that lacks parts is arriving. A kind
may have tens of thousands of them, so whoever needs a few says which, and no others are listed or read.
"""

from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from recovery.copies.arrival import Arrival, arrival
from recovery.copies.manifest import Manifest
from recovery.errors import Corrupt
from recovery.names import BackupFolder, folder_of, manifest_key, parse_backup_folder, shared_prefix
from recovery.ports.buckets import ObjectStore, StoredObject

_READERS = 8
_STARTED = "%Y%m%dT%H%M%SZ"
"""How the id of a backup begins (`recovery.names.backup_folder`)."""
_LAST = "~"  # behind every letter and digit


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
    listed = _listed(store.list(folder)).get(folder)
    return _entry(store, folder, listed, _shared(store, folder)).manifest if listed else None


@dataclass(frozen=True, kw_only=True)
class Unread:
    """A folder that has a manifest, and what is known of it without reading that."""

    folder: str
    named: BackupFolder
    stored_bytes: int


@dataclass(frozen=True, kw_only=True)
class _Listed:
    """What a listing tells about one folder: the size of each object, and when the newest was written."""

    sizes: dict[str, int]
    modified: datetime


def entries(store: ObjectStore, dataset: str, kind: str, *, since: datetime | None = None) -> list[Entry]:
    """Every backup folder of a kind, the newest first; with `since` those that were begun from then on, and how many
    there are before is no matter."""
    return _entries(store, dataset, lambda: _listed(_begun_since(store, f"{dataset}/{kind}/", since)))


def entries_but(
    store: ObjectStore, dataset: str, kind: str, unread: Callable[[BackupFolder], bool]
) -> tuple[list[Entry], list[Unread]]:
    """As `entries`, without reading the manifests of those whose name is enough for the caller."""
    left: list[Unread] = []

    def listed() -> dict[str, _Listed]:
        found = _listed(store.list(f"{dataset}/{kind}/"))
        for folder in [each for each in found if manifest_key(each) in found[each].sizes]:
            try:
                named = parse_backup_folder(folder)
                enough = unread(named)
            except ValueError:  # none that a backup of ours makes
                continue
            if enough:
                stored = sum(found.pop(folder).sizes.values())
                left.append(Unread(folder=folder, named=named, stored_bytes=stored))
        return found

    return _entries(store, dataset, listed), left


def entries_named(store: ObjectStore, dataset: str, kind: str, backup: str) -> list[Entry]:
    """The folder of the backup with this id, if there is one; nothing else is looked at."""

    def listed() -> dict[str, _Listed]:
        lines = _lines(store, f"{dataset}/{kind}/")
        return _listed(each for line, _ in lines for each in store.list(f"{line}{backup}/"))

    return [each for each in _entries(store, dataset, listed) if each.id == backup]


def begun_before(store: ObjectStore, dataset: str, kind: str, moment: datetime) -> bool:
    """Whether there are backups that were begun before, or folders that no backup of ours makes."""
    return any(first < f"{line}{moment:{_STARTED}}" for line, first in _lines(store, f"{dataset}/{kind}/"))


def _entries(store: ObjectStore, dataset: str, listed: Callable[[], dict[str, _Listed]]) -> list[Entry]:
    # What is shared is listed last: it is written first, so nothing seems to lack what came meanwhile.
    found, shared = listed(), _shared(store, f"{dataset}/")

    def entry(folder: str) -> Entry:
        try:
            return _entry(store, folder, found[folder], shared)
        except Corrupt as error:
            return replace(_without_manifest(folder, found[folder]), damage=error.what)

    with ThreadPoolExecutor(_READERS) as pool:
        return sorted(pool.map(entry, found), key=lambda each: each.when, reverse=True)


def _lines(store: ObjectStore, prefix: str) -> Iterator[tuple[str, str]]:
    """The folders of each epoch and source of a kind, and the first key in it: a request each, since what is in one is
    passed over. There are as many as there were promotions, and restarts of a source that is another one then."""
    after = ""
    while first := next(iter(store.list(prefix, after=after)), None):
        line = "/".join(first.key.split("/")[:4]) + "/"
        yield line, first.key
        after = line + _LAST


def _begun_since(store: ObjectStore, prefix: str, since: datetime | None) -> Iterator[StoredObject]:
    """Within a line the order of keys is that of time."""
    if since is None:
        yield from store.list(prefix)
        return
    for line, _ in _lines(store, prefix):
        yield from store.list(line, after=f"{line}{since:{_STARTED}}")


def _listed(found: Iterable[StoredObject]) -> dict[str, _Listed]:
    sizes: dict[str, dict[str, int]] = {}
    modified: dict[str, datetime] = {}
    for item in found:
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


def begun(store: ObjectStore, dataset: str, kind: str, *, since: datetime | None = None) -> list[Begun]:
    """Every folder of a kind by epoch and start, the newest first; with `since` as for `entries`."""
    found = _listed(_begun_since(store, f"{dataset}/{kind}/", since))
    shared = _shared(store, f"{dataset}/")
    known: list[Begun] = []
    for folder, listed in found.items():
        try:
            named = parse_backup_folder(folder)
        except ValueError:  # none that a backup of ours makes
            continue
        has = manifest_key(folder) in listed.sizes
        known.append(Begun(named=named, has_manifest=has, entry=partial(_entry, store, folder, listed, shared)))
    return sorted(known, key=lambda each: (each.named.epoch, each.named.id), reverse=True)
