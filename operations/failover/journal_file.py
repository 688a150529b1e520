"""A run's journal on disk: a line an entry, every write on disk before the next thing happens."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from recovery.errors import Corrupt, Failed, Refused
from recovery.failover.facts import Unknown
from recovery.failover.history import History
from recovery.failover.journal import Entry, read_lines

_LEAST_BYTES = 2**20  # a run writes about 30 entries of 1 kB; less than this is a disk that is full
_ELSEWHERE = "name a folder that can be written with --journal-dir"


class JournalFile:
    """`folder`/`run`.jsonl, one process at a time; every write is on disk when it returns.

    Raises Refused when it cannot be opened, Failed when an entry cannot be written: both name the file.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self.path = folder / f"{run}.jsonl"
        with _refusing(folder):
            folder.mkdir(parents=True, mode=0o700, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise Refused(
                f"another process of this machine works on run {run} ({self.path} is locked)",
                next_step="wait for it, or end it; it leaves a journal to resume from",
            ) from None
        with _refusing(folder):
            _fsync_folder(folder)

    def read(self) -> tuple[Entry, ...]:
        """What is whole; a torn last line is cut off. Raises Corrupt for other damage."""
        with _refusing(self.path):
            entries, whole = read_lines(self.path.read_bytes(), source=str(self.path))
            if whole < self.path.stat().st_size:
                os.ftruncate(self._file, whole)
        return entries

    def write(self, entry: Entry) -> None:
        """Append and fsync. Raises Failed when the line is not on disk; what could be written of it is cut off."""
        line = entry.to_line()
        with self._failing():
            size = os.fstat(self._file).st_size
            written = 0
            try:
                while written < len(line):
                    written += os.write(self._file, line[written:])
                os.fsync(self._file)
            except OSError:
                with contextlib.suppress(OSError):  # a torn tail is no harm: whoever reads leaves it out
                    os.ftruncate(self._file, size)
                raise

    def replace(self, entries: tuple[Entry, ...]) -> None:
        """Start over with `entries`, keeping the old content beside it."""
        with self._failing():
            self.path.with_suffix(".superseded").write_bytes(self.path.read_bytes())
            os.ftruncate(self._file, 0)
        for entry in entries:
            self.write(entry)

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._file)

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Failed(
                f"the journal {self.path} cannot be written: {error.strerror}; nothing was done that is not in it",
                next_step="make room there, or name another folder with --journal-dir, and run the command again: it "
                "resumes from the control table's journal (after --local-journal, copy this file there first)",
            ) from None


def unwritable(folder: Path) -> Unknown | None:
    """Why no journal could be written in `folder`, as far as can be seen without writing; None when it could."""
    try:
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if not there.is_dir():
            return Unknown(f"the journal folder {folder} cannot be made: {there} is a file", _ELSEWHERE)
        if not os.access(there, os.W_OK | os.X_OK):
            return Unknown(f"the journal folder {folder} cannot be written: no right to write in {there}", _ELSEWHERE)
        disk = os.statvfs(there)
    except OSError as error:
        return Unknown(f"the journal folder {folder} cannot be used: {error.strerror}", _ELSEWHERE)
    if disk.f_flag & os.ST_RDONLY:
        return Unknown(f"the journal folder {folder} lies on a read-only disk", _ELSEWHERE)
    if disk.f_blocks and disk.f_bavail * disk.f_frsize < _LEAST_BYTES:
        return Unknown(f"the journal folder {folder} lies on a full disk", f"make room there, or {_ELSEWHERE}")
    return None


def unfinished_run(folder: Path) -> str | None:
    """The newest run in `folder` that has begun and not finished. A damaged journal is no run to go on with."""
    for path in sorted(folder.glob("*.jsonl"), reverse=True):
        try:
            entries, _ = read_lines(path.read_bytes(), source=str(path))
        except (Corrupt, OSError):
            continue
        history = History.of(entries)
        if entries and not history.finished and not history.given_up:
            return path.stem
    return None


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refused(f"no journal can be kept in {path}: {error.strerror}", next_step=_ELSEWHERE) from None


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
