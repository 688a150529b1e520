"""A restore into a claim of the DR cluster: beginning its Job, following it to its end.

Killed anywhere, it is run again: the API server has one Job a claim, which says what it restores.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from engines.postgres.restore_order import Order, plan_elsewhere
from operations.copies.beside import pinned
from recovery.copies.claim_restore import WORDS, Claim, ClaimJob, ClaimRoom, ended, require_claim
from recovery.copies.recovery_target import Target
from recovery.errors import Refused
from recovery.names import ACCEPTED_INCREMENTALS
from recovery.ports.buckets import RestoreBucket
from recovery.site.claim_restore import DATA, filled, fits

_PAUSE = 1.0
_SAID_EVERY = 30.0
Heard = Callable[[str], None]
Sleep = Callable[[float], None]


def require_name(claim: str) -> None:
    """Raises Refused for a name that no Job can have in its own."""
    if not fits(claim):
        raise Refused(
            f"{claim} is too long a name: the restore's Job is named after it", next_step="name a claim of 46 letters"
        )


def plan(store: RestoreBucket, target: Target, claim: Claim, *, environment: Mapping[str, str]) -> Order:
    """What the restore would read, take and need. Raises Refused for a point that cannot be reached, and a claim that
    will not do."""
    order = plan_elsewhere(store, target, Path(claim.name) / DATA, environment=environment)
    require_claim(claim, order.disk_bytes)
    return replace(order, disk_free=claim.bytes)


def begin(
    room: ClaimRoom,
    claim: str,
    order: Order,
    environment: Mapping[str, str],
    *,
    heard: Heard,
    sleep: Sleep = time.sleep,
) -> None:
    """Make the Job; what is left of one that failed goes first. Raises Refused when somebody was faster."""
    if room.job(claim) is not None:
        heard("taking away the Job that failed")
        room.delete(claim)
    while not room.gone(claim):
        sleep(_PAUSE)
    accepts = environment.get(ACCEPTED_INCREMENTALS, "")
    room.create(filled(room.template(), claim, asked=order.to, to=pinned(order), accepts=accepts))


def follow(room: ClaimRoom, claim: str, *, forecast: float | None, heard: Heard, sleep: Sleep = time.sleep) -> ClaimJob:
    """The Job once it is done; the `forecast` in seconds is said beside what it has taken. Raises Failed with the last
    words of what failed."""
    said, begun, told = "", time.monotonic(), 0.0
    while True:
        job = room.job(claim)
        if ended(job, claim):
            assert job is not None  # noqa: S101  (for the type checker)
            return job
        now = time.monotonic()
        words = ": ".join(filter(None, (WORDS[job.stage], job.words))) if job else ""
        if words != said or now - told >= _SAID_EVERY:
            heard(f"{words}{_so_far(now - begun, forecast)}")
            said, told = words, now
        sleep(_PAUSE)


def _so_far(seconds: float, forecast: float | None) -> str:
    if seconds < 1:
        return ""
    of = "" if forecast is None else f" of about {forecast:.0f} s"
    return f", {seconds:.0f} s{of}"
