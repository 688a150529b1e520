"""`dr lease`: give the site lease to production once, and show who holds it."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from operations import lease as leases
from operations.context import Context
from recovery.lease.lease import Lease, format_lsn
from scripts.options import DEFAULT_PLAN, PLAIN, AccountOption, Command, JsonOption, PlanOption
from scripts.output import emit_json, say, table

app = typer.Typer(no_args_is_help=True, help="The site lease: which site may write.", **PLAIN)
InitSiteOption = Annotated[str, typer.Option("--site", help="The site that may write first.")]


@app.command("init", cls=Command)
def init(
    site: InitSiteOption, plan: PlanOption = DEFAULT_PLAN, account: AccountOption = "", json: JsonOption = False
) -> None:
    """Write the first lease, once.

    Do it when production is ready to be guarded.

    Example:

    \b
      dr lease init --site prod
    """
    lease = leases.write_first(Context.load(plan, account, site))
    if json:
        emit_json(as_json(lease))
    else:
        say(f"site {lease.site} holds the lease: epoch 1, {lease.lease_seconds:g} s; its guard may open the gate now")


@app.command("show", cls=Command)
def show(plan: PlanOption = DEFAULT_PLAN, json: JsonOption = False) -> None:
    """Print the lease and who renewed it last.

    Also what the guard last saw of its primary.

    Example:

    \b
      dr lease show --json
    """
    lease = leases.read(Context.load(plan))
    if json:
        emit_json(as_json(lease))
    else:
        _print(lease, datetime.now(UTC))


@app.command("system", cls=Command)
def system(
    identifier: Annotated[str, typer.Argument(help="Production's system identifier from now on.")],
    replaces: Annotated[str, typer.Option("--replaces", help="The one that the lease says now.")] = "",
    plan: PlanOption = DEFAULT_PLAN,
    json: JsonOption = False,
) -> None:
    """Say which PostgreSQL is production's.

    The first guard that sees the primary records it; a promotion refuses a standby of any other. Only when production
    was rebuilt on purpose (a new initdb, pg_upgrade) is it another one: the old one has to be named, and a new standby
    to be made.

    Example:

    \b
      dr lease system 7412345678901234567 --replaces 7300000000000000001
    """
    lease = leases.record_system(Context.load(plan), identifier, replaces=replaces)
    if json:
        emit_json(as_json(lease))
    else:
        say(f"production's PostgreSQL is system {lease.system_identifier}; a standby of another is not promoted")


def as_json(lease: Lease) -> dict[str, object]:
    """The lease as `--json` shows it; positions also as PostgreSQL writes them."""
    value: dict[str, object] = asdict(lease)
    if lease.heartbeat:
        value["heartbeat"] = asdict(lease.heartbeat) | {
            "at": lease.heartbeat.at.isoformat(),
            "lsn_text": format_lsn(lease.heartbeat.lsn),
        }
    return value


def _print(lease: Lease, now: datetime) -> None:
    fenced = "no record" if not lease.fenced_epoch else f"epoch {lease.fenced_epoch}"
    if lease.fenced_epoch and not lease.fenced_by(lease.epoch):
        fenced += " (of an older epoch: proves nothing now)"
    rows = [
        ("site", lease.site),
        ("epoch", lease.epoch),
        ("state", lease.state),
        ("lease", f"{lease.lease_seconds:g} s, a successor waits {lease.fence_seconds:g} s"),
        ("taken by run", lease.holder_run),
        ("guard", lease.boot_id or "none yet"),
        ("renewals", lease.renewals),
        ("old holder fenced", fenced),
        ("system identifier", lease.system_identifier or "not known yet: no guard has seen the primary"),
    ]
    if beat := lease.heartbeat:
        age = max(0.0, (now - beat.at).total_seconds())
        rows += [
            ("primary seen", f"{age:.1f} s ago ({beat.at:%Y-%m-%d %H:%M:%S} UTC)"),
            ("primary position", f"{format_lsn(beat.lsn)}, timeline {beat.timeline}"),
            ("commits per second", f"{beat.commits_per_second:.1f}"),
        ]
    else:
        rows.append(("primary seen", "never"))
    table("Site lease", ("what", "value"), rows)
