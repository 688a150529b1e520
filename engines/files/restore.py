"""Restored files: made beside their target, each checked before it takes its name there, and all of them there by one
rename.

Nothing is reached by a path: every folder is opened from the one above it, and symbolic links are made last. So no
index, whoever wrote it, leads out of the target.
"""

import os
import stat
from array import array
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from engines import restoring
from engines.files.contents import Contents
from engines.files.index import Entry, shown
from engines.target import Stages, beside, require_target, sync
from recovery.copies.manifest import Manifest
from recovery.errors import Failed
from recovery.plan.file_patterns import Patterns
from recovery.ports.buckets import ObjectStore

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_HELD_OPEN = 128
_HOLE = bytes(4096)
_SET_ID = stat.S_ISUID | stat.S_ISGID


@dataclass(frozen=True, kw_only=True)
class Restored(restoring.Restored):
    """`plain`: how many files lost their setuid or setgid bit, since their owner is another one now."""

    links: int
    plain: int

    @property
    def words(self) -> str:
        """What else there is, for people."""
        plain = f", {self.plain:,} without their setuid or setgid bit" if self.plain else ""
        return f"{self.links:,} symbolic links{plain}"

    def next_step(self, into: Path) -> str:
        """What to do with it now."""
        return f"look at {into}, then put it where the applications expect it"

    def facts(self) -> dict[str, Any]:
        """For programs."""
        return {"links": self.links, "without_set_id": self.plain}


class Selection:
    """Which entries a restore brings back: all, or what a pattern matches, with the folders that it lies in."""

    def __init__(self, only: str) -> None:
        self._only = Patterns([only]) if only else None
        self._instead: dict[bytes, bytes] = {}

    def wanted(self, entry: Entry) -> Entry | None:
        """The entry, None when it is not wanted. Of hard links whose first one is not, the next one is the file."""
        if self._only is None:
            return entry
        if entry.kind == "folder":
            return entry  # those that stay empty are taken away in the end
        if not self._only.match_within(os.fsdecode(entry.path)):
            return None
        if entry.same:
            first = self._instead.setdefault(entry.same, entry.path)
            return replace(entry, same=b"" if first == entry.path else first)
        self._instead[entry.path] = entry.path
        return entry

    def leaves(self, path: bytes) -> bool:
        """Whether a folder that stayed empty stays."""
        return self._only is None or self._only.match_within(os.fsdecode(path))


