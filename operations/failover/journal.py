"""A run's journal on disk and in the control table: an entry is in both before the next thing happens."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from operations.failover.journal_file import JournalFile
from recovery.errors import DrError, Failed, Unreachable
from recovery.failover.history import History
from recovery.failover.journal import Entry, Kind, merge, read_entries, seal
from recovery.ports.control_table import RunStore


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
