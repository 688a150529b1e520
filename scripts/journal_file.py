"""A run's journal on disk and in the control table: an entry is in both before the next thing happens."""

import fcntl
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from recovery.errors import Corrupt, DrError, Failed, Refused, Unreachable
from recovery.journal import Entry, Kind, merge, read_entries, read_lines, seal
from recovery.moves import History
from recovery.ports import RunStore


class JournalFile:
    """`folder`/`run`.jsonl, one process at a time; every write is on disk when it returns."""

    def __init__(self, folder: Path, run: str) -> None:
        self.path = folder / f"{run}.jsonl"
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
        _fsync_folder(folder)

    def read(self) -> tuple[Entry, ...]:
        """What is whole; a torn last line is cut off. Raises Corrupt for other damage."""
        entries, whole = read_lines(self.path.read_bytes(), source=str(self.path))
        if whole < self.path.stat().st_size:
            os.ftruncate(self._file, whole)
        return entries

    def write(self, entry: Entry) -> None:
        """Append and fsync."""
        os.write(self._file, entry.to_line())
        os.fsync(self._file)

    def replace(self, entries: tuple[Entry, ...]) -> None:
        """Start over with `entries`, keeping the old content beside it."""
        self.path.with_suffix(".superseded").write_bytes(self.path.read_bytes())
        os.ftruncate(self._file, 0)
        for entry in entries:
            self.write(entry)

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._file)


class Journal:
    """The entries of `run`, in both places. Without `store` (--local-journal) the file alone counts."""

    def __init__(self, file: JournalFile, store: RunStore | None, run: str, now: Callable[[], datetime]) -> None:
        self._file, self._store, self._now = file, store, now
        self.run = run
        self.entries: list[Entry] = []

    def open(self) -> None:
        """Read both and make them say the same. Raises Unreachable, Corrupt, Refused."""
        local = self._file.read()
        if self._store is None:
            self.entries = list(local)
            return
        table = read_entries(self._store.entries(self.run), source="the journal in the control table")
        merged = merge(local, table)
        if merged[: len(local)] != local:
            self._file.replace(merged)
        else:
            for entry in merged[len(local) :]:
                self._file.write(entry)
        for entry in merged[len(table) :]:
            self._store.append(self.run, entry.number, entry.as_dict())
        self.entries = list(merged)

    def write(self, kind: Kind, step: str, data: Mapping[str, Any] | None = None) -> None:
        """Add an entry. Raises Failed when it is not in both places; nothing may be done then."""
        entry = seal(self.entries, run=self.run, at=self._now(), kind=kind, step=step, data=data)
        self._file.write(entry)
        self.entries.append(entry)
        if self._store is None:
            return
        try:
            self._store.append(self.run, entry.number, entry.as_dict())
        except Unreachable as error:
            raise Failed(
                f"the journal in the control table does not answer: {error.what}",
                next_step="run the same command again to resume, or with --local-journal to go on without it",
            ) from None
        except DrError as error:
            raise Failed(
                f"somebody else writes the journal of run {self.run}: {error.what}",
                next_step="see `dr status`; run the same command again when that process is gone",
            ) from None

    def history(self) -> History:
        """What it says so far."""
        return History.of(self.entries)


def unfinished_run(folder: Path) -> str | None:
    """The newest run in `folder` that has begun and not finished. A damaged journal is no run to go on with."""
    for path in sorted(folder.glob("*.jsonl"), reverse=True):
        try:
            entries, _ = read_lines(path.read_bytes(), source=str(path))
        except Corrupt:
            continue
        if entries and not History.of(entries).finished:
            return path.stem
    return None


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
