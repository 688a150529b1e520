"""`dr lease`: give the site lease to production once, and show who holds it."""

import secrets
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from recovery.errors import Refused
from recovery.guarding import attempt_seconds
from recovery.lease import Lease, format_lsn
from recovery.names import Names
from recovery.ports import LeaseStore
from scripts.context import DEFAULT_PLAN, AccountOption, Context, JsonOption, PlanOption
from scripts.output import emit_json, say, table

app = typer.Typer(no_args_is_help=True, help="The site lease: which site may write.")
InitSiteOption = Annotated[str, typer.Option("--site", help="The site that may write first.")]


@app.command("init")
def init(
    site: InitSiteOption, plan: PlanOption = DEFAULT_PLAN, account: AccountOption = "", json: JsonOption = False
) -> None:
    """Write the first lease, once, when production is ready to be guarded.

    Example: dr lease init --site prod
    """
    context = Context.load(plan, account, site)
    if context.site != "prod":
        raise Refused(
            "the first lease is production's: the DR site has a standby, nothing to write to",
            next_step="run `dr lease init --site prod`; `dr promote` moves the lease to the DR site",
        )
    if account:
        _ = context.account  # raises when the credentials are another account's
    terms = context.plan.lease
    lease = Lease(
        site=context.site,
        epoch=1,
        state="held",
        lease_seconds=terms.duration.total_seconds(),
        margin_seconds=terms.margin.total_seconds(),
        holder_run=f"init-{secrets.token_hex(4)}",
    )
    open_store(context).create(lease)
    if json:
        emit_json(as_json(lease))
    else:
        say(f"site {lease.site} holds the lease: epoch 1, {lease.lease_seconds:g} s; its guard may open the gate now")


@app.command("show")
def show(plan: PlanOption = DEFAULT_PLAN, json: JsonOption = False) -> None:
    """Print the lease, its last renewal and what the guard last saw of its primary.

    Example: dr lease show --json
    """
    lease = open_store(Context.load(plan)).read()
    if lease is None:
        raise Refused("there is no lease yet", next_step="run `dr lease init --site prod` once")
    if json:
        emit_json(as_json(lease))
    else:
        _print(lease, datetime.now(UTC))


def open_store(context: Context) -> LeaseStore:
    """The lease at both replicas, the nearer region first. The table's name needs no account, hence no STS."""
    from cloud.control_table import ControlTable, region_clients
    from cloud.lease_store import DynamoLeaseStore

    sites, terms = context.plan.sites, context.plan.lease
    regions = sorted({sites.prod.region, sites.dr.region}, key=lambda region: region != context.region)
    clients = region_clients(regions, attempt_seconds=attempt_seconds(terms.duration, terms.renewal))
    return DynamoLeaseStore(ControlTable(Names(context.plan, "").control_table, clients))


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
