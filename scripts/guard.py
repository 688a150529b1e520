"""`dr guard`: opens the gate to this site's primary while the site holds the lease, and at no other time."""

import sys
from pathlib import Path
from typing import Annotated, cast

import typer

from operations.context import Context
from operations.guard.gate import Address, Way
from operations.guard.process_one import stand_in_front
from recovery.lease.guard_rules import MODES, Mode
from scripts.options import DEFAULT_PLAN, PlanOption, SiteOption


def guard(
    listen: Annotated[str, typer.Option("--listen", help="IP:PORT of the gate; also the address it connects from.")],
    upstream: Annotated[
        str, typer.Option("--upstream", help="HOST:PORT of this site's primary, or FOLDER:PORT of its Unix socket.")
    ],
    also: Annotated[
        list[str] | None,
        typer.Option("--also", help="IP:PORT=HOST:PORT: a further way through the gate, to Redis. May be repeated."),
    ] = None,
    mode: Annotated[str, typer.Option("--mode", help="off, observe or enforce; only enforce protects.")] = "enforce",
    status_file: Annotated[Path | None, typer.Option("--status-file", help="Write the state here, as JSON.")] = None,
    site: SiteOption = "",
    plan: PlanOption = DEFAULT_PLAN,
) -> None:
    """Keep the gate to this site's primary.

    It is open while the site holds the lease, and closed otherwise. The gate is an HAProxy that dies with this process;
    a kernel timer kills this process when the lease ends. What else customers write into (--also) is let through and
    cut off in the same moments; nothing is asked of it. Database access is by PGUSER (default dr_guard), PGPASSWORD
    or PGPASSFILE, and PGDATABASE.

    Example:

    \b
      dr guard --site prod --listen 10.0.3.7:6432 --upstream /run/postgres-gate:5432
    """
    stand_in_front()
    gate_address, primary_address = _address("--listen", listen), _address("--upstream", upstream)
    ways = [_way(each) for each in also or ()]
    if not gate_address.is_ip:
        raise typer.BadParameter(f"--listen must be an IP address and a port, found {listen!r}")
    if mode not in MODES:
        raise typer.BadParameter(f"--mode must be one of {', '.join(MODES)}, found {mode!r}")
    # Imported here: what is wrong with the options is said before the SDKs are loaded.
    from operations.guard import process

    made = process.prepare(
        Context.load(plan, site=site),
        listen=gate_address,
        upstream=primary_address,
        also=ways,
        mode=cast("Mode", mode),
        status_file=status_file,
        tell=_tell,
    )
    process.keep(made)


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _address(option: str, text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from None


def _way(text: str) -> Way:
    try:
        return Way.parse(text)
    except ValueError as error:
        raise typer.BadParameter(f"--also: {error}") from None
