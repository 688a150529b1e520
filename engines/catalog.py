"""Which backups a bucket holds: a folder with a manifest is a backup, a folder without one never finished."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from recovery.errors import Corrupt, Failed, Refused
from recovery.manifest import Manifest, Pointer
from recovery.names import backup_prefix, manifest_key, pointer_key
from recovery.ports import ObjectStore

DATASETS = ("postgres",)
_READERS = 8
_POINTER_TRIES = 10


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One folder of the bucket. `manifest` is None when the backup is unfinished or its manifest is damaged."""

    folder: str
    stored_bytes: int
    modified: datetime  # of its newest object
    manifest: Manifest | None
    problem: str = ""

    @property
    def id(self) -> str:
        """The last part of the folder's name: start time and run."""
        return self.folder.rstrip("/").rsplit("/", 1)[-1]

    @property
    def when(self) -> datetime:
        """When it finished, or when something was last written."""
        return self.manifest.finished if self.manifest else self.modified


def read_manifest(store: ObjectStore, key: str) -> Manifest:
    """The manifest under `key`. Raises Corrupt when it is missing, invalid, or not about its own folder (fault 51)."""
    found = store.get(key)
    if found is None:
        raise Corrupt(
            f"manifest {key} is missing from bucket {store.bucket}: what is left in its folder is not a backup",
            next_step="choose another backup (`dr backups`)",
        )
    manifest = Manifest.from_json(found[0], key=key)
    source = manifest.source
    run = manifest.id.rsplit("-", 1)[-1]
    folder = backup_prefix(
        manifest.dataset,
        manifest.kind,
        epoch=source.epoch,
        source=source.system_identifier,
        started=manifest.started,
        run=run,
    )
    strangers = [part.key for part in manifest.parts if not part.key.startswith(folder) or ".." in part.key]
    if manifest_key(folder) != key or strangers or not folder.endswith(f"/{manifest.id}/"):
        found_instead = f"it names {strangers[0]}" if strangers else f"its content belongs to {folder}"
        raise Corrupt(
            f"manifest {key} is not about its own folder: {found_instead}",
            next_step="restore from another backup (`dr backups`), and find out who wrote this object",
        )
    return manifest


def entries(store: ObjectStore, dataset: str = "") -> list[Entry]:
    """Every backup folder, the newest first."""
    found: dict[str, tuple[int, datetime]] = {}
    manifests: set[str] = set()
    for item in (item for name in ([dataset] if dataset else DATASETS) for item in store.list(f"{name}/")):
        folder = item.key.rpartition("/")[0] + "/"
        size, newest = found.get(folder, (0, item.modified))
        found[folder] = size + item.bytes, max(newest, item.modified)
        if item.key == manifest_key(folder):
            manifests.add(folder)

    def entry(folder: str) -> Entry:
        size, modified = found[folder]
        manifest, problem = None, "unfinished: no manifest"
        if folder in manifests:
            try:
                manifest, problem = read_manifest(store, manifest_key(folder)), ""
            except Corrupt as error:
                problem = error.what
        return Entry(folder=folder, stored_bytes=size, modified=modified, manifest=manifest, problem=problem)

    with ThreadPoolExecutor(_READERS) as pool:
        return sorted(pool.map(entry, found), key=lambda each: each.when, reverse=True)


def find(store: ObjectStore, wanted: str, *, dataset: str, kind: str) -> tuple[str, Manifest]:
    """Key and manifest of backup `wanted`: an id, or `latest`.

    Raises Refused when there is no such backup, Corrupt when it is unfinished or damaged.
    """
    if wanted == "latest":
        pointer, _ = read_pointer(store, pointer_key(dataset, kind))
        if pointer is None:
            raise Refused(
                f"bucket {store.bucket} holds no finished {dataset} {kind} backup yet",
                next_step=f"make one: `dr backup {dataset} {kind}`",
            )
        return pointer.manifest_key, read_manifest(store, pointer.manifest_key)
    known = entries(store, dataset)
    for each in known:
        if each.id == wanted:
            if each.manifest is None:
                raise Corrupt(f"{wanted} is not a backup: {each.problem}", next_step="choose another (`dr backups`)")
            return manifest_key(each.folder), each.manifest
    newest = next((each.id for each in known if each.manifest), None)
    raise Refused(
        f"bucket {store.bucket} has no backup {wanted}",
        next_step=f"`dr backups` lists them; the newest is {newest}" if newest else "`dr backups` lists them",
    )


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


def move_pointer(store: ObjectStore, manifest: Manifest, key: str) -> bool:
    """Let `latest` name this backup, by compare-and-set; False when what it names is newer or of a higher epoch.

    Raises Failed when others keep moving it.
    """
    pointer = pointer_key(manifest.dataset, manifest.kind)
    epoch, finished = manifest.source.epoch, manifest.finished
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
    _, dataset, kind = key.removesuffix(".json").split("/")
    made = [(each.folder, each.manifest) for each in entries(store, dataset) if each.manifest]
    same_kind = [(folder, manifest) for folder, manifest in made if manifest.kind == kind]
    if not same_kind:
        return None
    folder, best = max(same_kind, key=lambda pair: (pair[1].source.epoch, pair[1].finished))
    return Pointer(manifest_key=manifest_key(folder), epoch=best.source.epoch, finished=best.finished)
