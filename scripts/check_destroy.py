"""`dr check destroy`: whether the dr stack may be destroyed. Its lock asks this before it lets itself be deleted."""

from operations import lease as leases
from operations.context import Context
from operations.monitoring.findings import CRITICAL
from recovery.errors import LeaseRefused
from scripts.options import DEFAULT_PLAN, AccountOption, JsonOption, PlanOption
from scripts.output import ExitWith, emit_json, say


def destroy(plan: PlanOption = DEFAULT_PLAN, account: AccountOption = "", json: JsonOption = False) -> None:
    """Check that the dr stack may be destroyed.

    Refused while the DR site holds the lease: it is then the only one.

    Exit codes: 0 it may, 2 refused, 3 who holds the lease is not known.

    Example:

    \b
      dr check destroy
    """
    try:
        lease = leases.require_not_at_dr(Context.load(plan, account))
    except LeaseRefused as refusal:
        say(str(refusal))
        raise ExitWith(CRITICAL) from None
    if json:
        emit_json({"site": lease.site if lease else None})
    else:
        holder = f"site {lease.site} holds it, epoch {lease.epoch}" if lease else "there is none yet"
        say(f"the DR site does not hold the lease ({holder}): its stack may be destroyed")
