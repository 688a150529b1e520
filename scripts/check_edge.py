"""`dr check edge`: whether an edge is there, and whether its certificate is good for customers."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from scripts.options import DEFAULT_PLAN, AccountOption, BundleOption, JsonOption, PlanOption


def edge(
    at: Annotated[str, typer.Option("--at", metavar="HOST:PORT", help="Another edge than the DR site's.")] = "",
    resolver: Annotated[str, typer.Option("--resolver", help="DNS server IP:PORT to find it with.")] = "",
    bundle: BundleOption = "",
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    json: JsonOption = False,
) -> None:
    """Reach an edge as customers would.

    By TLS, asking for the public name; nothing is sent behind it. The DR site's edge has to be there, with a
    certificate for the public name and its own, while the site stands by.

    Exit codes: 0 it is, 1 worth a look, 2 no customer would get in, 3 it does not answer.

    Examples:

    \b
      dr check edge
      dr check edge --at edge-prod.ultramarket.com:443
    """
    from operations.failover.ports import edge_at, load_bundle
    from operations.monitoring.edge import look_at
    from operations.monitoring.findings import UNKNOWN, Finding
    from recovery.errors import DrError
    from recovery.plan.loading import load_plan
    from scripts.findings_output import show

    try:
        found = None if at else load_bundle(bundle, plan, account)
        name = found.plan.dns.name if found else load_plan(plan).dns.name
        asked = edge_at(found.endpoints.dr_edge if found else at, name, resolver)
    except DrError as error:
        show([Finding("edge", UNKNOWN, error.what, error.next_step)], json=json)
    else:
        show([Finding("edge", *look_at(asked, asked.name, now=datetime.now(UTC)))], json=json)
