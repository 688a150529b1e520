"""The guard's report of itself, made and written beside its rounds: no renewal ever waits for it."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

from recovery.errors import DrError
from recovery.lease.guard_report import DatabaseSeen, GuardReport
from recovery.lease.guard_rules import Mode
from recovery.plan.plan import SiteName
from recovery.ports.control_table import GuardReports


class Identifies(Protocol):
    """operations.guard.primary.Primary."""

    def identity(self) -> DatabaseSeen: ...


class GuardReporter:
    """`offer` is called with each round; a report that is due goes its own way, one at a time."""

    def __init__(
        self,
        reports: GuardReports,
        primary: Identifies,
        *,
        site: SiteName,
        mode: Mode,
        boot_id: str,
        every: timedelta,
        now: Callable[[], float],
    ) -> None:
        self._reports, self._primary = reports, primary
        started = datetime.now(UTC)
        self._own = GuardReport(
            site=site,
            boot_id=boot_id,
            started=started,
            at=started,
            mode=mode,
            version=program_version(),
            gate_open=False,
            lease="",
        )
        self._every, self._now = every.total_seconds(), now
        self._due = self._now()
        self._thread: threading.Thread | None = None
        self.problem = ""
        """Why the last report could not be written; empty when it was."""

    def offer(self, *, gate_open: bool, lease: str, lease_problem: str) -> None:
        """What the guard knows now. Returns at once."""
        if self._now() < self._due or (self._thread and self._thread.is_alive()):
            return
        self._due = self._now() + self._every
        report = replace(self._own, gate_open=gate_open, lease=lease, lease_problem=lease_problem)
        self._thread = threading.Thread(target=self._send, args=(report,), name="guard report", daemon=True)
        self._thread.start()

    def _send(self, report: GuardReport) -> None:
        database, problem = None, ""
        try:
            database = self._primary.identity()
        except DrError as error:
            problem = error.what
        try:
            self._reports.write(replace(report, database=database, database_problem=problem, at=datetime.now(UTC)))
            self.problem = ""
        except DrError as error:
            self.problem = error.what


def program_version() -> str:
    """This package's version; `unknown` where it is not installed."""
    try:
        return version("ultramarket-dr")
    except PackageNotFoundError:
        return "unknown"
