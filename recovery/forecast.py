"""What a promotion will cost, said before it starts: seconds until customers are served, and orders lost for good.

Every term is named with its source, so that afterwards the measured figure can be held against the right one.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from recovery.lease import Lease
from recovery.plan import Plan
from recovery.ports import StandbyState

# Measured on a 2-core machine, 2026-11 (design notes, "Limits of such a machine").
REPLAY_BYTES_PER_SECOND = 195_000_000
PROMOTION_SECONDS = 0.2
CHECK_SECONDS = 1.0
SCALE_SECONDS = 10.0
START_SECONDS = 0.8
# How long a promotion waits for the old site's answer when the time is up. A lost region gives none.
OLD_SITE_SECONDS = 0.8


@dataclass(frozen=True, kw_only=True)
class Term:
    """One part of the time. `parallel` terms run beside the fence wait and add only what exceeds it."""

    name: str
    seconds: float
    source: str
    parallel: bool = False


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Orders acknowledged by production and missing at the DR site. None: nobody can know. Bytes are of WAL."""

    bytes_missing: int | None
    seconds_at_most: float | None
    orders_at_most: int | None
    estimate: str = ""  # why the figures are an estimate; empty when both sides said what they had

    def words(self) -> str:
        """For a person at 3 a.m."""
        if self.seconds_at_most is None:
            return f"Loss: UNKNOWN. {self.estimate}"
        orders = "an unknown number of" if self.orders_at_most is None else f"at most {self.orders_at_most}"
        known = {
            None: "the standby's distance from production is not known",
            0: "the standby has everything production reported last",
        }.get(self.bytes_missing, f"{self.bytes_missing or 0:,} bytes that production reported are missing for certain")
        sentence = f"Loss: {orders} orders at the last rate reported, from {self.seconds_at_most:.1f} s; {known}."
        return f"{sentence} An estimate: {self.estimate}." if self.estimate else sentence


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Times in seconds, from the start of the promotion to the first order acknowledged at the DR site."""

    terms: tuple[Term, ...]
    cache_seconds: float  # what a client that cached the old address waits in addition
    loss: Loss

    @property
    def total_seconds(self) -> float:
        """For a client that asks DNS each time."""
        fence = self.seconds_of("fence wait")
        beside = sum(max(0.0, term.seconds - fence) for term in self.terms if term.parallel)
        return beside + sum(term.seconds for term in self.terms if not term.parallel)

    def seconds_of(self, name: str) -> float:
        """One term."""
        return sum(term.seconds for term in self.terms if term.name == name)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "terms": [asdict(term) for term in self.terms],
            "total_seconds": round(self.total_seconds, 3),
            "total_seconds_cached": round(self.total_seconds + self.cache_seconds, 3),
            **asdict(self.loss),
            "words": self.loss.words(),
        }


def forecast(
    plan: Plan,
    *,
    lease: Lease | None,
    standby: StandbyState | None,
    ready: Mapping[str, int],
    now: datetime,
    preflight_seconds: float = 0.0,
) -> Forecast:
    """The cost of promoting now. `ready`: replicas of each service that are ready already; `preflight_seconds`: what
    the reading took that this is forecast from."""
    check = plan.dns.health_check
    fence = lease.fence_seconds if lease else (plan.lease.duration + plan.lease.margin).total_seconds()
    backlog = max(0, standby.receive_lsn - standby.replay_lsn) if standby else 0
    missing = any(ready.get(name, 0) < service.full for name, service in plan.services.items())
    terms = (
        Term(name="preflight", seconds=round(preflight_seconds, 3), source="measured: this command's own, just now"),
        Term(name="start and lease", seconds=START_SECONDS, source="measured 2026-11: the program, journal, lease"),
        Term(name="fence wait", seconds=fence, source="the lease: its duration and margin"),
        Term(
            name="old site", seconds=OLD_SITE_SECONDS, source="one question's time-out: a lost region does not answer"
        ),
        Term(
            name="scale-up",
            seconds=SCALE_SECONDS if missing else 0.0,
            source="assumption: the slowest service starts on nodes that are there",
            parallel=True,
        ),
        Term(
            name="replay",
            seconds=round(backlog / REPLAY_BYTES_PER_SECOND, 3),
            source=f"{backlog} bytes received and not replayed, at a measured 195 MB/s",
        ),
        Term(name="PostgreSQL promotion", seconds=PROMOTION_SECONDS, source="measured 2026-11"),
        Term(name="checks", seconds=CHECK_SECONDS, source="assumption: write probe and six services, asked directly"),
        Term(
            name="health check",
            seconds=check.interval.total_seconds() * check.failures,
            source=f"the plan: {check.failures} of Route 53's checks",
        ),
    )
    return Forecast(terms=terms, cache_seconds=plan.dns.ttl.total_seconds(), loss=loss(lease, standby, now=now))


def loss(lease: Lease | None, standby: StandbyState | None, *, now: datetime) -> Loss:
    """What production may have acknowledged that the standby never received.

    Production stops acknowledging one lease after its last renewal at the latest, so the loss has an end even when
    nobody saw production die: from the last moment the standby is known to have, to min(now, renewal + lease).
    """
    heartbeat = lease.heartbeat if lease else None
    if standby is None:
        return Loss(
            bytes_missing=None, seconds_at_most=None, orders_at_most=None, estimate="the standby did not answer"
        )
    if lease is None or heartbeat is None:
        since = standby.last_replayed_at
        return Loss(
            bytes_missing=None,
            seconds_at_most=None if since is None else _seconds(since, now),
            orders_at_most=None,
            estimate="production's guard never reported a position",
        )
    missing = max(0, heartbeat.lsn - standby.receive_lsn)
    known_until = standby.last_replayed_at
    if missing == 0:
        # It received all there was at the heartbeat, however long ago the last transaction was.
        known_until = max(known_until or heartbeat.at, heartbeat.at)
    if known_until is None:
        return Loss(
            bytes_missing=missing,
            seconds_at_most=None,
            orders_at_most=None,
            estimate="the standby cannot say of when its newest transaction is",
        )
    closed = heartbeat.at + timedelta(seconds=lease.lease_seconds)
    seconds = _seconds(known_until, min(now, closed))
    return Loss(
        bytes_missing=missing,
        seconds_at_most=seconds,
        orders_at_most=math.ceil(heartbeat.commits_per_second * seconds),
    )


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())
