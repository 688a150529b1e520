"""A guard as one process: its real parts, and its rounds until a signal ends it."""

import secrets
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from operations import lease
from operations.context import Context
from operations.guard.deadline import DeadlineTimer, boottime
from operations.guard.gate import Address, Gate, Way, find_haproxy
from operations.guard.loop import Guard, Reporter
from operations.guard.primary import Primary
from operations.guard.report import GuardReporter
from recovery.lease import guard_report
from recovery.lease.guard_rules import Memory, Mode


def prepare(
    context: Context,
    *,
    listen: Address,
    upstream: Address,
    also: Sequence[Way] = (),
    mode: Mode,
    status_file: Path | None,
    tell: Callable[[str], None],
) -> Guard:
    """The guard of this site; `also` are further ways through its gate; `tell` takes its messages to people.

    Raises Refused when no site was named or the machine lacks HAProxy.
    """
    memory = Memory(site=context.site, boot_id=_boot_id())  # what was asked for comes before what the machine lacks
    gate = Gate(find_haproxy(), listen, upstream, also)
    postgres, terms = context.plan.datasets.postgres, context.plan.lease
    primary = Primary(upstream, database=postgres.database, application_role=postgres.application_role)
    leases, reports = lease.open_guard_stores(context)
    return Guard(
        memory,
        mode=mode,
        renewal=terms.renewal,
        store=leases,
        gate=gate,
        timer=DeadlineTimer(),
        primary=primary,
        reporter=Reporter(context.site, mode, status_file, tell),
        report=GuardReporter(
            reports,
            primary,
            site=context.site,
            mode=mode,
            boot_id=memory.boot_id,
            every=guard_report.every(terms),
            now=boottime,
        ),
        now=boottime,
    )


def keep(guard: Guard) -> None:
    """Rounds until SIGTERM or SIGINT. The signals are blocked and waited for, so nothing interrupts a round."""
    ending, child_ended = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}, signal.SIGCHLD
    signal.pthread_sigmask(signal.SIG_BLOCK, {*ending, child_ended})
    guard.begin()
    while True:
        received = signal.sigtimedwait({*ending, child_ended}, guard.step())
        if received is not None and received.si_signo in ending:
            guard.end()
            return


def _boot_id() -> str:
    """Names this guard process in the lease: for people by its host, for certain by chance."""
    return f"{socket.gethostname()}-{secrets.token_hex(4)}"
