"""What a promotion restores first, before it is done."""

from typing import Any

from rich.filesize import decimal

from recovery.failover.facts import Facts
from recovery.failover.restoring import Restoring
from scripts.output import console, table


def print_restore(restoring: Restoring) -> None:
    """What is restored before anything else, and what else could be."""
    order, planned = restoring.ordered.order, restoring.planned
    rows = [
        ("from", f"the DR bucket: {planned.objects:,} objects, {decimal(planned.stored_bytes)}"),
        *planned.rows(decimal),
        ("onto", f"the standby's disk: needs {decimal(planned.disk_bytes)} of {decimal(planned.disk_free)}"),
        *([("pinned to", f"{order.to}: it follows nobody")] if order.to else []),
        *([("under way", f"since {order.at:%Y-%m-%d %H:%M:%S} UTC")] if restoring.under_way else []),
    ]
    table(f"\nRestored first: postgres to {order.asked}", ("", ""), rows)
    console.print(planned.window, markup=False)


def restore_facts(facts: Facts) -> dict[str, Any] | None:
    """For programs: the order, and while it is to be done, what that takes."""
    if facts.ordered is None:
        return None
    planned = facts.restoring.planned.as_dict() if isinstance(facts.restoring, Restoring) else {}
    return {**facts.ordered.as_dict(), **{key: value for key, value in planned.items() if key != "to"}}
