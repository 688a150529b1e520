"""The guard's loop: look at the lease, adopt it, renew it, close when it is lost. One thread decides everything."""

import contextlib
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from operations.guard.primary import in_time
from recovery.errors import DrError, LeaseRefused
from recovery.lease import guard_rules as guarding
from recovery.lease.guard_rules import Memory, Mode
from recovery.lease.lease import Heartbeat, Lease
from recovery.ports.control_table import LeaseStore
from recovery.units import format_duration

_READ_SECONDS = 8.0  # a look at the lease, both regions included
_HEARTBEAT_SECONDS = 0.2
_END_SESSIONS_SECONDS = 10.0
_GATE_RETRY = 1.0


class GateLike(Protocol):
    """operations.guard.gate.Gate."""

    @property
    def process_id(self) -> int | None: ...
    def is_open(self) -> bool: ...
    def open(self) -> None: ...
    def close(self) -> None: ...


class TimerLike(Protocol):
    """operations.guard.deadline.DeadlineTimer."""

    def arm(self, until: float) -> None: ...
    def disarm(self) -> None: ...


class PrimaryLike(Protocol):
    """operations.guard.primary.Primary."""

    def heartbeat(self, within: float) -> Heartbeat | None: ...
    def end_sessions(self, within: float) -> bool: ...


class ReportLike(Protocol):
    """operations.guard.report.GuardReporter."""

    problem: str

    def offer(self, *, gate_open: bool, lease: str, lease_problem: str) -> None: ...


