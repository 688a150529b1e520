"""`dr status`: one look at everything a failover depends on. What does not answer is UNKNOWN, never fine."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from operations.monitoring.findings import UNKNOWN, Finding
from recovery.errors import DrError
from recovery.plan.loading import load_plan
from scripts.findings_output import show
from scripts.options import DEFAULT_PLAN, AccountOption, BundleOption, JsonOption, KubeconfigOption, PlanOption
from scripts.output import errors

PublishOption = Annotated[bool, typer.Option("--publish", help="Send the findings to CloudWatch, for the alarms.")]


def status(
    bundle: BundleOption = "",
    kubeconfig: KubeconfigOption = None,
    plan: PlanOption = DEFAULT_PLAN,
    account: AccountOption = "",
    publish: PublishOption = False,
    json: JsonOption = False,
) -> None:
    """Show everything a failover depends on.

    Lease, replication, services, the public name, backups, a promotion in progress.

    Exit codes: 0 all well, 1 worth a look, 2 a failover would be refused or data be lost, 3 something did not answer.
    With --publish, at the DR site: its wall is tried first, as `dr check wall` does. Ends with 0 when a region took the
    findings, whatever they are, else with 3.

    Example:

    \b
      dr status --json
    """
    findings = _look(bundle, kubeconfig, plan, account, publish=publish)
    if publish:
        _publish(findings, plan)
    show(findings, json=json, code=0 if publish else None)


def _look(bundle: str, kubeconfig: Path | None, plan: Path, account: str, *, publish: bool) -> list[Finding]:
    from operations.failover.ports import database_login, kubeconfig_path, load_bundle

    try:
        database_login()
        loaded = load_bundle(bundle, plan, account)
    except DrError as error:
        return [Finding("bundle", UNKNOWN, error.what, error.next_step)]
    from operations.checks import wall
    from operations.guard.gate import Address
    from operations.monitoring.sources import Sources
    from operations.monitoring.status import look

    sources = Sources.of(loaded, kubeconfig_path(kubeconfig))
    if publish:
        try:
            address = Address.parse(loaded.endpoints.standby)
            sources.walls.record(wall.check(loaded.plan, "dr", address.host, address.port))
        except DrError as error:  # what was kept before grows old, which is a finding
            errors.print(str(error), markup=False)
    return look(loaded, sources, now=datetime.now(UTC))


def _publish(findings: list[Finding], plan: Path) -> None:
    """In the regions of the plan at hand: they are needed most when there is no bundle."""
    from cloud.metrics import CloudWatchMetrics
    from operations.monitoring.publishing import publish

    sites = load_plan(plan).sites
    own, other = CloudWatchMetrics(sites.dr.region), CloudWatchMetrics(sites.prod.region)
    for missed in publish(findings, own=own, other=other):
        errors.print(str(missed), markup=False)
