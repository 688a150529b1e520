"""What a scheduled run says at the site without the lease."""

from recovery.lease.lease import Lease
from scripts.output import console, emit_json

SKIPPED = "not the active site"
"""Why a scheduled run did nothing, always in these words: what counts a log's lines, counts them by it."""


def say_skipped(lease: Lease, *, json: bool) -> None:
    """Say it, and who has the lease."""
    if json:
        emit_json({"skipped": SKIPPED, "holder": lease.site, "epoch": lease.epoch})
    else:
        console.print(f"skipped: {SKIPPED} (site {lease.site} has the lease, epoch {lease.epoch})", markup=False)
