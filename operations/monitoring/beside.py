"""A server that was restored beside the site to look into, and is still there."""

from datetime import datetime, timedelta

from operations.monitoring.findings import OK, WARNING, Judged
from recovery.copies.beside import END, BesideState
from recovery.units import read_duration

LONGEST = timedelta(days=1)
"""Whoever needed it has looked by then. It takes room of full size, a disk, and shows what may long be deleted."""


def judge_beside(state: BesideState, *, now: datetime) -> Judged:
    """Somebody is reminded of it after a day; a Pod that nobody's order explains counts at once."""
    order = state.order
    if order is None:
        if state.gone:
            return Judged(OK, "none")
        return Judged(WARNING, "a Pod of it is there, and nothing says of what moment", f"end it: {END}")
    words = f"as of {order.asked}, asked for {read_duration(now - order.at)} ago"
    if now - order.at > LONGEST:
        return Judged(WARNING, f"{words}: nobody has ended it", f"take from it what is needed, then end it: {END}")
    return Judged(OK, words)
