"""Checking the wall: whether a site's database refuses the application past the gate, and keeping the answer."""

import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime

from engines.postgres.wall import knock
from operations.context import Context
from operations.lease import control_table
from recovery.errors import Silent, Unreachable
from recovery.lease.wall import WallCheck, against_silence, report_within
from recovery.plan.plan import Plan, SiteName
from recovery.ports.control_table import GuardReports, WallStore

_BETWEEN_READS = 3.0


def check(plan: Plan, site: SiteName, host: str, port: int) -> WallCheck:
    """One attempt at the database of `site`. Raises Unreachable or Refused when it gave no answer: that is no proof of
    anything, and nothing to keep."""
    postgres = plan.datasets.postgres
    holds, words = knock(host, port, database=postgres.database, role=postgres.application_role)
    return _seen(site, f"{host}:{port}", holds=holds, words=words)


def check_inside(
    plan: Plan,
    site: SiteName,
    host: str,
    port: int,
    reports: GuardReports,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> WallCheck:
    """The same in a Pod of the site, as far from the database as an application: silence there shows that a network
    policy works, once the site's guard has logged in to the same database after it. Raises Unreachable or Refused."""
    try:
        return check(plan, site, host, port)
    except Silent as silence:
        silent_at, address, terms = datetime.now(UTC), f"{host}:{port}", plan.lease
        report = reports.read(site)
        waited = 0.0
        while (report is None or report.at < silent_at) and waited < report_within(terms).total_seconds():
            sleep(_BETWEEN_READS)
            waited += _BETWEEN_READS
            report = reports.read(site)
        if objection := against_silence(report, site, address, silent_at=silent_at, terms=terms):
            raise Unreachable(f"{silence.what}; {objection.what}", next_step=objection.next_step) from None
        return _seen(site, address, holds=True, words=f"{silence.what}, and then the site's guard logged in to it")


def _seen(site: SiteName, address: str, *, holds: bool, words: str) -> WallCheck:
    return WallCheck(
        site=site, holds=holds, at=datetime.now(UTC), address=address, asked_from=socket.gethostname(), words=words
    )


def open_stores(context: Context) -> tuple[WallStore, GuardReports]:
    """Where the last checks are kept, and what the guards say."""
    from cloud.guard_reports import DynamoGuardReports
    from cloud.wall_store import DynamoWallStore

    table = control_table(context)
    return DynamoWallStore(table), DynamoGuardReports(table)
