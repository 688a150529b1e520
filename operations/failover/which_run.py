"""The run that an invocation is about: one to go on with, or a new one."""

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from operations.failover.journal_file import unfinished_run
from recovery.failover.facts import Unknown
from recovery.failover.history import History
from recovery.failover.journal import read_entries, read_lines
from recovery.failover.restoring import Wish, suits
from recovery.failover.steps.lease import STEP as LEASE
from recovery.failover.steps.lease import TAKE
from recovery.lease.lease import Lease
from recovery.ports.control_table import RunClaim, RunStore


class RunChooser:
    """Reads journals, in the control table and of this machine, without opening one for writing."""

    def __init__(self, runs: RunStore, folder: Path, now: Callable[[], datetime]) -> None:
        self._runs, self._folder, self._now = runs, folder, now

    def choose(
        self, wish: Wish | None, lease: Lease | None, claim: RunClaim | None, journal: str | Unknown
    ) -> tuple[str, History]:
        """The lease's run, else a dead holder's, else this machine's unfinished one, else a new one. A journal from
        before a failback, or a lost one, is not this promotion's; nor is one of another wish before it took the lease.

        After corruption the DR site's own lease is to be taken as well, from a run that is not of this wish."""
        if lease and lease.site == "dr":
            run = lease.holder_run
            history = self.history(run, journal)
            corruption = bool(wish and wish.corruption)
            if (LEASE.name, TAKE) in history.intents and (suits(history, wish) or not corruption):
                return run, history
            if not corruption:
                return self._new()
        for run in filter(None, (claim and claim.run, unfinished_run(self._folder))):
            history = self.history(run, journal)
            before_lease = not (lease and LEASE.name in history.done)
            if before_lease and suits(history, wish):
                return run, history
        return self._new()

    def _new(self) -> tuple[str, History]:
        return f"{self._now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}", History.of(())

    def history(self, run: str, journal: str | Unknown) -> History:
        """What is written of `run`."""
        path = self._folder / f"{run}.jsonl"
        if not isinstance(journal, Unknown):
            entries = read_entries(self._runs.entries(run), source="the journal in the control table")
            if entries:
                return History.of(entries)
        try:
            return History.of(read_lines(path.read_bytes(), source=str(path))[0])
        except OSError:
            return History.of(())
