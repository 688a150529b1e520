"""Files of named paths, such as a web server's configuration: small, whole, and as tar."""

import io
import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from recovery.copies.secret_texts import found_in
from recovery.errors import Failed

MOST = 64 * 1024 * 1024
"""Bytes of all of them: they are held in memory, and what is larger is no configuration."""


@dataclass(frozen=True)
class Named:
    """One file or link; `target` is a link's. `secret`: it looks like one, so it is sealed."""

    path: str
    mode: int
    uid: int
    gid: int
    modified: float
    content: bytes = b""
    target: str | None = None

    @property
    def secret(self) -> bool:
        """Whether something in it looks like a secret."""
        return next(iter(found_in(self.content)), None) is not None


def gather(paths: Iterable[str], hurry: Callable[[], None]) -> list[Named]:
    """Everything at and below `paths`, by path; links are kept, never followed. Raises Failed for a path that is not
    there, for what is neither file, folder nor link, for what cannot be read, and for more than `MOST`."""
    found, size = dict[str, Named](), 0
    for path in paths:
        for each in _below(path):
            hurry()
            size += len(each.content)
            if size > MOST:
                raise Failed(
                    f"{path} and what is before it are more than {MOST:,} bytes: that is no configuration",
                    next_step="name narrower paths in datasets.configuration.paths; files belong to datasets.files",
                )
            found[each.path] = each
    return [found[name] for name in sorted(found)]


def packed(files: Iterable[Named]) -> Iterator[memoryview]:
    """A tar archive, a file at a time."""
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for each in files:
            entry = tarfile.TarInfo(each.path.lstrip("/"))
            entry.mode, entry.uid, entry.gid, entry.mtime = each.mode, each.uid, each.gid, int(each.modified)
            entry.size = len(each.content)
            if each.target is not None:
                entry.type, entry.linkname = tarfile.SYMTYPE, each.target
            archive.addfile(entry, io.BytesIO(each.content))
            yield _taken(into)
    yield _taken(into)


def _taken(into: io.BytesIO) -> memoryview:
    """What was written since the last time; the archive's own position stays right, since it counts for itself."""
    found = into.getvalue()
    into.seek(0)
    into.truncate()
    return memoryview(found)


def _below(path: str) -> Iterator[Named]:
    try:
        status = os.lstat(path)
        if stat.S_ISDIR(status.st_mode):
            for each in sorted(Path(path).iterdir()):
                yield from _below(str(each))
            return
        common = (path, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_mtime)
        if stat.S_ISLNK(status.st_mode):
            yield Named(*common, target=str(Path(path).readlink()))
            return
        if not stat.S_ISREG(status.st_mode):
            raise Failed(f"{path} is neither a file, a folder nor a link", next_step="name paths that lead around it")
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(handle, "rb") as file:  # noqa: PTH123  (a handle)
            yield Named(*common, content=file.read(MOST + 1))
    except OSError as error:
        raise Failed(
            f"{path} cannot be read: {error.strerror}; nothing of a copy is left out silently",
            next_step="mend it, or take it out of datasets.configuration.paths",
        ) from None
