"""`dr check wall`: tries to get past the gate as the application, and keeps what the database said."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from operations.context import Context
from operations.guard.gate import Address
from operations.monitoring.findings import CRITICAL, OK, UNKNOWN, WARNING, WORDS
from recovery.errors import DrError, Refused
from scripts.options import (
    DEFAULT_PLAN,
    AccountOption,
    BundleOption,
    JsonOption,
    PlanOption,
    SiteOption,
    database_address,
)
from scripts.output import ExitWith, emit_json, say

_MEND = (
    "the lease does not fence what comes this way: admit the application's role on `local` lines of pg_hba.conf only, "
    "reject it on every `host` line (docs/gate-sidecar.md), reload, and check again"
)
InsideOption = Annotated[
    bool,
    typer.Option("--inside", help="This is a Pod as far from the database as an application: its silence counts."),
]


def wall(
    database: Annotated[
        str, typer.Option("--database", envvar="DR_DATABASE", help="HOST:PORT; at DR by default the bundle's standby.")
    ] = "",
    site: SiteOption = "",
    inside: InsideOption = False,
    bundle: BundleOption = "",
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    json: JsonOption = False,
) -> None:
    """Try to get past the gate as the application.

    Connects to the database's own address, without a password: its pg_hba.conf decides before it asks for one. Run it
    where applications run, since rules may go by address. The answer is kept for `dr promote` and `dr status`. With
    --inside no answer at all is one, too, when the site's guard then logs in to the same address: the network keeps
    this Pod out. That is waited for, about a minute.

    Exit codes: 0 kept out, 1 kept out and that could not be recorded, 2 let in, 3 nobody answered, which proves nothing
    and is not recorded.

    Example:

    \b
      dr check wall --site prod --database orders-db:5432
    """
    context = Context.load(plan, account, site)
    address = _address(database, context, bundle, plan, account)
    from operations.checks import wall as walls

    where = (context.plan, context.site, address.host, address.port)
    try:
        found = walls.check_inside(*where, walls.open_stores(context)[1]) if inside else walls.check(*where)
    except DrError as error:
        if json:
            emit_json({"site": context.site, "state": "UNKNOWN", "words": error.what})
        say(f"UNKNOWN: {error.what}. That does not show whether the wall holds; nothing was kept.")
        say(f"Next: {error.next_step}")
        raise ExitWith(UNKNOWN) from None
    level = OK if found.holds else CRITICAL
    if json:
        emit_json({**asdict(found), "at": found.at.isoformat(), "state": WORDS[level]})
    say(f"{WORDS[level]}: at site {found.site} {found.sentence()}")
    if not found.holds:
        say(f"Next: {_MEND}")
    try:
        walls.open_stores(context)[0].record(found)
    except DrError as error:
        say(f"It could not be kept for `dr status` and `dr promote`: {error.what}")
        say(f"Next: {error.next_step}")
        raise ExitWith(max(level, WARNING)) from None
    raise ExitWith(level)


def _address(given: str, context: Context, bundle: str, plan: Path, account: str) -> Address:
    """The database's. Raises Refused when nobody says where it is."""
    text = given
    if not text and context.site == "dr":
        from operations.failover.ports import load_bundle

        text = load_bundle(bundle, plan, account).endpoints.standby
    if not text:
        raise Refused(
            "where is production's database? --database was not given",
            next_step="name its own address with --database HOST:PORT, not the gate's",
        )
    return database_address(text)
