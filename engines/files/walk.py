"""A walk through a tree that others may be changing meanwhile, and may mean harm with.

Nothing is reached by a path: every folder is opened from the one above it and held, and no link is ever followed, so
that a folder which somebody replaces by a link to elsewhere leads nowhere.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from engines.files.index import DEEPEST, shown

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_NAMED = 5  # of each sort, so many by name


@dataclass(slots=True)
class Noted:
    """Paths of one sort: how many, and the first by name."""

    count: int = 0
    first: list[str] = field(default_factory=list[str])

    def add(self, words: str) -> None:
        """Once more, unless it is the same again."""
        if words in self.first:
            return
        self.count += 1
        if len(self.first) < _NAMED:
            self.first.append(words)

    def __str__(self) -> str:
        return ", ".join(self.first) + (f" and {self.count - len(self.first):,} more" if self.count > _NAMED else "")


@dataclass(slots=True)
class Notes:
    """What a walk met beside files. `unread` could not be read, `unsteady` changed while it was read."""

    special: Noted = field(default_factory=Noted)
    unread: Noted = field(default_factory=Noted)
    unsteady: Noted = field(default_factory=Noted)
    attributes: Noted = field(default_factory=Noted)
    secrets: Noted = field(default_factory=Noted)
    gone: int = 0

    def failed(self, error: OSError, path: bytes) -> None:
        """What is there no more was deleted, which is no fault."""
        if error.errno == errno.ENOENT:
            self.gone += 1
        else:
            self.unread.add(f"{shown(path)} ({(error.strerror or str(error)).lower()})")


@dataclass(frozen=True, slots=True)
class Seen:
    """Something at `path`: entry `name` of the open folder `at`. A folder is given as the open folder itself."""

    path: bytes
    at: int
    name: bytes
    status: os.stat_result


@dataclass(slots=True)
class _Open:
    path: bytes
    at: int
    names: Iterator[bytes]


def walk(root: int, leave_out: Callable[[bytes], bool], notes: Notes) -> Iterator[Seen]:
    """Everything below the open folder `root`, itself first, in the order of `index.order`. What cannot be looked at is
    noted. Raises OSError when `root` cannot be read."""
    stack = [_Open(b"", os.dup(root), iter(_names(root)))]
    try:
        yield Seen(b"", root, b"", os.fstat(root))
        while stack:
            around = stack[-1]
            name = next(around.names, None)
            if name is None:
                os.close(stack.pop().at)
                continue
            path = around.path + b"/" + name if around.path else name
            if leave_out(path):
                continue
            try:
                status = os.lstat(name, dir_fd=around.at)
                if stat.S_ISDIR(status.st_mode):
                    inside = _open_folder(around.at, name)
                    if inside is not None:
                        yield from _enter(stack, path, inside, notes)
                        continue
                    status = os.lstat(name, dir_fd=around.at)  # it is no folder any more
            except OSError as error:
                notes.failed(error, path)
                continue
            yield Seen(path, around.at, name, status)
    finally:
        for each in stack:
            os.close(each.at)


def _enter(stack: list[_Open], path: bytes, inside: int, notes: Notes) -> Iterator[Seen]:
    status = os.fstat(inside)
    if len(stack) >= DEEPEST:
        os.close(inside)
        notes.unread.add(f"{shown(path)} (deeper than {DEEPEST} folders)")
        return
    try:
        names = _names(inside)
    except OSError as error:
        os.close(inside)
        notes.failed(error, path)
        return
    stack.append(_Open(path, inside, iter(names)))
    yield Seen(path, inside, b"", status)


def open_file(seen: Seen) -> int | None:
    """A descriptor of the file, None when there is something else by now. Raises OSError."""
    try:
        file = os.open(seen.name, _FILE, dir_fd=seen.at)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            return None
        raise
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        return None
    return file


def _open_folder(at: int, name: bytes) -> int | None:
    """None when it is no folder. Raises OSError."""
    try:
        return os.open(name, _FOLDER, dir_fd=at)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            return None
        raise


def _names(folder: int) -> list[bytes]:
    return sorted(os.fsencode(name) for name in os.listdir(folder))