def restore(
    store: ObjectStore,
    manifest: Manifest,
    into: Path,
    *,
    only: str = "",
    owner: int | None = None,
    heard: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Restore a copy into the empty folder `into`. Run as root, files belong to whom they belonged to, or all of them
    to `owner`; else to us.

    Raises Corrupt for a damaged copy, Failed when the disk is full, Refused for a target that is not empty; `into` then
    is what it was.
    """
    require_target(into)
    stages = Stages(heard)
    try:
        with beside(into, None) as partial, (partial / "index").open("w+b") as file:
            partial.chmod(0o700)
            with stages.stage("make folders"):
                tree = _Tree(partial, owner)
                selection = Selection(only)
                contents = Contents(store, manifest, file, selection.wanted, heard=tree.note)
            try:
                with stages.stage("unpack and check"):
                    contents.read(tree.file)
                with stages.stage("finish"):
                    tree.finish(contents, selection)
                    sync(partial)
                    if into.is_dir():
                        into.rmdir()
                    (partial / "data").rename(into)
                    sync(into.parent)
            finally:
                tree.close()
    except OSError as error:
        raise Failed(
            f"{into} cannot be restored: {error.strerror or error}",
            next_step="see that there is room, and run it again",
        ) from None
    return Restored(
        files=contents.files, bytes=contents.bytes, links=tree.links, plain=tree.plain, seconds=stages.seconds
    )


class _Tree:
    """The folder `data` in `partial`, as it fills. Folders are open to nobody else until all is in them."""

    def __init__(self, partial: Path, owner: int | None) -> None:
        self.links = self.plain = 0
        self._root_user, self._owner = os.geteuid() == 0, owner
        (partial / "data").mkdir(mode=0o700)
        (partial / "part").mkdir(mode=0o700)
        self._data = os.open(partial / "data", _FOLDER)
        self._part = os.open(partial / "part", _FOLDER)
        self._open: OrderedDict[bytes, int] = OrderedDict()
        self._folders, self._later, self._empty = array("Q"), array("Q"), array("Q")
        self._number = 0

    def note(self, entry: Entry, position: int) -> None:
        """An entry of the index: a folder is made, what needs others to be there is kept for the end."""
        if entry.kind == "folder":
            if entry.path:
                at, name = self._place(entry.path)
                os.mkdir(name, 0o700, dir_fd=at)
            self._folders.append(position)
        elif entry.kind == "link" or entry.same:
            self._later.append(position)
        elif not entry.pieces:
            self._empty.append(position)

    def file(self, entry: Entry) -> "_File":
        """Where its content goes."""
        self._number += 1
        name = b"%d" % self._number
        file = os.open(name, _NEW, 0o600, dir_fd=self._part)
        return _File(self, name, os.fdopen(file, "wb", buffering=0), sparse=entry.sparse is not None)

    def finish(self, contents: Contents, selection: Selection) -> None:
        """What has no content, links, and then the folders' own modes and times, from the innermost out."""
        for position in self._empty:
            entry = contents.entry(position)
            file = self.file(entry)
            file.end(entry)
            file.close()
        for position in self._later:
            entry = contents.entry(position)
            at, name = self._place(entry.path)
            if entry.same:
                where, what = self._place(entry.same)
                os.link(what, name, src_dir_fd=where, dst_dir_fd=at, follow_symlinks=False)
                continue
            os.symlink(entry.target, name, dir_fd=at)
            self.links += 1
            if self._root_user:
                os.chown(name, *self._belongs(entry), dir_fd=at, follow_symlinks=False)
            os.utime(name, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=at, follow_symlinks=False)
        for position in reversed(self._folders):
            entry = contents.entry(position)
            at = self._folder(entry.path)
            if entry.path and not selection.leaves(entry.path) and not os.listdir(at):  # noqa: PTH208 (a descriptor)
                self._forget(entry.path)
                around, name = self._place(entry.path)
                os.rmdir(name, dir_fd=around)
                continue
            self.settle(at, entry)
            self._forget(entry.path)

    def take(self, name: bytes, entry: Entry) -> None:
        """A file that is whole and checked takes its name."""
        at, final = self._place(entry.path)
        os.rename(name, final, src_dir_fd=self._part, dst_dir_fd=at)

    def settle(self, file: int, entry: Entry) -> None:
        """Owner, mode and time of an open file or folder. A set-id bit means its owner, so it goes with another one."""
        mode = entry.mode
        if self._root_user:
            os.fchown(file, *self._belongs(entry))
        if entry.kind == "file" and mode & _SET_ID and not (self._root_user and self._owner is None):
            mode &= ~_SET_ID
            self.plain += 1
        os.fchmod(file, mode)
        os.utime(file, ns=(entry.mtime_ns, entry.mtime_ns))

    def close(self) -> None:
        for each in (*self._open.values(), self._data, self._part):
            os.close(each)
        self._open.clear()

    def _belongs(self, entry: Entry) -> tuple[int, int]:
        return (entry.uid, entry.gid) if self._owner is None else (self._owner, self._owner)

    def _place(self, path: bytes) -> tuple[int, bytes]:
        above, _, name = path.rpartition(b"/")
        return self._folder(above), name

    def _folder(self, path: bytes) -> int:
        """An open folder, reached from the root through folders alone. Raises OSError when there is something else."""
        if not path:
            return self._data
        if path in self._open:
            self._open.move_to_end(path)
            return self._open[path]
        at = self._data
        above, _, name = path.rpartition(b"/")
        if above in self._open:
            at, names = self._open[above], [name]
        else:
            names = path.split(b"/")
        opened: list[int] = []
        try:
            for each in names:
                at = os.open(each, _FOLDER, dir_fd=at)
                opened.append(at)
        except OSError as error:
            raise OSError(error.errno, f"{shown(path)}: {error.strerror}") from None
        finally:
            for each in opened[:-1] if len(opened) == len(names) else opened:
                os.close(each)
        self._open[path] = at
        if len(self._open) > _HELD_OPEN:
            os.close(self._open.popitem(last=False)[1])
        return at

    def _forget(self, path: bytes) -> None:
        if path in self._open:
            os.close(self._open.pop(path))


class _File:
    """A file under a number, until it is whole."""

    def __init__(self, tree: _Tree, name: bytes, file: BinaryIO, *, sparse: bool) -> None:
        self._tree, self._name, self._file, self._sparse = tree, name, file, sparse

    def write(self, content: memoryview) -> None:
        """More of it; of a sparse file, zeros become a hole again."""
        if not self._sparse:
            _write(self._file, content)
            return
        for start in range(0, len(content), len(_HOLE)):
            block = content[start : start + len(_HOLE)]
            if bytes(block) != _HOLE[: len(block)]:
                _write(self._file, block)
            else:
                self._file.seek(len(block), os.SEEK_CUR)

    def end(self, entry: Entry) -> None:
        """It is what the index says: it takes its place."""
        self._file.truncate(entry.size)
        self._tree.settle(self._file.fileno(), entry)
        self._tree.take(self._name, entry)

    def close(self) -> None:
        self._file.close()


def _write(file: BinaryIO, content: memoryview) -> None:
    while content:
        content = content[file.write(content) :]
