"""The site lease as commands use it: where it is kept, and writing the first one."""

import secrets
from typing import TYPE_CHECKING

from operations.context import Context
from recovery.errors import LeaseRefused, Refused
from recovery.lease.guard_rules import attempt_seconds
from recovery.lease.lease import Lease
from recovery.names import Names
from recovery.ports.control_table import GuardReports, LeaseStore

if TYPE_CHECKING:
    from cloud.control_table import ControlTable


def open_store(context: Context) -> LeaseStore:
    """The lease at both replicas, the nearer region first."""
    from cloud.lease_store import DynamoLeaseStore

    return DynamoLeaseStore(control_table(context, seconds=attempt_of(context)))


def open_guard_stores(context: Context) -> tuple[LeaseStore, GuardReports]:
    """What a guard uses. Its reports go their own way, so that the lease never waits for them."""
    from cloud.guard_reports import DynamoGuardReports

    return open_store(context), DynamoGuardReports(control_table(context, seconds=attempt_of(context)))


def control_table(context: Context, *, seconds: float = 2.0) -> "ControlTable":
    """At both replicas, the nearer region first; `seconds` for one attempt at one of them. Its name needs no account,
    hence no STS."""
    from cloud.control_table import ControlTable, region_clients

    return ControlTable(table_name(context), region_clients(replicas(context), attempt_seconds=seconds))


def table_name(context: Context) -> str:
    """Of the control table."""
    return Names(context.plan, "").control_table


def replicas(context: Context) -> list[str]:
    """The regions with a replica of it, the nearer one first."""
    sites = context.plan.sites
    return sorted({sites.prod.region, sites.dr.region}, key=lambda region: region != context.region)


def attempt_of(context: Context) -> float:
    """Of a renewal: two of them fit into what the lease leaves."""
    return attempt_seconds(context.plan.lease.duration, context.plan.lease.renewal)


def write_first(context: Context) -> Lease:
    """Give the lease to production, once. Raises Refused for another site, LeaseRefused when there is a lease."""
    if context.site != "prod":
        raise Refused(
            "the first lease is production's: the DR site has a standby, nothing to write to",
            next_step="run `dr lease init --site prod`; `dr promote` moves the lease to the DR site",
        )
    if context.account_option:
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
    return lease


def record_system(context: Context, system: str, *, replaces: str) -> Lease:
    """Let the lease say which PostgreSQL is production's, in place of `replaces`, which must be what it says now.

    Raises Refused for what is no system identifier, LeaseRefused when the lease says something else.
    """
    for each in filter(None, (system, replaces)):
        if not (each.isascii() and each.isdigit() and len(each) <= 20):
            raise Refused(
                f"{each!r} is no system identifier of PostgreSQL",
                next_step="ask the primary: SELECT system_identifier FROM pg_control_system()",
            )
    return open_store(context).record_system(system, seen=replaces)


def read(context: Context) -> Lease:
    """The lease. Raises Refused when there is none yet, Unreachable."""
    lease = open_store(context).read()
    if lease is None:
        raise Refused("there is no lease yet", next_step="run `dr lease init --site prod` once")
    return lease


def require_not_at_dr(context: Context) -> Lease | None:
    """The lease, None before there is one. Raises LeaseRefused when the DR site holds it: the site is then the only
    one; Refused, Unreachable."""
    if context.account_option:
        _ = context.account  # raises when the credentials are another account's
    lease = open_store(context).read()
    if lease is not None and lease.site == "dr":
        raise LeaseRefused(
            f"the DR site holds the lease (epoch {lease.epoch}): it is the only site that takes orders",
            next_step="move the business back to production first; `dr lease show` says who holds the lease",
        )
    return lease
