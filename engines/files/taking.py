"""From a walk to the lines of an index: what is unchanged stays where it was, the rest goes into packs."""

import os
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from engines.files.index import Entry, Piece, shown
from engines.files.packs import Laid, Packs
from engines.files.previous import Previous, seconds
from engines.files.reading import Reader
from engines.files.walk import Notes, Seen, open_file, walk
from recovery.plan.file_patterns import Patterns

_TRIES = 2


class Taking:
    """`files`: how many there were. `used`: the names of the packs that the index names."""

    def __init__(self, root: int, leave_out: Patterns, previous: Previous, packs: Packs, notes: Notes) -> None:
        self.files = 0
        self.used: set[str] = set()
        self.notes = notes
        self._root, self._leave_out, self._previous, self._packs = root, leave_out, previous, packs
        self._reader = Reader()
        self._waiting: deque[tuple[Entry, tuple[Laid, ...]]] = deque()
        self._linked: dict[tuple[int, int], tuple[Entry, tuple[Laid, ...], int]] = {}

    def lines(self) -> Iterator[bytes]:
        """In order; a line comes once the pack is named that its file lies in."""
        for seen in walk(self._root, lambda path: self._leave_out.match(os.fsdecode(path)), self.notes):
            entry, laid = self._entry(seen)
            if entry is None:
                continue
            self._waiting.append((entry, laid))
            yield from self._ready()
        self._packs.close()
        self._packs.settle()
        yield from self._ready()

    def _ready(self) -> Iterator[bytes]:
        while self._waiting and all(each.draft.name for each in self._waiting[0][1]):
            entry, laid = self._waiting.popleft()
            if laid:
                entry = replace(entry, pieces=tuple(Piece(each.draft.name, each.offset, each.bytes) for each in laid))
            self.used.update(each.pack for each in entry.pieces)
            yield entry.to_line()

    def _entry(self, seen: Seen) -> tuple[Entry | None, tuple[Laid, ...]]:
        kind = stat.S_IFMT(seen.status.st_mode)
        if kind == stat.S_IFDIR:
            return replace(_of(seen, seen.status), kind="folder", attributes=self._attributes(seen.at, seen.path)), ()
        if kind == stat.S_IFLNK:
            return self._link(seen), ()
        if kind != stat.S_IFREG:
            self.notes.special.add(shown(seen.path))
            return None, ()
        return self._linked_file(seen) if seen.status.st_nlink > 1 else self._file(seen)

    def _link(self, seen: Seen) -> Entry | None:
        try:
            target = os.readlink(seen.name, dir_fd=seen.at)
        except OSError as error:
            self.notes.failed(error, seen.path)
            return None
        return replace(_of(seen, seen.status), kind="link", target=target)

    def _linked_file(self, seen: Seen) -> tuple[Entry | None, tuple[Laid, ...]]:
        """A file with several names is read once; the others say whose it is."""
        key = seen.status.st_dev, seen.status.st_ino
        if key in self._linked:
            first, laid, left = self._linked.pop(key)
            if left > 2:
                self._linked[key] = first, laid, left - 1
            self.files += 1
            return replace(first, path=seen.path, same=first.path), laid
        entry, laid = self._file(seen)
        if entry is not None and not entry.unsteady:
            self._linked[key] = entry, laid, seen.status.st_nlink
        return entry, laid

    def _file(self, seen: Seen) -> tuple[Entry | None, tuple[Laid, ...]]:
        if found := self._previous.unchanged(seen.path, seen.status):
            self.files += 1
            if found.attributes:
                self.notes.attributes.add(shown(seen.path))
            kept = replace(
                _of(seen, seen.status), size=found.size, sha256=found.sha256, pieces=found.pieces,
                attributes=found.attributes,
            )  # fmt: skip
            return kept, ()
        try:
            return self._read(seen)
        except OSError as error:
            self.notes.failed(error, seen.path)
            return None, ()

    def _read(self, seen: Seen) -> tuple[Entry | None, tuple[Laid, ...]]:
        """Twice at most: a file that changes while it is read is taken as it was the second time, and told."""
        entry, laid = None, tuple[Laid, ...]()
        for _ in range(_TRIES):
            file = open_file(seen)
            if file is None:  # something else has its name by now: as if it had changed
                self.notes.unsteady.add(f"{shown(seen.path)} (it is no file any more)")
                return None, ()
            try:
                taken: list[tuple[Laid, ...]] = []
                read = self._reader.read(
                    file,
                    lambda chunks, taken=taken: taken.append(self._packs.add(chunks)),
                    lambda line, what: self._secret(seen.path, line, what),
                )
                laid = taken[0]
                entry = replace(
                    _of(seen, read.status), size=read.size, sha256=read.sha256, unsteady=not read.steady,
                    attributes=self._attributes(file, seen.path),
                )  # fmt: skip
            finally:
                os.close(file)
            if read.steady:
                break
        else:
            self.notes.unsteady.add(shown(seen.path))
        self.files += 1
        return entry, laid

    def _secret(self, path: bytes, line: int, what: str) -> None:
        self._packs.discarding = True
        self.notes.secrets.add(f"{shown(path)}:{line} looks like {what}")

    def _attributes(self, file: int, path: bytes) -> tuple[str, ...]:
        try:
            names = os.listxattr(file)
        except OSError:  # a file system that has none
            return ()
        if names:
            self.notes.attributes.add(shown(path))
        return tuple(os.fsencode(name).decode(errors="replace") for name in names)


def _of(seen: Seen, status: os.stat_result) -> Entry:
    allocated = status.st_blocks * 512
    return Entry(
        path=seen.path,
        kind="file",
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        mtime=seconds(status.st_mtime_ns),
        ctime=seconds(status.st_ctime_ns),
        inode=status.st_ino,
        links=status.st_nlink if stat.S_ISREG(status.st_mode) else 1,
        sparse=allocated if stat.S_ISREG(status.st_mode) and allocated < status.st_size else None,
    )
