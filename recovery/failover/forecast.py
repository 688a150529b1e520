"""What a promotion will cost, said before it starts: seconds until customers are served, and orders lost for good.

Every term is named with its source, so that afterwards the measured figure can be held against the right one.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from recovery.failover.redis_loss import RedisLoss
from recovery.failover.restoring import Ordered, PlannedRestore
from recovery.failover.steps.drain import seconds_for
from recovery.lease.lease import Lease
from recovery.measured import (
    CHECKS_SECONDS,
    PG_PROMOTE_SECONDS,
    POD_START_SECONDS,
    PROMOTION_START_SECONDS,
    REPLAY_BYTES_PER_SECOND,
    SCALE_UP_SECONDS,
)
from recovery.plan.plan import Plan
from recovery.ports.standby import StandbyState
from recovery.term import Assumption, Basis, FromPlan, SeenNow, Term
from recovery.units import read_duration

# How long a promotion waits for the old site's answer when the time is up. A lost region gives none.
OLD_SITE_SECONDS = 0.8


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Orders acknowledged by production and missing at the DR site. None: nobody can know. Bytes are of WAL."""

    bytes_missing: int | None
    seconds_at_most: float | None
    orders_at_most: int | None
    estimate: str = ""  # why the figures are an estimate; empty when both sides said what they had
    arriving: bool = False  # WAL still comes in at the standby: what is missing may arrive yet
    bucket_ahead_bytes: int | None = None  # what the DR bucket has beyond the standby; None: not known
    on_purpose: str = ""  # the moment after which all is given up, as it was asked for
    of: str = "the standby"  # whose data the figures are about

    def words(self) -> str:
        """For a person at 3 a.m."""
        if self.seconds_at_most is None:
            return f"Loss: UNKNOWN. {self.estimate}"
        if self.on_purpose:
            return self._on_purpose(timedelta(seconds=round(self.seconds_at_most)))
        orders = "an unknown number of" if self.orders_at_most is None else f"at most {self.orders_at_most}"
        missing = self.bytes_missing
        if missing is None:
            known = "the standby's distance from production is not known"
        elif missing == 0:
            together = "standby and bucket together have" if self.bucket_ahead_bytes else f"{self.of} has"
            known = f"{together} everything production reported last"
        elif self.arriving:
            known = f"{missing:,} bytes that production reported have not arrived yet, and WAL still comes in"
        else:
            known = f"{missing:,} bytes that production reported are missing, and no WAL comes in any more"
        sentence = f"Loss: {orders} orders at the last rate reported, from {self.seconds_at_most:.1f} s; {known}."
        if self.bucket_ahead_bytes:
            sentence += f" {self.bucket_ahead_bytes:,} bytes that only the bucket has are drained first."
        return f"{sentence} An estimate: {self.estimate}." if self.estimate else sentence

    def _on_purpose(self, given_up: timedelta) -> str:
        rate = "" if self.orders_at_most is None else f", {self.orders_at_most:,} orders at the last rate reported"
        return (
            f"Loss, on purpose: everything after {self.on_purpose}, {read_duration(given_up)} until this was asked for"
            f"{rate}; and what is ordered from then until the old gate is closed."
        )


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Times in seconds, from the start of the promotion to the first order acknowledged at the DR site."""

    terms: tuple[Term, ...]
    cache_seconds: float  # what a client that cached the old address waits in addition
    loss: Loss
    redis: RedisLoss | None = None  # None: none waits for a promotion

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
            "terms": [
                {"name": term.name, "seconds": term.seconds, "source": term.source, "parallel": term.parallel}
                for term in self.terms
            ],
            "total_seconds": round(self.total_seconds, 3),
            "total_seconds_cached": round(self.total_seconds + self.cache_seconds, 3),
            **asdict(self.loss),
            "words": self.loss.words(),
            "redis": self.redis.as_dict() if self.redis else None,
        }


def forecast(
    plan: Plan,
    *,
    lease: Lease | None,
    standby: StandbyState | None,
    ready: Mapping[str, int],
    now: datetime,
    preflight_seconds: float = 0.0,
    arriving: bool = False,
    bucket_ahead: int | None = None,
    restore: PlannedRestore | None = None,
    ordered: Ordered | None = None,
    redis: RedisLoss | None = None,
) -> Forecast:
    """The cost of promoting now. `ready`: replicas of each service that are ready already; `preflight_seconds`: what
    the reading took that this is forecast from; `arriving`: WAL still comes in at the standby; `bucket_ahead`: bytes of
    log that the DR bucket has beyond it, None when that is not known; `restore`: what is restored before anything else
    and stands in the standby's place then; `ordered`: the run's order, by which the loss may be on purpose; `redis`:
    what of Redis is lost."""
    check = plan.dns.health_check
    fence = lease.fence_seconds if lease else (plan.lease.duration + plan.lease.margin).total_seconds()
    backlog = max(0, standby.receive_lsn - standby.replay_lsn) if standby else 0
    missing = any(ready.get(name, 0) < service.least for name, service in plan.services.items())
    scale_up = SCALE_UP_SECONDS.value if missing else 0.0
    replay = backlog / REPLAY_BYTES_PER_SECOND.value
    drained = "not known" if bucket_ahead is None else f"{bucket_ahead} bytes"
    drained = f"{drained} that only the bucket has; {REPLAY_BYTES_PER_SECOND.basis.words()}"
    received = f"{backlog} bytes received and not replayed; {REPLAY_BYTES_PER_SECOND.basis.words()}"
    checks_of_the_marker = check.interval.total_seconds() * check.failures
    if restore:
        standby = restore.as_standby()
    terms = (
        *_restoring(restore),
        _term("preflight", preflight_seconds, SeenNow("how long this command took so far")),
        _term("start and lease", PROMOTION_START_SECONDS.value, PROMOTION_START_SECONDS.basis),
        _term("fence wait", fence, SeenNow("the lease's duration and margin")),
        _term("old site", OLD_SITE_SECONDS, Assumption("it does not answer, as a lost region would not")),
        _term("scale-up", scale_up, SCALE_UP_SECONDS.basis, parallel=True),
        _term("drain", seconds_for(bucket_ahead or 0), SeenNow(drained), parallel=True),
        _term("replay", replay, SeenNow(received)),
        _term("PostgreSQL promotion", PG_PROMOTE_SECONDS.value, PG_PROMOTE_SECONDS.basis),
        _term("checks", CHECKS_SECONDS.value, CHECKS_SECONDS.basis),
        _term("health check", checks_of_the_marker, FromPlan("dns.health_check.interval, failures")),
    )
    if ordered and ordered.since:
        lost = on_purpose(lease, ordered)
    else:
        lost = loss(lease, standby, now=now, arriving=arriving, bucket_ahead=bucket_ahead)
        lost = replace(lost, of="the bucket") if restore else lost
    return Forecast(terms=terms, cache_seconds=plan.dns.ttl.total_seconds(), loss=lost, redis=redis)


def on_purpose(lease: Lease | None, ordered: Ordered) -> Loss:
    """What is given up by going back to the moment that was asked for, as it was when somebody asked."""
    heartbeat, seconds = lease.heartbeat if lease else None, ordered.lost_seconds
    return Loss(
        bytes_missing=None,
        seconds_at_most=seconds,
        orders_at_most=math.ceil(heartbeat.commits_per_second * seconds) if heartbeat else None,
        on_purpose=ordered.order.asked,
    )


def _restoring(restore: PlannedRestore | None) -> tuple[Term, ...]:
    """How long the standby takes to come up, first of all."""
    if restore is None:
        return ()
    start = Term("restore: the Pod starts", timedelta(seconds=POD_START_SECONDS.value), POD_START_SECONDS.basis)
    return (start, *(Term(f"restore: {each.name}", each.duration, each.basis) for each in restore.terms))


def loss(
    lease: Lease | None,
    standby: StandbyState | None,
    *,
    now: datetime,
    arriving: bool = False,
    bucket_ahead: int | None = None,
) -> Loss:
    """What production may have acknowledged that neither the standby nor the bucket ever received.

    Production stops acknowledging one lease after its last renewal at the latest, so the loss has an end even when
    nobody saw production die: from the last moment the standby is known to have, to min(now, renewal + lease).
    """
    heartbeat = lease.heartbeat if lease else None
    if standby is None:
        return Loss(
            bytes_missing=None, seconds_at_most=None, orders_at_most=None, estimate="the standby did not answer"
        )
    received = standby.receive_lsn + (bucket_ahead or 0)
    if lease is None or heartbeat is None:
        since = standby.last_replayed_at
        return Loss(
            bytes_missing=None,
            seconds_at_most=None if since is None else _seconds(since, now),
            orders_at_most=None,
            estimate="production's guard never reported a position",
            bucket_ahead_bytes=bucket_ahead,
        )
    missing = max(0, heartbeat.lsn - received)
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
            arriving=arriving or standby.streaming,
            bucket_ahead_bytes=bucket_ahead,
        )
    closed = heartbeat.at + timedelta(seconds=lease.lease_seconds)
    seconds = _seconds(known_until, min(now, closed))
    return Loss(
        bytes_missing=missing,
        seconds_at_most=seconds,
        orders_at_most=math.ceil(heartbeat.commits_per_second * seconds),
        arriving=arriving or standby.streaming,
        bucket_ahead_bytes=bucket_ahead,
    )


def _term(name: str, seconds: float, basis: Basis, *, parallel: bool = False) -> Term:
    return Term(name, timedelta(seconds=seconds), basis, parallel=parallel)


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())
