"""`dr guard`: opens the gate to this site's primary while the site holds the lease, and at no other time."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from recovery.guarding import MODES, Memory, Mode
from scripts.context import DEFAULT_PLAN, Context, PlanOption, SiteOption
from scripts.guard_gate import Address, Gate, find_haproxy

if TYPE_CHECKING:
    from scripts.guard_loop import Guard


def guard(
    listen: Annotated[str, typer.Option("--listen", help="IP:PORT of the gate; also the address it connects from.")],
    upstream: Annotated[str, typer.Option("--upstream", help="HOST:PORT of this site's primary.")],
    mode: Annotated[str, typer.Option("--mode", help="off, observe or enforce; only enforce protects.")] = "enforce",
    status_file: Annotated[Path | None, typer.Option("--status-file", help="Write the state here, as JSON.")] = None,
    site: SiteOption = "",
    plan: PlanOption = DEFAULT_PLAN,
) -> None:
    """Keep the gate to this site's primary: open while the site holds the lease, closed otherwise.

    The gate is an HAProxy that dies with this process; a kernel timer kills this process when the lease ends. Database
    access is by PGUSER (default dr_guard), PGPASSWORD or PGPASSFILE, and PGDATABASE.

    Example: dr guard --site prod --listen 10.0.3.7:5432 --upstream orders-db.internal:5432 --mode enforce
    """
    from scripts.guard_init import stand_in_front

    stand_in_front()
    gate_address, primary_address = _address("--listen", listen), _address("--upstream", upstream)
    if not gate_address.is_ip:
        raise typer.BadParameter(f"--listen must be an IP address and a port, found {listen!r}")
    if mode not in MODES:
        raise typer.BadParameter(f"--mode must be one of {', '.join(MODES)}, found {mode!r}")
    context = Context.load(plan, site=site)
    gate = Gate(find_haproxy(), gate_address, primary_address)
    _keep(_prepare(context, gate, primary_address, cast("Mode", mode), status_file))


def _prepare(context: Context, gate: Gate, upstream: Address, mode: Mode, status_file: Path | None) -> "Guard":
    """The guard with its real parts. A guard that looks at no lease gets no clients."""
    from scripts.guard_loop import Guard, Reporter
    from scripts.guard_primary import Primary
    from scripts.guard_timer import DeadlineTimer, boottime
    from scripts.lease import open_store

    postgres = context.plan.datasets.postgres
    return Guard(
        Memory(site=context.site, boot_id=_boot_id()),
        mode=mode,
        renewal=context.plan.lease.renewal,
        store=open_store(context),
        gate=gate,
        timer=DeadlineTimer(),
        primary=Primary(upstream, database=postgres.database, application_role=postgres.application_role),
        reporter=Reporter(context.site, mode, status_file),
        now=boottime,
    )


def _keep(guard: "Guard") -> None:
    """Rounds until SIGTERM or SIGINT. The signals are blocked and waited for, so nothing interrupts a round."""
    import signal

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
    import secrets
    import socket

    return f"{socket.gethostname()}-{secrets.token_hex(4)}"


def _address(option: str, text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from None
