"""`dr lease show`: who holds the site lease."""

from datetime import UTC, datetime

from operations import lease as leases
from operations.context import Context
from scripts.lease_output import as_json, print_lease
from scripts.options import DEFAULT_PLAN, JsonOption, PlanOption
from scripts.output import emit_json


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
        print_lease(lease, datetime.now(UTC))
