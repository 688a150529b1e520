"""`dr check account`: whether an AWS account holds what the stacks declare, and what else can be asked from here."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from operations.context import Context
from operations.monitoring.findings import WORDS, Finding
from scripts.findings_output import show
from scripts.options import DEFAULT_PLAN, AccountOption, BundleOption, JsonOption, PlanOption, database_address
from scripts.output import errors


def account(
    database: Annotated[str, typer.Option("--database", help="HOST:PORT of production's database, for its wall.")] = "",
    resolver: Annotated[str, typer.Option("--resolver", help="DNS server IP:PORT to find the edges with.")] = "",
    bundle: BundleOption = "",
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    json: JsonOption = False,
) -> None:
    """Check that an AWS account holds what the stacks declare.

    Settings of every bucket of ours, the keys, replication, the control table, Pod identities of both clusters, what
    IAM's simulator says that each duty may do; and, as far as it can be asked from here, both walls, edges and the
    services' contract (as `dr check wall`, `edge` and `service` do). Reads only: credentials with AWS's policy
    SecurityAudit are enough, and the right to read the control table and the bundle. With the login of the plan's
    backup_account it checks the buckets and the key there.

    Exit codes: 0 all as declared, 1 worth a look, 2 something protects less than declared, 3 something did not answer.

    Example:

    \b
      dr check account --plan recovery.yaml --database orders-db:5432
    """
    context, findings = Context.load(plan, account), list[Finding]()
    if database:
        database_address(database)  # a usage error, before anything is asked
    with errors.status("asking …") as status:
        for finding in _findings(context, database, resolver, bundle, plan):
            findings.append(finding)
            status.update(f"asking … {finding.name}: {WORDS[finding.level]}")
    show(findings, json=json)


def _findings(context: Context, database: str, resolver: str, bundle: str, plan: Path) -> Iterator[Finding]:
    from cloud.account import Account
    from operations.checks import reach, wall
    from operations.checks.account.check import check
    from operations.failover.ports import load_bundle

    names = context.names
    yield from check(names, Account())
    if names.account != names.plan.backup_account:
        yield from reach.check(
            lambda: load_bundle(bundle, plan, names.account),
            wall.open_stores(context)[0],
            database=database,
            resolver=resolver,
            now=datetime.now(UTC),
        )
