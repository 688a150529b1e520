"""Which backups a bucket holds: what `latest` names, and which one an id means.

What makes a folder a backup is in `engines.folders`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from engines.folders import Begun as Begun
from engines.folders import Entry as Entry
from engines.folders import begun as begun
from engines.folders import entries as entries
from engines.folders import entries_named
from engines.folders import read_manifest as read_manifest
from engines.folders import whole as whole
from recovery.copies.manifest import Manifest, Pointer
from recovery.errors import Corrupt, Failed, Refused
from recovery.names import manifest_key, parse_backup_folder, pointer_key, pointer_prefix
from recovery.ports.buckets import ObjectStore

_POINTER_TRIES = 10
_AROUND = timedelta(days=1)
"""How long before what the pointer names the newest whole one is looked for, before all of them are listed."""


@dataclass(frozen=True, kw_only=True)
class Newest:
    """The newest backup of a kind that is all there, and what was begun after it and is not. `manifest` is None, and
    `key` what the pointer names or empty, when there is none."""

    key: str
    manifest: Manifest | None
    passed_over: tuple[Entry, ...] = ()


def newest(store: ObjectStore, dataset: str, kind: str) -> Newest:
    """What a restore would start from: as a rule what the pointer names, which takes four requests however many
    backups there are. When that is not all there, those begun around it are searched, and at last all.

    Raises Corrupt for a damaged manifest: somebody has to look before an older backup is taken instead.
    """
    pointer = newest_pointer(store, dataset, kind)
    if pointer:
        manifest = whole(store, pointer.folder)
        if manifest and manifest_key(pointer.folder) == pointer.manifest_key:
            return Newest(key=pointer.manifest_key, manifest=manifest)
    passed: list[Entry] = []
    for since in _windows(pointer):
        passed = []
        for each in _by_start(store, dataset, kind, since):
            if each.manifest and not each.manifest.withheld:
                if since and pointer and each.manifest.source.epoch < pointer.epoch:
                    break  # a whole one of the pointer's epoch may be older
                return Newest(key=manifest_key(each.folder), manifest=each.manifest, passed_over=tuple(passed))
            passed.append(each)
    return Newest(key=pointer.manifest_key if pointer else "", manifest=None, passed_over=tuple(passed))


def _windows(pointer: Pointer | None) -> list[datetime | None]:
    """From when on the newest whole backup is looked for, one after the other; None: among all."""
    try:
        return [parse_backup_folder(pointer.folder).started - _AROUND, None] if pointer else [None]
    except ValueError:  # it names what no backup of ours makes
        return [None]


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
    return find_named(store, wanted, [(dataset, kind)], now=now)


def find_named(
    store: ObjectStore, wanted: str, kinds: Sequence[tuple[str, str]], *, now: datetime
) -> tuple[str, Manifest]:
    """Key and manifest of the backup with id `wanted`, of one of these kinds. Raises as `find` does."""
    known = [each for dataset, kind in kinds for each in entries_named(store, dataset, kind, wanted)]
    whole = next((each for each in known if each.manifest), None)
    if whole and whole.manifest:
        return manifest_key(whole.folder), whole.manifest
    advice = _advice(store, kinds)
    for each in known:
        if each.arrival and not each.arrival.lost(now):
            raise Refused(f"{wanted} is not all there yet: {each.problem(now)}", next_step=f"wait, or: {advice}")
        raise Corrupt(f"{wanted} is not a backup: {each.problem(now)}", next_step=f"choose another: {advice}")
    raise Refused(f"bucket {store.bucket} has no backup {wanted}", next_step=advice)


def _advice(store: ObjectStore, kinds: Sequence[tuple[str, str]]) -> str:
    """Which backup there is instead."""
    there: list[Manifest] = []
    for dataset, kind in kinds:
        try:
            there += filter(None, [newest(store, dataset, kind).manifest])
        except Corrupt:
            continue  # it is another one that was asked for
    last = max(there, key=lambda each: each.finished, default=None)
    return f"`dr backups` lists them; the newest is {last.id}" if last else "`dr backups` lists them"


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


def _by_start(store: ObjectStore, dataset: str, kind: str, since: datetime | None) -> Iterator[Entry]:
    """Each is looked at when it is asked for."""
    for each in begun(store, dataset, kind, since=since):
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
