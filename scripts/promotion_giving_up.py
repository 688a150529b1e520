"""`dr promote --give-up`: what would be taken back, and taking it back."""

import time
from datetime import UTC, datetime

from operations.failover.failover import Failover
from operations.failover.interrupt import Interrupt
from scripts.output import emit_json, say


def giving_up(failover: Failover, interrupt: Interrupt, *, execute: bool, json: bool) -> None:
    """Raises DrError where nothing may be taken back."""
    work = failover.giving_up()
    found = work.look()
    giving = found.giving
    if giving.asked:
        say(f"Gives up the promotion after corruption to {giving.asked}" + (f", run {found.run}" if found.run else ""))
    say(f"{giving.words[0].upper()}{giving.words[1:]}.")
    if execute:
        work.execute(found, interrupt, say, clock=time.monotonic, now=lambda: datetime.now(UTC))
    if json:
        left = {"way": giving.way, "asked": giving.asked, "leaves": giving.leaves, "words": giving.words}
        emit_json({**left, "run": found.run, "dry_run": not execute})
    if not execute:
        say("\nNothing was changed. Run it again with --execute to do it.", "bold")
    else:
        say("Done: `dr status` says when the standby follows again.", "green")
