"""What a run says that had nothing to do."""

from recovery.lease.lease import Lease
from scripts.output import console, emit_json


def say_skipped(why: str, holder: Lease | None, *, json: bool) -> None:
    """Say it, and who has the lease where that is why."""
    if json:
        emit_json({"skipped": why} | ({"holder": holder.site, "epoch": holder.epoch} if holder else {}))
    else:
        has = f" (site {holder.site} has the lease, epoch {holder.epoch})" if holder else ""
        console.print(f"skipped: {why}{has}", markup=False)
