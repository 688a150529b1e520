"""What a restore of files will do and cost: which copy, how much of it is asked for, the room it takes."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from engines.catalog import entries
from engines.files.index import entries_of, index_parts
from engines.files.restore import Restored, Selection, restore
from engines.restoring import RestoreOrder, Size, archived_of, require_room
from engines.target import folder, require_target, uid_of
from recovery.copies.manifest import Manifest
from recovery.copies.moments import chosen, window
from recovery.copies.recovery_target import Target
from recovery.copies.retention import FULL
from recovery.errors import Refused
from recovery.measured import FILES_RESTORE_BYTES_PER_SECOND, FILES_RESTORE_FILES_PER_SECOND
from recovery.names import ONLY_FILES, PACKS, pack_key
from recovery.plan.file_patterns import problem
from recovery.ports.buckets import ObjectStore, RestoreBucket, StoredObject
from recovery.term import Term

_DATASET = "files"
_BLOCK = 4096  # of most file systems: what is not empty takes one at least


@dataclass(frozen=True, kw_only=True)
class Order(RestoreOrder):
    """The copy that is chosen, of the `known` ones; `only`: the pattern of what is asked for, else all. `files` is None
    while the index lies in an archive class."""

    copy: Manifest
    known: tuple[Manifest, ...]
    only: str
    files: int | None

    @property
    def window(self) -> str:
        """What could be restored, for people."""
        return window(each.started for each in self.known)

    def rows(self, size: Size) -> list[tuple[str, str]]:
        """The copy, and what of it."""
        count = "as many as its index says" if self.files is None else f"{self.files:,} files"
        return [("take", f"{self.copy.id}, {count}" + (f", those that match {self.only}" if self.only else ""))]

    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        return {"backup": self.copy.id, "only": self.only, "files": self.files}


@dataclass(slots=True)
class _Asked:
    """Of an index, as far as it is asked for."""

    files: int = 0
    entries: int = 0
    bytes: int = 0
    disk_bytes: int = 0


class FilesRestore:
    """One copy, which is complete in itself."""

    dataset = _DATASET
    programs: tuple[str, ...] = ()

    def place(self, named: str) -> Path:
        """A folder."""
        return folder(named)

    def plan(
        self,
        store: RestoreBucket,
        to: str,
        into: Path,
        *,
        environment: Mapping[str, str],
        incrementals: bool,
        standby: bool,
    ) -> Order:
        """`to` is what `Target` reads, without positions: files have none. Nor has anything a standby of them."""
        if standby:
            raise Refused(
                "files have no log for a server to follow, so there is no standby of them",
                next_step="restore them without --as-standby",
            )
        only = environment.get(ONLY_FILES, "")
        if only and (found := problem(only)):
            raise Refused(f"--only {only}: {found}", next_step="name a path within the root, such as conf/*.yaml")
        require_target(into)
        return _plan(store, Target.parse(to), into, only)

    def owner_of(self, into: Path, wanted: str) -> int | None:
        """Whose all of it will be; None: as it was, for root, and ours for anybody else."""
        if not wanted:
            return None
        owner = uid_of(wanted)
        if os.geteuid() and owner != os.geteuid():
            raise Refused(f"only root can restore for {wanted}", next_step="run this as that user, without --owner")
        return owner

    def execute(
        self,
        store: RestoreBucket,
        order: Order,
        *,
        environment: Mapping[str, str],
        owner: int | None,
        heard: Callable[[str], None],
    ) -> Restored:
        """See `engines.files.restore`."""
        return restore(store, order.copy, order.into, only=order.only, owner=owner, heard=heard)


def _plan(store: RestoreBucket, target: Target, into: Path, only: str) -> Order:
    found = entries(store, _DATASET, FULL)
    usable = [each.manifest for each in found if each.manifest]
    known = tuple(each for each in usable if not each.withheld)
    copy = chosen(target, usable, known)
    passed = [f"{each.id} is not used: {each.damage}" for each in found if each.damage]
    passed += [f"{each.id} is used only when it is named: {each.withheld}" for each in usable if each.withheld]
    needed = _objects(store, copy)
    archived = archived_of(store, needed)
    asked, files = _Asked(bytes=copy.raw_bytes, disk_bytes=copy.raw_bytes), None
    if not archived:
        asked, packs = _asked(store, copy, only)
        needed = [each for each in needed if not each.key.startswith(PACKS) or each.key in packs]
        files = asked.files
        _require_entries(into, asked.entries)
    return Order(
        dataset=_DATASET,
        to=target.text,
        into=into,
        objects=len(needed),
        stored_bytes=sum(each.bytes for each in needed),
        disk_bytes=asked.disk_bytes,
        disk_free=require_room(into, asked.disk_bytes),
        terms=_terms(asked),
        archived=archived,
        passed_over=tuple(each for each in passed if not each.startswith(f"{copy.id} ")),
        copy=copy,
        known=known,
        only=only,
        files=files,
    )


def _objects(store: RestoreBucket, copy: Manifest) -> list[StoredObject]:
    """The objects of a copy, as they lie there."""
    wanted = {part.key for part in copy.parts}
    return [each for prefix in (copy.folder, PACKS) for each in store.list(prefix) if each.key in wanted]


def _asked(store: ObjectStore, copy: Manifest, only: str) -> tuple[_Asked, set[str]]:
    """What is asked for, and the keys of the packs that it lies in. Raises Corrupt for a damaged index."""
    selection, asked, packs = Selection(only), _Asked(), set[str]()
    asked.disk_bytes = sum(part.raw_bytes for part in index_parts(copy))
    for found in entries_of(store, copy):
        entry = selection.wanted(found)
        if entry is None:
            continue
        asked.entries += 1
        asked.files += entry.kind == "file"
        if entry.same:
            continue
        packs.update(pack_key(each.pack) for each in entry.pieces)
        asked.bytes += entry.size
        taken = entry.size if entry.sparse is None else entry.sparse
        asked.disk_bytes += -(-taken // _BLOCK) * _BLOCK + (_BLOCK if entry.kind == "folder" else 0)
    return asked, packs


def _require_entries(into: Path, needed: int) -> None:
    """A file system also runs out of names. Raises Refused."""
    found = os.statvfs(into if into.is_dir() else into.parent)
    if found.f_files and found.f_favail < needed:
        raise Refused(
            f"{into.parent} has room for {found.f_favail:,} more files and folders, the restore needs {needed:,}",
            next_step="name a folder on another disk",
        )


def _terms(asked: _Asked) -> tuple[Term, ...]:
    content, names = FILES_RESTORE_BYTES_PER_SECOND, FILES_RESTORE_FILES_PER_SECOND
    return (
        Term(f"read and check {asked.bytes:,} bytes", timedelta(seconds=asked.bytes / content.value), content.basis),
        Term(f"make {asked.files:,} files", timedelta(seconds=asked.files / names.value), names.basis),
    )