class Reporter:
    """One line for each change of state, and the status file for probes and tests. `tell` takes the line to people."""

    def __init__(self, site: str, mode: Mode, status_file: Path | None, tell: Callable[[str], None]) -> None:
        self._head = f"dr guard {site} ({mode})"
        self._fixed = {"site": site, "mode": mode, "pid": os.getpid()}
        self._file = status_file
        self._tell = tell
        self._said = ""

    def say(self, text: str) -> None:
        """A line, unless it is the one said last."""
        if text != self._said:
            self._said = text
            with contextlib.suppress(OSError):  # a reader that has gone must not close production's gate
                self._tell(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z {self._head}: {text}")

    def status(self, gate: GateLike, memory: Memory, reason: str) -> None:
        """Replace the status file: state, haproxy (process id), epoch, until (CLOCK_BOOTTIME), reason."""
        if self._file is None:
            return
        promise = memory.promise
        value = self._fixed | {
            "state": "open" if gate.is_open() else "closed",
            "haproxy": gate.process_id,
            "boot_id": memory.boot_id,
            "epoch": promise.lease.epoch if promise else None,
            "until": promise.until if promise else None,
            "reason": reason,
            "at": datetime.now(UTC).isoformat(),
        }
        new = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        try:
            new.write_text(json.dumps(value) + "\n", encoding="utf-8")
            new.replace(self._file)
        except OSError as error:  # whoever reads it sees its age; the gate does not depend on it
            self.say(f"the status file {self._file} cannot be written: {error.strerror}")


class Guard:
    """`step` does one round and says how many seconds later the next one is due."""

    def __init__(
        self,
        memory: Memory,
        *,
        mode: Mode,
        renewal: timedelta,
        store: LeaseStore,
        gate: GateLike,
        timer: TimerLike,
        primary: PrimaryLike,
        reporter: Reporter,
        report: ReportLike,
        now: Callable[[], float],
    ) -> None:
        self.memory = memory
        self._mode = mode
        self._renewal = renewal
        self._store = store
        self._gate = gate
        self._timer = timer
        self._primary = primary
        self._reporter = reporter
        self._report = report
        self._now = now
        self._reason = "starting"
        self._lease_seen, self._lease_problem = "", "not read yet"
        self._report_problem = ""

    def begin(self) -> None:
        """Say what mode this is. Raises Failed when a gate that needs no lease cannot open."""
        if self._mode == "enforce":
            self._say(f"gate closed until this site holds the lease; renewing every {format_duration(self._renewal)}")
            return
        self._gate.open()
        doing = "no lease is looked at" if self._mode == "off" else "the lease is looked at and NOT obeyed"
        self._say(f"WARNING: gate open WITHOUT protection: {doing}. A failover now can end with two primaries.")

    def step(self) -> float:
        """One round; seconds until the next, sooner when the gate's process ends."""
        if self._mode == "off":
            wait = _GATE_RETRY
        elif self.memory.promise is None:
            wait = self._look()
        else:
            wait = self._renew(self.memory.promise.lease)
        wait = min(wait, self._keep_gate())
        self._offer_report()
        self._reporter.status(self._gate, self.memory, self._reason)
        return max(0.0, wait)

    def end(self) -> None:
        """Told to stop: close and end the sessions. The lease stays this site's; a restarted guard adopts it."""
        self._shut("told to stop", final=True)
        self._reporter.status(self._gate, self.memory, self._reason)

    def _look(self) -> float:
        """Read the lease without holding a promise, and do what the rules advise."""
        try:
            lease = in_time(self._store.read, _READ_SECONDS, "reading the lease")
        except DrError as error:
            return self._without_lease(error, guarding.LONGEST_POLL)
        self._saw(lease)
        advice = guarding.advise(self.memory, lease, self._now())
        self.memory = advice.memory
        if advice.action == "adopt" and lease is not None:
            return self._renew(lease)
        if advice.action == "fence" and lease is not None and self._mode == "enforce":
            return self._fence(lease)
        self._say(f"{self._state()}: {advice.reason}")
        return min(advice.poll, self._renewal.total_seconds())

    def _without_lease(self, error: DrError, pause: float) -> float:
        """The lease could not be read or renewed: say why, with what to do, and try again after `pause`."""
        self._lease_problem = error.what
        self._say(f"{self._state()}; {error.what}" + (f". Next: {error.next_step}" if error.next_step else ""))
        return pause

    def _saw(self, lease: Lease | None) -> None:
        self._lease_seen = f"site {lease.site}, epoch {lease.epoch}, {lease.state}" if lease else "none yet"
        self._lease_problem = ""

    def _offer_report(self) -> None:
        """What a promotion asks for before it relies on this guard. Said when it cannot be written."""
        self._report.offer(
            gate_open=self._gate.is_open(),
            lease=self._lease_seen,
            lease_problem="" if self._mode == "off" else self._lease_problem,
        )
        if self._report.problem != self._report_problem:
            self._report_problem = self._report.problem
            self._reporter.say(
                f"{self._state()}; its report is not written: {self._report_problem}"
                if self._report_problem
                else f"{self._state()}; its report is written again"
            )

    def _renew(self, lease: Lease) -> float:
        """Renew (or adopt) and keep the promise; close when it is refused or when time runs out."""
        promise = self.memory.promise
        heartbeat = self._primary.heartbeat(_HEARTBEAT_SECONDS)
        started = self._now()
        left = promise.close_at - started if promise else _READ_SECONDS
        if left <= 0:
            return self._shut("the lease could not be renewed in time")
        boot_id = self.memory.boot_id
        try:
            renewed = in_time(
                lambda: self._store.renew(lease, boot_id=boot_id, heartbeat=heartbeat), left, "renewing the lease"
            )
        except LeaseRefused as refusal:
            return self._shut(refusal.what, getattr(refusal, "found", None))
        except DrError as error:
            pause = min(self._renewal.total_seconds() / 4, promise.close_at - self._now() if promise else 1.0)
            return self._without_lease(error, pause)
        self._saw(renewed)
        self.memory = guarding.renewed(self.memory, lease, renewed, started=started, finished=self._now())
        return self._keep_promise(started)

    def _keep_promise(self, started: float) -> float:
        """First the timer, then the gate."""
        promise = self.memory.promise
        assert promise is not None  # noqa: S101  the caller has just made it
        if self._now() >= promise.close_at:
            return self._shut("the renewal took as long as the lease")
        if self._mode == "enforce":
            self._timer.arm(promise.until)
        self._open_gate()
        if self._gate.is_open():
            self._say(f"gate open under epoch {promise.lease.epoch}, lease {promise.lease.lease_seconds:g} s")
        every = guarding.renewal_seconds(self._renewal, promise.lease.lease_seconds)
        return min(started + every, promise.close_at) - self._now()

    def _shut(self, reason: str, found: Lease | None = None, *, final: bool = False) -> float:
        """Close the gate, end the application's sessions, forget the promise."""
        promised, mine = self.memory.promise, self.memory.promise.lease if self.memory.promise else None
        self.memory = guarding.lost(self.memory, found)
        if self._mode == "observe" and not final:
            if promised:
                self._say(f"WOULD CLOSE the gate now, and does not: {reason}")
            return min(guarding.LONGEST_POLL, self._renewal.total_seconds())
        was_open = self._gate.is_open()
        self._gate.close()
        self._timer.disarm()
        self._say(f"gate closed{f' (was open under epoch {mine.epoch})' if mine else ''}: {reason}")
        other_guard = bool(mine and found and guarding.displaces(mine, found))
        if (was_open or mine) and not other_guard:  # its sessions are the other guard's to keep
            self._end_sessions()
        return 0.0 if mine else guarding.LONGEST_POLL

    def _fence(self, lease: Lease) -> float:
        """Closed, and alone: make sure that no session is left, then say so for exactly this epoch."""
        try:
            if not self._end_sessions():
                return guarding.LONGEST_POLL
            in_time(lambda: self._store.record_fenced(lease.epoch), _READ_SECONDS, "recording the fence")
        except DrError as error:
            self._say(f"{self._state()}; not recorded as fenced: {error.what}")
            return guarding.POLL_WHILE_TAKEN
        self._say(f"gate closed; recorded fenced for epoch {lease.epoch} (run {lease.holder_run})")
        return guarding.LONGEST_POLL

    def _end_sessions(self) -> bool:
        ended = self._primary.end_sessions(_END_SESSIONS_SECONDS)
        if ended:
            self._say(f"{self._state()}; the application has no session at the primary")
        else:
            self._say(f"{self._state()}; could NOT make sure that the application's sessions have ended; trying again")
        return ended

    def _keep_gate(self) -> float:
        """Start a gate again that ended by itself while it may be open."""
        may_be_open = self._mode != "enforce" or self.memory.promise is not None
        if not may_be_open or self._gate.is_open():
            return float("inf")
        self._say("the gate's process has ended; starting it again")
        self._open_gate()
        return _GATE_RETRY

    def _open_gate(self) -> None:
        try:
            self._gate.open()
        except DrError as error:
            self._say(error.what)

    def _state(self) -> str:
        return "gate open" if self._gate.is_open() else "gate closed"

    def _say(self, text: str) -> None:
        self._reason = text
        self._reporter.say(text)
